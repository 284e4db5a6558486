"""The steps of a sign-in: password or SRP, the user's status, second factors, tokens.

https://docs.aws.amazon.com/cognito/latest/developerguide/amazon-cognito-user-pools-authentication-flow.html
"""

from __future__ import annotations

import hashlib
import hmac
import json
from typing import Any

from localstack.aws.api import CommonServiceException
from moto.cognitoidp.models import CognitoIdpUser, UserStatus

from local_cloud.engine.cognito import (
    attributes,
    codes,
    directory,
    flows,
    messages,
    mfa,
    sessions,
    srp,
    tokens,
    verifiers,
)
from local_cloud.engine.cognito.call import ClientCall, Parameters
from local_cloud.engine.cognito.directory import LOCK, records
from local_cloud.engine.cognito.errors import (
    WRONG_LOGIN,
    invalid_parameter,
    not_authorized,
    refusal,
    user_not_found,
)
from local_cloud.engine.cognito.lockout import attempt, fail_stranger, note_sign_in
from local_cloud.engine.cognito.triggers import user_attributes, wrong_response

Answer = dict[str, Any]

MFA_SECONDS = 3 * codes.MINUTE
CODES = "kit_codes"
_DAY = 86_400


def check_password(call: ClientCall, user: CognitoIdpUser, password: str) -> None:
    """Refuse a password that is not the user's.

    Raises:
        CommonServiceException: ``NotAuthorizedException``.
    """
    with attempt(user):
        right = verifiers.is_password(call.pool, user, password)
        note_sign_in(user, failed=not right)
    if not right:
        raise not_authorized()


def pre_authenticate(call: ClientCall, user: CognitoIdpUser | None, username: str) -> None:
    """Run the pool's pre authentication function; of somebody who is not there only where the
    client does not tell.
    """
    if user is None and call.tells_of_users:
        return
    request = {
        "userAttributes": user_attributes(user) if user else {},
        "validationData": call.metadata or None,
        **({} if call.tells_of_users else {"userNotFound": user is None}),
    }
    name = user.username if user else username
    call.triggers.run("PreAuthentication", "Authentication", name, request, {})


def begin_srp(call: ClientCall, username: str, given: Parameters, flow: str, **more: Any) -> Answer:
    """Answer a client's A with salt, B and a secret block to sign.

    Where the client does not tell who is there, a stranger gets the same, always with one salt.

    Args:
        more: what the session keeps besides.
    """
    client_value = needed(given, "SRP_A")
    if not srp.is_public_value(client_value):
        raise invalid_parameter("SRP_A is not a public value of the 3072-bit group")
    user = call.find(username)
    if user is None and call.tells_of_users:
        raise user_not_found()
    pre_authenticate(call, user, username)
    record = verifiers.password_record(call.pool, user) if user is not None else None
    name = user.username if user is not None else username
    if record is None:
        salt, verifier = invented(call, name)
    else:
        salt, verifier = record
    exchange = srp.Exchange.begin(verifier, client_value)
    block = sessions.open_session(
        *(call.pool, call.client, name, "PASSWORD_VERIFIER", flow),
        private=exchange.private,
        public=exchange.public,
        public_of_client=exchange.client,
        verifier=f"{verifier:x}",
        known=record is not None,
        **more,
    )
    return {
        "ChallengeName": "PASSWORD_VERIFIER",
        "ChallengeParameters": {
            "USERNAME": name,
            "USER_ID_FOR_SRP": name,
            "SALT": f"{salt:x}",
            "SRP_B": exchange.public,
            "SECRET_BLOCK": block,
        },
        **({"Session": block} if flow == flows.CUSTOM else {}),
    }


def invented(call: ClientCall, username: str) -> tuple[int, int]:
    """Return salt and verifier of somebody who has none; the same for a name as long as the
    client is there.
    """
    seed = hmac.digest(
        call.client.secret.encode(), username.encode(errors="surrogatepass"), hashlib.sha256
    )
    salt = int.from_bytes(seed[: srp.SALT_BYTES])
    return salt, pow(srp.G, int.from_bytes(seed), srp.N)


