"""Sign-up, confirmation, and passwords that were forgotten.

https://docs.aws.amazon.com/cognito/latest/developerguide/signing-up-users-in-your-app.html
"""

from __future__ import annotations

from typing import Any

from localstack.aws.api import CommonServiceException, RequestContext
from moto.cognitoidp.models import CognitoIdpUser, UserStatus
from moto.cognitoidp.utils import validate_username_format

from local_cloud.engine.cognito import (
    attributes,
    codes,
    directory,
    lockout,
    messages,
    sign_in,
    verifiers,
)
from local_cloud.engine.cognito.attributes import VERIFIED
from local_cloud.engine.cognito.call import ClientCall, Parameters, PoolCall
from local_cloud.engine.cognito.directory import LOCK, records
from local_cloud.engine.cognito.errors import (
    invalid_parameter,
    not_authorized,
    refusal,
    user_not_found,
)
from local_cloud.engine.cognito.policy import check_policy
from local_cloud.engine.cognito.sign_in import CODES
from local_cloud.engine.cognito.triggers import user_attributes, wrong_response

Answer = dict[str, Any]

SIGN_UP, FORGOT = "sign_up", "forgot_password"
_NOT_FOUND = "Username/client id combination not found."


def _call_of(context: RequestContext, request: Parameters) -> tuple[ClientCall, str]:
    """Return the call of an app client that shows its secret, and the user name that it has.

    Raises:
        CommonServiceException: there is no such client, or the ``SECRET_HASH`` is not right.
    """
    call, username = ClientCall.of_client(context, request), request["Username"]
    call.check_secret(username, request.get("SecretHash"))
    return call, username


def sign_up(context: RequestContext, request: Parameters) -> Answer:
    """Make a user who has to confirm themselves, unless the pool's function says otherwise."""
    call, username = _call_of(context, request)
    settings = call.pool.extended_config
    attributes.check_username(username)
    if (settings.get("AdminCreateUserConfig") or {}).get("AllowAdminCreateUserOnly"):
        raise not_authorized("SignUp is not permitted for this user pool")
    given = attributes.named(request.get("UserAttributes"))
    attributes.check_writable(call.client.extended_config.get("WriteAttributes") or (), [*given])
    given = {**given, **signs_in_by(call.pool, username)}
    if call.find(username) is not None:
        raise refusal("UsernameExistsException", "User already exists")
    if name := directory.aliases_taken(call.pool, given):
        raise taken(name)
    check_policy(call.pool, request.get("Password") or "")
    attributes.check_new(attributes.schema_of(call.pool), given, admin=False)
    wanted = pre_sign_up(
        *(call, "SignUp", username, given),
        attributes.named(request.get("ValidationData")),
    )
    confirmed = wanted.get("autoConfirmUser") is True
    given |= _verified(given, wanted)
    user = directory.new_user(
        *(call.pool, None if settings.get("UsernameAttributes") else username),
        *(UserStatus.CONFIRMED if confirmed else UserStatus.UNCONFIRMED, given),
    )
    verifiers.set_password(call.pool, user, request["Password"])
    add(call, user, username)
    answer: Answer = {"UserConfirmed": confirmed, "UserSub": user.id}
    if confirmed:
        post_confirmation(call, user, "ConfirmSignUp")
    elif (attribute := _address(call, user)) is not None:
        answer["CodeDeliveryDetails"] = _send(call, user, SIGN_UP, attribute, "SignUp", codes.DAY)
    return answer


def add(call: PoolCall, user: CognitoIdpUser, username: str) -> None:
    """Put a user into a pool, unless somebody else was faster."""
    with LOCK:
        if directory.find_user(call.pool, username) is not None:
            raise refusal("UsernameExistsException", "User already exists")
        call.pool.users[user.username] = user


def taken(attribute: str) -> Exception:
    """Return the refusal of a user whose address is somebody else's user name."""
    kind = attribute.replace("_", " ")
    return refusal("UsernameExistsException", f"An account with the given {kind} already exists.")


