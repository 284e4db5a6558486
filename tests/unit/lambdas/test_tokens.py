"""Tokens: signature, issuer, expiry, use and client, each checked."""

from __future__ import annotations

import time
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from agent_common.errors import Unauthorized
from agent_common.tokens import Pool, User, verify

POOL = Pool("us-east-1_abc", "client")
KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
OTHER_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)


def token(key: Any = KEY, algorithm: str = "RS256", **changed: object) -> str:
    claims = {
        "sub": "u1",
        "iss": POOL.issuer,
        "exp": int(time.time()) + 60,
        "token_use": "access",
        "client_id": POOL.client_id,
        "username": "alice",
        **changed,
    }
    return jwt.encode({k: v for k, v in claims.items() if v is not None}, key, algorithm=algorithm)


def check(text: str) -> User:
    return verify(text, POOL, lambda pool, token: KEY.public_key())


def test_an_access_token_says_who_the_user_is() -> None:
    assert check(token()) == User("u1", "alice")


def test_an_id_token_names_its_client_as_audience() -> None:
    id_token = token(
        token_use="id", client_id=None, username=None, aud="client", **{"cognito:username": "bob"}
    )
    assert check(id_token) == User("u1", "bob")


@pytest.mark.parametrize(
    "bad",
    [
        pytest.param(token(key=OTHER_KEY), id="signed with another key"),
        pytest.param(token(exp=int(time.time()) - 1), id="expired"),
        pytest.param(token(iss=f"{POOL.issuer}d"), id="pool"),
        pytest.param(token(client_id="another"), id="client"),
        pytest.param(token(token_use="refresh"), id="use"),
        pytest.param(token(token_use=None), id="no use"),
        pytest.param(token(exp=None), id="no expiry"),
        pytest.param(token(sub=None), id="no subject"),
        pytest.param(token(key=None, algorithm="none"), id="unsigned"),
        pytest.param(token(key="client" * 8, algorithm="HS256"), id="symmetric"),
        pytest.param("no.token.atall", id="nonsense"),
        pytest.param("", id="empty"),
    ],
)
def test_any_other_token_is_refused(bad: str) -> None:
    with pytest.raises(Unauthorized):
        check(bad)
