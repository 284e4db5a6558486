"""Verifies Cognito tokens: signature, issuer, expiry, use and client.

https://docs.aws.amazon.com/cognito/latest/developerguide/amazon-cognito-user-pools-using-tokens-verifying-a-jwt.html
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import jwt

from agent_common.errors import Unauthorized


@dataclass(frozen=True)
class User:
    """Who a token speaks for."""

    user_id: str
    username: str


@dataclass(frozen=True)
class Pool:
    """A user pool and the one client whose tokens are accepted."""

    pool_id: str
    client_id: str

    @property
    def issuer(self) -> str:
        region = self.pool_id.partition("_")[0]
        return f"https://cognito-idp.{region}.amazonaws.com/{self.pool_id}"

    @property
    def keys_url(self) -> str:
        endpoint = os.environ.get("COGNITO_ENDPOINT") or os.environ.get("AWS_ENDPOINT_URL")
        base = f"{endpoint.rstrip('/')}/{self.pool_id}" if endpoint else self.issuer
        return f"{base}/.well-known/jwks.json"


def configured_pool() -> Pool:
    """Return the pool that the environment names."""
    return Pool(os.environ["USER_POOL_ID"], os.environ["USER_POOL_CLIENT_ID"])


@cache
def _keys(url: str) -> jwt.PyJWKClient:
    return jwt.PyJWKClient(url, cache_keys=True, timeout=5)


def find_key(pool: Pool, token: str) -> object:
    """Return the pool's public key that the token names."""
    return _keys(pool.keys_url).get_signing_key_from_jwt(token).key


def verify(token: str, pool: Pool, key_for: Callable[[Pool, str], object] = find_key) -> User:
    """Return the user that a token speaks for.

    Raises:
        Unauthorized: the token is not a valid one of this pool and client.
    """
    try:
        claims = jwt.decode(
            token,
            key_for(pool, token),  # type: ignore[arg-type]
            algorithms=["RS256"],
            issuer=pool.issuer,
            options={"require": ["exp", "iss", "sub", "token_use"], "verify_aud": False},
        )
    except jwt.PyJWTError as error:
        raise Unauthorized(f"The token is not valid: {error}") from error
    use = claims["token_use"]
    # An access token names its client in client_id, an id token in aud.
    client = claims.get({"access": "client_id", "id": "aud"}.get(use, ""))
    if client != pool.client_id:
        raise Unauthorized("The token was not issued for this application")
    name = claims.get("username") or claims.get("cognito:username") or claims["sub"]
    return User(str(claims["sub"]), str(name))