def signs_in_by(pool: Any, username: str) -> dict[str, str]:
    """Return the attribute that a user name is, where the pool's users sign in by one.

    Raises:
        CommonServiceException: ``InvalidParameterException``: it is none.
    """
    names = pool.extended_config.get("UsernameAttributes")
    if not names:
        return {}
    for name in names:
        if validate_username_format(username, _format=name):
            return {name: username}
    kinds = {"email": "an email", "phone_number": "a phone number"}
    wanted = " or ".join(kinds[name] for name in names)
    raise invalid_parameter(f"Username should be {wanted}.")


def pre_sign_up(
    call: PoolCall, source: str, username: str, given: dict[str, str], validation: dict[str, str]
) -> Answer:
    """Run the pool's pre sign-up function, and return what it wants."""
    request = {
        "userAttributes": given,
        "validationData": validation or None,
        "clientMetadata": call.metadata,
    }
    empty = {"autoConfirmUser": False, "autoVerifyEmail": False, "autoVerifyPhone": False}
    return call.triggers.run("PreSignUp", source, username, request, empty) or {}


def _verified(given: dict[str, str], wanted: Answer) -> dict[str, str]:
    found = {}
    for switch, name in (("autoVerifyEmail", "email"), ("autoVerifyPhone", "phone_number")):
        if wanted.get(switch) is True:
            if not given.get(name):
                raise wrong_response(f"PreSignUp: {switch} without an attribute {name}")
            found[VERIFIED[name]] = "true"
    return found


def _address(call: ClientCall, user: CognitoIdpUser) -> str | None:
    """Return the attribute to which a pool sends the code of a sign-up; a phone goes first."""
    automatic = call.pool.extended_config.get("AutoVerifiedAttributes") or ()
    there = [name for name in ("phone_number", "email") if user.attribute_lookup.get(name)]
    return next((name for name in there if name in automatic), None)


def _send(
    call: ClientCall, user: CognitoIdpUser, purpose: str, attribute: str, source: str, lasts: int
) -> dict[str, str]:
    with LOCK:
        code = codes.issue(records(user, CODES), purpose, attribute, lasts, directory.now())
    messages.write(call.triggers, user, attribute, source, code, call.metadata)
    return messages.delivery(user, attribute)


def resend_confirmation_code(context: RequestContext, request: Parameters) -> Answer:
    """Send an unconfirmed user a new code."""
    call, username = _call_of(context, request)
    user = call.find(username)
    if user is None:
        if call.tells_of_users:
            raise user_not_found(_NOT_FOUND)
        return {"CodeDeliveryDetails": _pretended(username)}
    if user.status is not UserStatus.UNCONFIRMED:
        raise invalid_parameter("User is already confirmed.")
    attribute = _address(call, user)
    if attribute is None:
        raise invalid_parameter("Auto verification not turned on.")
    sent = _send(call, user, SIGN_UP, attribute, "ResendCode", codes.DAY)
    return {"CodeDeliveryDetails": sent}


def confirm_sign_up(context: RequestContext, request: Parameters) -> Answer:
    """Confirm a user by the code that they were sent."""
    call, username = _call_of(context, request)
    user = call.find(username)
    if user is None:
        raise user_not_found(_NOT_FOUND) if call.tells_of_users else codes.expired()
    _refuse_unless_unconfirmed(user)
    with LOCK:
        medium = codes.redeem(
            *(records(user, CODES), SIGN_UP, request["ConfirmationCode"], directory.now())
        )
        _take_alias(call, user, medium, force=bool(request.get("ForceAliasCreation")))
        user.status = UserStatus.CONFIRMED
        user.update_attributes(attributes.listed({VERIFIED[medium]: "true"}))
    post_confirmation(call, user, "ConfirmSignUp")
    return {}


def _take_alias(call: ClientCall, user: CognitoIdpUser, name: str, *, force: bool) -> None:
    """Move an alias to who has just verified it, or refuse while somebody else has it."""
    if name not in (call.pool.extended_config.get("AliasAttributes") or ()):
        return
    value, verified = user.attribute_lookup[name], VERIFIED[name]
    for other in list(call.pool.users.values()):
        known = other.attribute_lookup
        if other is user or known.get(name) != value or known.get(verified) != "true":
            continue
        if not force:
            kind = name.replace("_", " ")
            raise refusal("AliasExistsException", f"An account with the {kind} already exists.")
        other.update_attributes(attributes.listed({verified: "false"}))


