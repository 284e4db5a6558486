"""Second factors: which a user has, which a pool asks for, and the codes of software tokens.

https://docs.aws.amazon.com/cognito/latest/developerguide/user-pool-settings-mfa.html
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from moto.cognitoidp.models import CognitoIdpUser, CognitoIdpUserPool

from local_cloud.engine.cognito import directory, totp
from local_cloud.engine.cognito.directory import LOCK
from local_cloud.engine.cognito.errors import invalid_parameter, refusal

TOKEN, SMS = "SOFTWARE_TOKEN_MFA", "SMS_MFA"


def offered(pool: CognitoIdpUserPool) -> list[str]:
    """Return the factors that a pool takes; none where it is ``OFF``."""
    if pool.mfa_config not in ("ON", "OPTIONAL"):
        return []
    token = (pool.token_mfa_config or {}).get("Enabled", False)
    sms = bool(pool.sms_mfa_config or pool.extended_config.get("SmsConfiguration"))
    return [name for name, there in ((SMS, sms), (TOKEN, token)) if there]


def factors(pool: CognitoIdpUserPool, user: CognitoIdpUser) -> list[str]:
    """Return the factors that a user has to choose from when they sign in.

    A pool that requires a factor takes a verified token for one, whether or not it is preferred,
    and a phone number for SMS where nothing else is there.
    """
    takes = offered(pool)
    required = pool.mfa_config == "ON"
    found = []
    if TOKEN in takes and has_token(user) and (user.software_token_mfa_enabled or required):
        found.append(TOKEN)
    phone = user.attribute_lookup.get("phone_number")
    if SMS in takes and phone and (user.sms_mfa_enabled or (required and not found)):
        found.append(SMS)
    if user.preferred_mfa_setting in found:
        return [str(user.preferred_mfa_setting)]
    return found


def to_set_up(pool: CognitoIdpUserPool) -> str:
    """Return ``MFAS_CAN_SETUP``: what a user without a factor can set up, in JSON."""
    return json.dumps(offered(pool))


def has_token(user: CognitoIdpUser) -> bool:
    """Return whether a user has a secret of their own and has shown a code of it."""
    return bool(user.token_verified and getattr(user, "totp_secret", None))


def associate(user: CognitoIdpUser) -> str:
    """Return a new random secret, which counts once a code of it was verified."""
    with LOCK:
        user.totp_pending = totp.new_secret()
        return str(user.totp_pending)


def verify_new_token(user: CognitoIdpUser, code: str) -> None:
    """Take the secret that was last associated, if a code is of it.

    Raises:
        CommonServiceException: ``EnableSoftwareTokenMFAException``: it is not;
            ``InvalidParameterException``: no secret was associated.
    """
    with LOCK:
        secret = getattr(user, "totp_pending", None)
        if not secret:
            raise invalid_parameter("User has not set up software token mfa")
        step = totp.step_of_code(secret, code, directory.now())
        if step is None:
            raise refusal(
                "EnableSoftwareTokenMFAException",
                "Code mismatch and fail enable Software Token MFA",
            )
        user.totp_secret, user.totp_pending, user.totp_last_step = secret, None, step
        user.token_verified = True


def check_token(user: CognitoIdpUser, code: str) -> None:
    """Use a code of a user's software token up.

    Raises:
        CommonServiceException: ``CodeMismatchException``; ``ExpiredCodeException``: it, or a later
            one, was used (RFC 6238 section 5.2).
    """
    with LOCK:
        step = totp.step_of_code(user.totp_secret, code, directory.now())
        if step is None:
            raise refusal("CodeMismatchException", "Invalid code received for user")
        if step <= getattr(user, "totp_last_step", -1):
            raise refusal("ExpiredCodeException", "Your software token has already been used once.")
        user.totp_last_step = step


def set_preference(
    pool: CognitoIdpUserPool,
    user: CognitoIdpUser,
    token: Mapping[str, Any] | None,
    sms: Mapping[str, Any] | None,
    email: Mapping[str, Any] | None,
) -> None:
    """Turn factors of a user on and off, and choose the preferred one.

    Raises:
        CommonServiceException: ``InvalidParameterException``: the pool or the user has not what is
            turned on, or two are preferred.
    """
    if email and email.get("Enabled"):
        raise invalid_parameter("Email MFA is not answered by the local cloud; use TOTP or SMS")
    wanted = {TOKEN: token or {}, SMS: sms or {}}
    takes = offered(pool)
    for name, setting in wanted.items():
        if setting.get("Enabled") and name not in takes:
            raise invalid_parameter(f"User pool does not have {name} enabled")
        if setting.get("PreferredMfa") and not setting.get("Enabled"):
            raise invalid_parameter(f"{name} is preferred, but not enabled")
    if all(setting.get("PreferredMfa") for setting in wanted.values()):
        raise invalid_parameter("SMS and Software Token MFA cannot both be preferred")
    if wanted[TOKEN].get("Enabled") and not has_token(user):
        raise invalid_parameter("User has not verified software token mfa")
    if wanted[SMS].get("Enabled") and not user.attribute_lookup.get("phone_number"):
        raise invalid_parameter("User does not have delivery config set to turn on SMS_MFA")
    with LOCK:
        if token is not None:
            user.software_token_mfa_enabled = bool(token.get("Enabled"))
        if sms is not None:
            user.sms_mfa_enabled = bool(sms.get("Enabled"))
        for name, setting in wanted.items():
            if setting.get("PreferredMfa"):
                user.preferred_mfa_setting = name
            elif setting and user.preferred_mfa_setting == name:
                user.preferred_mfa_setting = ""
