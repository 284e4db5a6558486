"""What a password must be like, and how long a user waits who did not know theirs.

https://docs.aws.amazon.com/cognito/latest/developerguide/managing-users-passwords.html
https://docs.aws.amazon.com/cognito/latest/developerguide/authentication.html#authentication-flow-lockout-behavior
"""

from __future__ import annotations

import secrets
import string
from collections.abc import Mapping
from typing import Any

SYMBOLS = frozenset("^$*.[]{}()?\"!@#%&/\\,><':;|_~`=+- ")
MINIMUM_LENGTH, MAXIMUM_LENGTH = 8, 256
_NEEDED = (
    ("RequireLowercase", "lowercase", frozenset(string.ascii_lowercase)),
    ("RequireUppercase", "uppercase", frozenset(string.ascii_uppercase)),
    ("RequireNumbers", "numeric", frozenset(string.digits)),
    ("RequireSymbols", "symbol", SYMBOLS),
)
#: Failures that are free of waiting, and the wait's bounds, in seconds.
FREE_FAILURES, LONGEST_LOCK, FORGOTTEN_AFTER = 5, 15 * 60, 15 * 60


def password_fault(policy: Mapping[str, Any], password: str) -> str | None:
    """Return what keeps a password from conforming to a ``PasswordPolicy``, in AWS's words."""
    if len(password) < int(policy.get("MinimumLength", MINIMUM_LENGTH)):
        return "Password did not conform with policy: Password not long enough"
    if len(password) > MAXIMUM_LENGTH:
        return "Password did not conform with policy: Password too long"
    for setting, kind, characters in _NEEDED:
        if policy.get(setting, False) and not characters.intersection(password):
            return f"Password did not conform with policy: Password must have {kind} characters"
    if password != password.strip():
        return "Password did not conform with policy: Password must not begin or end with a space"
    return None


def temporary_password(policy: Mapping[str, Any]) -> str:
    """Return a random password that conforms to any policy of its length."""
    kinds = (string.ascii_lowercase, string.ascii_uppercase, string.digits, "!@#%&*-_=+")
    length = max(12, int(policy.get("MinimumLength", MINIMUM_LENGTH)))
    letters = [secrets.choice(kind) for kind in kinds]
    letters += [secrets.choice("".join(kinds)) for _ in range(length - len(letters))]
    secrets.SystemRandom().shuffle(letters)
    return "".join(letters)


def locked_seconds(failures: int, last: float, now: float) -> float:
    """Return how long a user still waits after so many failed sign-ins.

    The fifth locks for a second, each further one for twice as long, up to 15 minutes.

    Args:
        last: when the last one was, in seconds since 1970.
    """
    if failures < FREE_FAILURES:
        return 0.0
    lock = min(2.0 ** min(failures - FREE_FAILURES, 20), LONGEST_LOCK)
    return max(0.0, last + lock - now)


def failures_now(failures: int, last: float, now: float) -> int:
    """Return how many failed sign-ins still count: after 15 quiet minutes, none."""
    return 0 if now - last - locked_seconds(failures, last, last) >= FORGOTTEN_AFTER else failures