def verified_by_srp(call: ClientCall, session: sessions.Session, given: Parameters) -> bool:
    """Return whether a client has signed the secret block with the key that both sides have."""
    timestamp = needed(given, "TIMESTAMP")
    if not srp.is_timestamp(timestamp):
        raise invalid_parameter("TIMESTAMP format should be EEE MMM d HH:mm:ss z yyyy in english.")
    signed_with = needed(given, "PASSWORD_CLAIM_SIGNATURE")
    user = call.find(session["username"])
    if user is None:
        fail_stranger(call.pool, session["username"])
        _is_signed(call, session, timestamp, signed_with)  # it takes as long as a user's does
        return False
    with attempt(user):
        right = _is_signed(call, session, timestamp, signed_with) and session["known"]
        note_sign_in(user, failed=not right)
    return bool(right)


def _is_signed(
    call: ClientCall, session: sessions.Session, timestamp: str, signed_with: str
) -> bool:
    exchange = srp.Exchange(session["private"], session["public"], session["public_of_client"])
    expected = srp.signature(
        exchange.key(int(session["verifier"], 16)),
        verifiers.sign_in_name(call.pool),
        session["username"],
        sessions.decoded(session["name"]),
        timestamp,
    )
    return srp.is_signature(expected, signed_with)


def after_password(
    call: ClientCall, user: CognitoIdpUser, flow: str, metadata: dict[str, str]
) -> Answer:
    """Go on with a user whose password was right: to a challenge, or to tokens.

    Raises:
        CommonServiceException: the user may not sign in: they are disabled or unconfirmed, or have
            to reset their password, or their temporary one has expired.
    """
    check_status(user)
    if user.status is UserStatus.FORCE_CHANGE_PASSWORD:
        return _ask_new_password(call, user, flow)
    return after_first_factor(call, user, flow, "Authentication", metadata)


def check_status(user: CognitoIdpUser) -> None:
    """Refuse a user who may not sign in at present."""
    if not user.enabled:
        raise not_authorized("User is disabled.")
    if user.status is UserStatus.UNCONFIRMED:
        raise refusal("UserNotConfirmedException", "User is not confirmed.")
    if user.status is UserStatus.RESET_REQUIRED:
        raise refusal("PasswordResetRequiredException", "Password reset required for the user")


def _ask_new_password(call: ClientCall, user: CognitoIdpUser, flow: str) -> Answer:
    policy = (call.pool.extended_config.get("Policies") or {}).get("PasswordPolicy") or {}
    days = int(policy.get("TemporaryPasswordValidityDays") or 7)
    if directory.now() > getattr(user, "kit_temporary_since", float("inf")) + days * _DAY:
        raise not_authorized(
            "Temporary password has expired and must be reset by an administrator."
        )
    schema = attributes.schema_of(call.pool)
    missing = [
        f"userAttributes.{name}"
        for name, one in schema.items()
        if one.required and name != "sub" and not user.attribute_lookup.get(name)
    ]
    names = attributes.readable(call.client.extended_config.get("ReadAttributes") or (), schema)
    shown = {k: v for k, v in user.attribute_lookup.items() if k in names and k != "sub"}
    session = sessions.open_session(
        call.pool, call.client, user.username, "NEW_PASSWORD_REQUIRED", flow
    )
    return {
        "ChallengeName": "NEW_PASSWORD_REQUIRED",
        "Session": session,
        "ChallengeParameters": {
            "USER_ID_FOR_SRP": user.username,
            "requiredAttributes": json.dumps(missing),
            "userAttributes": json.dumps(shown),
        },
    }


def after_first_factor(
    call: ClientCall, user: CognitoIdpUser, flow: str, source: str, metadata: dict[str, str]
) -> Answer:
    """Ask for a second factor, where user and pool have one; else give tokens."""
    choices = mfa.factors(call.pool, user)
    if len(choices) > 1:
        session = _open(call, user, "SELECT_MFA_TYPE", flow, source)
        return {
            "ChallengeName": "SELECT_MFA_TYPE",
            "Session": session,
            "ChallengeParameters": {
                "USER_ID_FOR_SRP": user.username,
                "MFAS_CAN_CHOOSE": json.dumps(choices),
            },
        }
    if choices:
        return ask_factor(call, user, choices[0], flow, source)
    if call.pool.mfa_config == "ON":
        return {
            "ChallengeName": "MFA_SETUP",
            "Session": _open(call, user, "MFA_SETUP", flow, source),
            "ChallengeParameters": {
                "USER_ID_FOR_SRP": user.username,
                "MFAS_CAN_SETUP": mfa.to_set_up(call.pool),
            },
        }
    return signed_in(call, user, source, metadata)


