"""Sign-ins that failed: who fails often waits (:mod:`.passwords` says how long).

Passwords and second factors are counted apart: a right password does not forget wrong codes.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from moto.cognitoidp.models import CognitoIdpUser, CognitoIdpUserPool

from local_cloud.engine.cognito import directory
from local_cloud.engine.cognito.directory import LOCK, records
from local_cloud.engine.cognito.errors import not_authorized
from local_cloud.engine.cognito.passwords import failures_now, locked_seconds

PASSWORD, FACTOR = "password", "factor"
#: How many strangers' failures a pool knows at once: a name may be anything.
STRANGERS = 1_000
_FAILURES, _STRANGERS = "kit_failed_sign_ins", "kit_strangers"
#: More than there are threads at work as a rule: users seldom share one.
_TURNS = tuple(threading.RLock() for _ in range(64))


@contextmanager
def attempt(user: CognitoIdpUser, kind: str = PASSWORD) -> Iterator[None]:
    """Look at one attempt of a user's at a time: those that come at once are counted, too.

    Raises:
        CommonServiceException: ``NotAuthorizedException``: the user has to wait.
    """
    with _TURNS[hash(user.id) % len(_TURNS)]:
        check_lock(user, kind)
        yield


def check_lock(user: CognitoIdpUser, kind: str = PASSWORD) -> None:
    """Refuse a sign-in of a user who has to wait.

    Raises:
        CommonServiceException: ``NotAuthorizedException``.
    """
    _check(records(user, _FAILURES), kind)


def note_sign_in(user: CognitoIdpUser, kind: str = PASSWORD, *, failed: bool) -> None:
    """Count a failed sign-in; one that succeeds forgets those of its kind."""
    with LOCK:
        kept = records(user, _FAILURES)
        if failed:
            _count(kept, kind)
        else:
            kept.pop(kind, None)


def forget_failures(user: CognitoIdpUser) -> None:
    """Let a user sign in at once, whose password was set anew."""
    with LOCK:
        records(user, _FAILURES).pop(PASSWORD, None)


def fail_stranger(pool: CognitoIdpUserPool, name: str) -> None:
    """Have somebody who is not there wait as a user would: a lock tells nobody who is.

    Raises:
        CommonServiceException: ``NotAuthorizedException``.
    """
    with LOCK:
        kept = records(pool, _STRANGERS)
        _check(kept, name)
        _count(kept, name)
        for old in list(kept)[: max(0, len(kept) - STRANGERS)]:
            del kept[old]


def _check(kept: dict[str, Any], key: str) -> None:
    with LOCK:
        failures, last = kept.get(key, (0, 0.0))
        if locked_seconds(failures, last, directory.now()) > 0:
            raise not_authorized("Password attempts exceeded")


def _count(kept: dict[str, Any], key: str) -> None:
    failures, last = kept.pop(key, (0, 0.0))
    now = directory.now()
    kept[key] = [failures_now(failures, last, now) + 1, now]
