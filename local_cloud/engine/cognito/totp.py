"""One-time passwords of software tokens (RFC 6238, on HOTP of RFC 4226 section 5.3).

https://docs.aws.amazon.com/cognito/latest/developerguide/user-pool-settings-mfa-totp.html
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets

STEP_SECONDS, DIGITS, SECRET_BYTES = 30, 6, 32
#: Steps before and after the present one whose codes are taken (RFC 6238 section 5.2).
WINDOW = 1


def new_secret() -> str:
    """Return a random secret, in Base32 without padding, as authenticators take it."""
    return base64.b32encode(secrets.token_bytes(SECRET_BYTES)).decode().rstrip("=")


def code_of_step(secret: str, step: int) -> str:
    """Return the code of one step since 1970.

    Args:
        secret: in Base32, its padding left out.
    """
    key = base64.b32decode(secret + "=" * (-len(secret) % 8))
    digest = hmac.digest(key, step.to_bytes(8), hashlib.sha1)
    offset = digest[-1] & 0xF
    number = int.from_bytes(digest[offset : offset + 4]) & 0x7FFF_FFFF
    return f"{number % 10**DIGITS:0{DIGITS}}"


def step_of_code(secret: str, code: str, now: float) -> int | None:
    """Return the step that a code belongs to; ``None`` where it is none of now.

    Args:
        now: in seconds since 1970.
    """
    present = int(now) // STEP_SECONDS
    found = None
    for step in range(present - WINDOW, present + WINDOW + 1):
        expected = code_of_step(secret, step).encode()
        if hmac.compare_digest(expected, code.encode(errors="surrogatepass")):
            found = step
    return found
