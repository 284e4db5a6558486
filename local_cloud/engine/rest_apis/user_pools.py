"""COGNITO_USER_POOLS authorizers: tokens of the pools that an authorizer names.

https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-integrate-with-cognito.html
https://docs.aws.amazon.com/cognito/latest/developerguide/amazon-cognito-user-pools-using-tokens-verifying-a-jwt.html
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import orjson
from joserfc import jws, jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from local_cloud.engine.rest_apis.identity import WrongAuthorizer
from local_cloud.engine.rest_apis.lambda_authorizers import Unauthorized

#: Seconds for which a pool's keys are kept, and after which a key that is not among them is
#: looked for again.
KEPT_SECONDS, AGAIN_SECONDS = 60.0, 2.0
EXPIRED = "The incoming token has expired"
_DATES = frozenset({"exp", "iat"})


@dataclass(frozen=True)
class Pool:
    """A user pool, by its ARN."""

    id: str
    region: str

    @classmethod
    def of(cls, arn: str) -> Pool:
        """Return the pool of an ARN.

        Raises:
            WrongAuthorizer: it is none of a user pool.
        """
        parts = arn.split(":")
        kind, _, name = parts[-1].partition("/")
        if len(parts) != 6 or parts[2] != "cognito-idp" or kind != "userpool" or not name:
            raise WrongAuthorizer(f"providerARNs: {arn} is no user pool")
        return cls(name, parts[3])

    @property
    def issuer(self) -> str:
        """What its tokens say of who has issued them."""
        return f"https://cognito-idp.{self.region}.amazonaws.com/{self.id}"


#: Fetches the JSON Web Key Set that a pool publishes; ``None`` where there is no such pool.
Fetch = Callable[[Pool], Mapping[str, Any] | None]


class PublishedKeys:
    """Pools' public keys, as they publish them."""

    def __init__(self, fetch: Fetch, now: Callable[[], float] = time.monotonic) -> None:
        self._fetch = fetch
        self._now = now
        self._lock = threading.Lock()
        self._kept: dict[Pool, tuple[float, KeySet | None]] = {}

    def of(self, pool: Pool, key_id: str) -> KeySet | None:
        """Return a pool's keys, fetched again where one is not among those that are known."""
        with self._lock:
            fetched, keys = self._kept.get(pool, (-KEPT_SECONDS, None))
            age = self._now() - fetched
            known = keys is not None and any(key.kid == key_id for key in keys.keys)
            if age < (KEPT_SECONDS if known else AGAIN_SECONDS):
                return keys
        told = self._fetch(pool)
        keys = None if told is None else KeySet.import_key_set(dict(told))
        with self._lock:
            self._kept[pool] = (self._now(), keys)
        return keys


def verify(
    token: str,
    arns: Collection[str],
    scopes: Collection[str],
    keys: PublishedKeys,
    now: float,
) -> dict[str, Any]:
    """Return the claims of a token that one of these pools has issued.

    Args:
        token: with or without ``Bearer`` before it.
        arns: the pools'.
        scopes: what the method asks for: with one of them an access token, else an ID token.
        now: seconds since 1970.

    Raises:
        Unauthorized: it is no such token; with a message where AWS has one of its own.
        WrongAuthorizer: an ARN is none of a pool.
    """
    pools = {pool.issuer: pool for pool in map(Pool.of, arns)}
    word, _, rest = token.strip().partition(" ")
    text = rest.strip() if word.lower() == "bearer" and rest else token.strip()
    try:
        pool, key_id = _said(text, pools)
        known = keys.of(pool, key_id)
        if known is None:
            raise Unauthorized
        claims = dict(jwt.decode(text, known, algorithms=["RS256"]).claims)
    except (JoseError, ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise Unauthorized from error
    expires = claims.get("exp")
    if claims.get("iss") != pool.issuer or not isinstance(expires, int | float):
        raise Unauthorized
    if expires <= now:
        raise Unauthorized(EXPIRED)
    if scopes:
        granted = str(claims.get("scope", "")).split()
        if claims.get("token_use") != "access" or not set(granted) & set(scopes):
            raise Unauthorized
    elif claims.get("token_use") != "id":
        raise Unauthorized
    return claims


def _said(token: str, pools: Mapping[str, Pool]) -> tuple[Pool, str]:
    """Return the pool and the key that a token names; nothing is believed of it yet."""
    signature = jws.extract_compact(token.encode())
    header = signature.headers()
    payload = _json(signature.payload)
    return pools[str(payload["iss"])], str(header["kid"])


def _json(payload: bytes) -> dict[str, Any]:
    told = orjson.loads(payload)
    if not isinstance(told, dict):
        raise TypeError
    return told


def claims_told(claims: Mapping[str, Any]) -> dict[str, str]:
    """Return claims as ``$context.authorizer.claims`` has them: all of them are text."""
    return {name: _text(name, value) for name, value in claims.items()}


def _text(name: str, value: Any) -> str:
    if name in _DATES and isinstance(value, int | float):
        return f"{datetime.fromtimestamp(value, UTC):%a %b %d %H:%M:%S UTC %Y}"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return ",".join(map(str, value))
    return str(value)