def ask_factor(
    call: ClientCall, user: CognitoIdpUser, factor: str, flow: str, source: str
) -> Answer:
    """Ask for a code of one factor."""
    shown = {"USER_ID_FOR_SRP": user.username}
    if factor == mfa.TOKEN:
        shown["FRIENDLY_DEVICE_NAME"] = getattr(user, "totp_name", None) or "TOTP device"
    else:
        with LOCK:
            kept = records(user, CODES)
            code = codes.issue(kept, factor, "phone_number", MFA_SECONDS, directory.now())
        messages.write(call.triggers, user, "phone_number", "Authentication", code, call.metadata)
        sent = messages.delivery(user, "phone_number")
        shown["CODE_DELIVERY_DELIVERY_MEDIUM"] = sent["DeliveryMedium"]
        shown["CODE_DELIVERY_DESTINATION"] = sent["Destination"]
    session = _open(call, user, factor, flow, source)
    return {"ChallengeName": factor, "Session": session, "ChallengeParameters": shown}


def _open(call: ClientCall, user: CognitoIdpUser, challenge: str, flow: str, source: str) -> str:
    return sessions.open_session(
        call.pool, call.client, user.username, challenge, flow, source=source
    )


def signed_in(
    call: ClientCall, user: CognitoIdpUser, source: str, metadata: dict[str, str]
) -> Answer:
    """Return tokens, after the pool's post authentication function has run.

    Args:
        source: what the tokens are generated for: ``Authentication``, ``NewPasswordChallenge``.
        metadata: the ``ClientMetadata`` that functions are given: of an answer to a challenge, not
            of ``InitiateAuth``.
    """
    request = {
        "userAttributes": user_attributes(user),
        "newDeviceUsed": False,
        "clientMetadata": metadata,
    }
    call.triggers.run("PostAuthentication", "Authentication", user.username, request, {})
    grant, refresh_token = tokens.grant(call.pool, call.client, user)
    result = tokens.issue(call.triggers, call.client, user, grant, source, metadata)
    return {
        "ChallengeParameters": {},
        "AuthenticationResult": {**result, "RefreshToken": refresh_token},
    }


def migrate(
    call: ClientCall, username: str, source: str, request: Answer, password: str | None
) -> CognitoIdpUser | None:
    """Make a user of what the pool's migration function knows of them.

    Raises:
        CommonServiceException: the function does not know them, or answered wrongly.
    """
    empty = dict.fromkeys(
        ("userAttributes", "finalUserStatus", "messageAction", "desiredDeliveryMediums")
    )
    if not call.triggers.has("UserMigration"):
        return None
    try:
        answer = call.triggers.run("UserMigration", source, username, request, dict(empty))
    except CommonServiceException as error:
        if error.code != "UserLambdaValidationException":
            raise
        if not call.tells_of_users:
            raise not_authorized(WRONG_LOGIN) from error
        raise user_not_found(f"Exception migrating user in app client {call.client.id}") from error
    found = (answer or {}).get("userAttributes")
    if not isinstance(found, dict) or not all(isinstance(v, str) for v in found.values()):
        raise wrong_response("Invalid response of UserMigration: userAttributes")
    given = {name: value for name, value in found.items() if name not in ("username", "sub")}
    attributes.check_new(attributes.schema_of(call.pool), given, admin=True)
    status = (answer or {}).get("finalUserStatus") or "CONFIRMED"
    if status not in ("CONFIRMED", "RESET_REQUIRED"):
        raise wrong_response("Invalid response of UserMigration: finalUserStatus")
    names = call.pool.extended_config.get("UsernameAttributes")
    user = directory.new_user(call.pool, None if names else username, UserStatus[status], given)
    if password is not None:
        verifiers.set_password(call.pool, user, password)
    with LOCK:
        if directory.find_user(call.pool, username) is not None:
            raise not_authorized()
        call.pool.users[user.username] = user
    return user


def needed(given: Parameters, name: str) -> str:
    """Return a parameter.

    Raises:
        CommonServiceException: ``InvalidParameterException``: it is missing.
    """
    value = given.get(name)
    if not isinstance(value, str) or not value:
        raise invalid_parameter(f"Missing required parameter {name}")
    return value