def _refuse_unless_unconfirmed(user: CognitoIdpUser) -> None:
    if user.status is not UserStatus.UNCONFIRMED:
        raise not_authorized(f"User cannot be confirmed. Current status is {user.status.value}")


def admin_confirm_sign_up(context: RequestContext, request: Parameters) -> Answer:
    """Confirm a user without a code."""
    call = PoolCall.of_admin(context, request)
    user = directory.user_of(call.pool, request["Username"])
    _refuse_unless_unconfirmed(user)
    user.status = UserStatus.CONFIRMED
    post_confirmation(call, user, "ConfirmSignUp")
    return {}


def post_confirmation(call: PoolCall, user: CognitoIdpUser, source: str) -> None:
    """Run the pool's post confirmation function."""
    request = {"userAttributes": user_attributes(user), "clientMetadata": call.metadata}
    call.triggers.run("PostConfirmation", source, user.username, request, {})


def forgot_password(context: RequestContext, request: Parameters) -> Answer:
    """Send a user a code with which they can set a new password."""
    call, username = _call_of(context, request)
    user = call.find(username)
    if user is None:
        asked = {"validationData": None, "clientMetadata": call.metadata}
        user = sign_in.migrate(call, username, "ForgotPassword", asked, None)
    if user is None:
        if call.tells_of_users:
            raise user_not_found(_NOT_FOUND)
        return {"CodeDeliveryDetails": _pretended(username)}
    try:
        attribute = _recoverable_by(call, user)
    except CommonServiceException:
        if call.tells_of_users:
            raise
        return {"CodeDeliveryDetails": _pretended(username)}
    sent = _send(call, user, FORGOT, attribute, "ForgotPassword", codes.HOUR)
    return {"CodeDeliveryDetails": sent}


def _recoverable_by(call: ClientCall, user: CognitoIdpUser) -> str:
    if not user.enabled:
        raise not_authorized("User is disabled.")
    if user.status is UserStatus.FORCE_CHANGE_PASSWORD:
        raise not_authorized("User password cannot be reset in the current state.")
    return recovers_by(call, user)


def recovers_by(call: PoolCall, user: CognitoIdpUser) -> str:
    """Return the verified attribute to which a pool sends who forgot their password.

    Raises:
        CommonServiceException: ``InvalidParameterException``: the user has none;
            ``NotAuthorizedException``: only administrators reset passwords.
    """
    setting = call.pool.extended_config.get("AccountRecoverySetting") or {}
    ways = sorted(setting.get("RecoveryMechanisms") or (), key=lambda way: int(way["Priority"]))
    names = [way["Name"] for way in ways] or ["verified_email", "verified_phone_number"]
    if names == ["admin_only"]:
        raise not_authorized("Contact administrator to reset password.")
    for way in names:
        name = way.removeprefix("verified_")
        known = user.attribute_lookup
        if name in VERIFIED and known.get(name) and known.get(VERIFIED[name]) == "true":
            return str(name)
    raise invalid_parameter(
        "Cannot reset password for the user as there is no registered/verified email or "
        "phone_number"
    )


def _pretended(username: str) -> dict[str, str]:
    """Return what is told of somebody who is not there: as if they had an address."""
    return {
        "Destination": messages.masked(username if "@" in username else f"{username}@x", "email"),
        "DeliveryMedium": "EMAIL",
        "AttributeName": "email",
    }


def confirm_forgot_password(context: RequestContext, request: Parameters) -> Answer:
    """Set a new password by the code that a user was sent."""
    call, username = _call_of(context, request)
    user = call.find(username)
    if user is None:
        raise user_not_found(_NOT_FOUND) if call.tells_of_users else codes.expired()
    if not user.enabled:
        raise not_authorized("User is disabled.")
    check_policy(call.pool, request.get("Password") or "")
    with LOCK:
        medium = codes.redeem(
            *(records(user, CODES), FORGOT, request["ConfirmationCode"], directory.now())
        )
        verifiers.set_password(call.pool, user, request["Password"])
        user.update_attributes(attributes.listed({VERIFIED[medium]: "true"}))
        user.status = UserStatus.CONFIRMED
        lockout.forget_failures(user)
    post_confirmation(call, user, "ConfirmForgotPassword")
    return {}
