"""The password policy of a pool, asked of a new password."""

from __future__ import annotations

from typing import Any

from moto.cognitoidp.models import CognitoIdpUserPool

from local_cloud.engine.cognito.errors import refusal
from local_cloud.engine.cognito.passwords import password_fault


def policy_of(pool: CognitoIdpUserPool) -> dict[str, Any]:
    """Return a pool's ``PasswordPolicy``."""
    found: dict[str, Any] = (pool.extended_config.get("Policies") or {}).get("PasswordPolicy") or {}
    return found


def check_policy(pool: CognitoIdpUserPool, password: str) -> None:
    """Refuse a password that does not conform.

    Raises:
        CommonServiceException: ``InvalidPasswordException``.
    """
    if fault := password_fault(policy_of(pool), password):
        raise refusal("InvalidPasswordException", fault)
