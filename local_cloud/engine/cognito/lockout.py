"""Sign-ins that failed: who fails often waits (:mod:`.passwords` says how long)."""

from __future__ import annotations

from moto.cognitoidp.models import CognitoIdpUser

from local_cloud.engine.cognito import directory
from local_cloud.engine.cognito.directory import LOCK
from local_cloud.engine.cognito.errors import not_authorized
from local_cloud.engine.cognito.passwords import failures_now, locked_seconds


def check_lock(user: CognitoIdpUser) -> None:
    """Refuse a sign-in of a user who has to wait.

    Raises:
        CommonServiceException: ``NotAuthorizedException``.
    """
    with LOCK:
        if locked_seconds(*_failures(user), directory.now()) > 0:
            raise not_authorized("Password attempts exceeded")


def note_sign_in(user: CognitoIdpUser, *, failed: bool) -> None:
    """Count a failed sign-in; one that succeeds forgets them."""
    with LOCK:
        now = directory.now()
        if failed:
            user.kit_failures = [failures_now(*_failures(user), now) + 1, now]
        elif getattr(user, "kit_failures", None):
            user.kit_failures = []


def _failures(user: CognitoIdpUser) -> tuple[int, float]:
    kept = getattr(user, "kit_failures", None) or [0, 0.0]
    return int(kept[0]), float(kept[1])
