"""Users' passwords: kept as SRP verifiers (RFC 2945 section 3), never as text."""

from __future__ import annotations

import hashlib
import hmac
import secrets

from moto.cognitoidp.models import CognitoIdpUser, CognitoIdpUserPool

from local_cloud.engine.cognito import sessions, srp
from local_cloud.engine.cognito.directory import LOCK

#: A verifier takes ten milliseconds to compute: passwords that were right are known again while
#: this process lives, by a hash under a key that nobody else has.
_KEY = secrets.token_bytes(32)
_REMEMBERED: dict[str, bytes] = {}
_MOST = 10_000


def sign_in_name(pool: CognitoIdpUserPool) -> str:
    """Return the part of a pool's id that SRP hashes."""
    return str(pool.id).partition("_")[2]


def set_password(pool: CognitoIdpUserPool, user: CognitoIdpUser, password: str) -> None:
    """Keep a password's verifier, and not the password; who has begun with another begins anew."""
    salt = srp.new_salt()
    value = srp.verifier(sign_in_name(pool), user.username, password, salt)
    with LOCK:
        user.srp_salt, user.srp_verifier, user.password = f"{salt:x}", f"{value:x}", None
        _remember(user, _proof(value, password))
        sessions.end_sessions(pool, user.username)


def password_record(pool: CognitoIdpUserPool, user: CognitoIdpUser) -> tuple[int, int] | None:
    """Return salt and verifier; ``None`` for a user without a password.

    Users who were kept by an earlier release have their password in the place of both.
    """
    with LOCK:
        if user.password is not None:
            set_password(pool, user, user.password)
        if not getattr(user, "srp_verifier", None):
            return None
        return int(user.srp_salt, 16), int(user.srp_verifier, 16)


def is_password(pool: CognitoIdpUserPool, user: CognitoIdpUser, password: str) -> bool:
    """Return whether a password is the user's."""
    record = password_record(pool, user)
    if record is None:
        return False
    salt, verifier = record
    proof = _proof(verifier, password)
    if hmac.compare_digest(_REMEMBERED.get(user.id, b""), proof):
        return True
    right = is_of(pool, user.username, password, salt, verifier)
    if right:
        with LOCK:
            _remember(user, proof)
    return right


def is_of(pool: CognitoIdpUserPool, username: str, password: str, salt: int, verifier: int) -> bool:
    """Return whether a verifier is a password's, under a user name and a salt."""
    found = srp.verifier(sign_in_name(pool), username, password, salt)
    return hmac.compare_digest(f"{found:x}", f"{verifier:x}")


def _proof(verifier: int, password: str) -> bytes:
    message = f"{verifier:x}:{password}".encode(errors="surrogatepass")
    return hmac.digest(_KEY, message, hashlib.sha256)


def _remember(user: CognitoIdpUser, proof: bytes) -> None:
    if len(_REMEMBERED) >= _MOST:
        _REMEMBERED.clear()
    _REMEMBERED[user.id] = proof
