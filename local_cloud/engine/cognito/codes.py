"""Codes that a user is sent and sends back: they expire, and cannot be guessed at will.

https://docs.aws.amazon.com/cognito/latest/developerguide/limits.html
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import MutableMapping
from typing import Any

from local_cloud.engine.cognito.errors import refusal, too_many

DAY, HOUR, MINUTE = 86_400, 3_600, 60
#: How many wrong codes, and how many new codes, a user has in an hour for one purpose.
TRIES, SENDS = 5, 10

#: A user's codes by purpose: ``{"code", "expires", "medium", "failed", "sent"}``.
Codes = MutableMapping[str, dict[str, Any]]


def issue(codes: Codes, purpose: str, medium: str, seconds: float, now: float) -> str:
    """Return a new code of six digits, which takes the place of an earlier one.

    Args:
        medium: the attribute that it is sent to: ``email`` or ``phone_number``.
        seconds: how long it is good for.
        now: in seconds since 1970.

    Raises:
        CommonServiceException: ``LimitExceededException``: so many were sent within an hour.
    """
    before = codes.get(purpose, {})
    sent = [at for at in before.get("sent", ()) if now - at < HOUR]
    if len(sent) >= SENDS:
        raise too_many()
    code = f"{secrets.randbelow(10**6):06}"
    codes[purpose] = {
        "code": code,
        "expires": now + seconds,
        "medium": medium,
        "failed": before.get("failed", []),
        "sent": [*sent, now],
    }
    return code


def redeem(codes: Codes, purpose: str, code: str, now: float) -> str:
    """Use a code up, and return the attribute that it was sent to.

    Raises:
        CommonServiceException: ``ExpiredCodeException``: there is none, or none any more;
            ``CodeMismatchException``; ``LimitExceededException``: too many were wrong.
    """
    known = codes.get(purpose)
    if known is None or known["code"] is None:
        raise expired()
    known["failed"] = [at for at in known["failed"] if now - at < HOUR]
    if len(known["failed"]) >= TRIES:
        raise too_many()
    if now >= known["expires"]:
        raise expired()
    if not hmac.compare_digest(known["code"].encode(), code.encode(errors="surrogatepass")):
        known["failed"].append(now)
        raise refusal(
            "CodeMismatchException", "Invalid verification code provided, please try again."
        )
    known["code"], known["failed"] = None, []
    return str(known["medium"])


def expired() -> Exception:
    """Return the refusal of a code that is none any more."""
    return refusal("ExpiredCodeException", "Invalid code provided, please request a code again.")
