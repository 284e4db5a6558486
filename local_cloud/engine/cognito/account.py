"""What users do with an access token: their own attributes, password, factors and tokens.

https://docs.aws.amazon.com/cognito/latest/developerguide/authentication-flows-public-server-side.html
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from localstack.aws.api import CommonServiceException, RequestContext
from moto.cognitoidp.models import CognitoIdpUser, CognitoIdpUserPool

from local_cloud.engine.cognito import (
    attributes,
    codes,
    directory,
    messages,
    mfa,
    sessions,
    sign_in,
    tokens,
    verifiers,
)
from local_cloud.engine.cognito.attributes import VERIFIED
from local_cloud.engine.cognito.call import ClientCall, Parameters, PoolCall
from local_cloud.engine.cognito.directory import LOCK, records
from local_cloud.engine.cognito.errors import invalid_parameter, not_authorized, refusal
from local_cloud.engine.cognito.policy import check_policy
from local_cloud.engine.cognito.secret_hash import check_client_secret
from local_cloud.engine.cognito.sign_in import CODES

Answer = dict[str, Any]
#: Attribute values that wait for their code, by name.
PENDING = "kit_pending_attributes"


@dataclass(frozen=True)
class UserCall:
    """A call of the holder of an access token."""

    call: ClientCall
    user: CognitoIdpUser

    @classmethod
    def of(cls, context: RequestContext, request: Parameters) -> UserCall:
        """Read it.

        Raises:
            CommonServiceException: ``NotAuthorizedException``.
        """
        pool, client, user = tokens.of_access_token(request["AccessToken"])
        return cls(ClientCall.through(context, pool, client, request), user)


def get_user(context: RequestContext, request: Parameters) -> Answer:
    """Return the attributes that the client may read."""
    asked = UserCall.of(context, request)
    pool, client, user = asked.call.pool, asked.call.client, asked.user
    names = attributes.readable(
        client.extended_config.get("ReadAttributes") or (), attributes.schema_of(pool)
    )
    shown = {name: value for name, value in user.attribute_lookup.items() if name in names}
    answer: Answer = user.to_json(extended=True, attributes_key="UserAttributes")
    return {
        "Username": user.username,
        "UserAttributes": attributes.listed(shown),
        **{
            key: answer[key] for key in ("UserMFASettingList", "PreferredMfaSetting") if answer[key]
        },
    }


def update_user_attributes(context: RequestContext, request: Parameters) -> Answer:
    """Change attributes; an address that changes has to be verified anew."""
    asked = UserCall.of(context, request)
    pool, client, user = asked.call.pool, asked.call.client, asked.user
    given = attributes.named(request["UserAttributes"])
    attributes.check_writable(client.extended_config.get("WriteAttributes") or (), [*given])
    attributes.check_changes(attributes.schema_of(pool), given, admin=False)
    return {"CodeDeliveryDetailsList": change_attributes(asked.call, user, given)}


def change_attributes(
    call: ClientCall, user: CognitoIdpUser, given: attributes.Attributes
) -> list[dict[str, str]]:
    """Change a user's attributes, and send codes to the addresses that are to be verified.

    With ``AttributesRequireVerificationBeforeUpdate`` an address counts once its code came back.
    """
    settings = call.pool.extended_config
    if directory.aliases_taken(call.pool, given, user):
        raise refusal("AliasExistsException", "An account with the given email already exists.")
    kept_back = (settings.get("UserAttributeUpdateSettings") or {}).get(
        "AttributesRequireVerificationBeforeUpdate"
    ) or ()
    automatic = settings.get("AutoVerifiedAttributes") or ()
    changed = {
        name: value
        for name, value in given.items()
        if name in VERIFIED and value and user.attribute_lookup.get(name) != value
    }
    waiting = {name: value for name, value in changed.items() if name in kept_back}
    with LOCK:
        now = {name: value for name, value in given.items() if name not in waiting}
        now |= {VERIFIED[name]: "false" for name in changed if name not in waiting}
        replace_attributes(user, now)
        records(user, PENDING).update(waiting)
    sent = []
    for name in changed:
        if name in automatic or name in waiting:
            _send_code(call, user, name, "UpdateUserAttribute", changed[name])
            sent.append(
                messages.delivery(user, name)
                | {"Destination": messages.masked(changed[name], name)}
            )
    return sent


def replace_attributes(user: CognitoIdpUser, given: attributes.Attributes) -> None:
    """Set attributes; an empty value takes one away."""
    user.update_attributes(attributes.listed({k: v for k, v in given.items() if v}))
    gone = [name for name, value in given.items() if not value and name in user.attribute_lookup]
    if gone:
        user.delete_attributes(gone)


def _send_code(
    call: PoolCall, user: CognitoIdpUser, name: str, source: str, address: str | None = None
) -> None:
    with LOCK:
        code = codes.issue(records(user, CODES), f"verify_{name}", name, codes.DAY, directory.now())
    messages.write(call.triggers, user, name, source, code, call.metadata, address)


def delete_user_attributes(context: RequestContext, request: Parameters) -> Answer:
    """Take attributes away."""
    asked = UserCall.of(context, request)
    names = request["UserAttributeNames"]
    settings = asked.call.client.extended_config
    attributes.check_writable(settings.get("WriteAttributes") or (), names)
    attributes.check_deletions(attributes.schema_of(asked.call.pool), names)
    remove_attributes(asked.user, names)
    return {}


def remove_attributes(user: CognitoIdpUser, names: list[str]) -> None:
    """Take attributes away, and with an address that it was verified."""
    whole = {*names, *(VERIFIED[name] for name in names if name in VERIFIED)}
    user.delete_attributes([name for name in whole if name in user.attribute_lookup])


def get_user_attribute_verification_code(context: RequestContext, request: Parameters) -> Answer:
    """Send a code to an address of the user's."""
    asked = UserCall.of(context, request)
    name = request["AttributeName"]
    address = records(asked.user, PENDING).get(name) or asked.user.attribute_lookup.get(name)
    if name not in VERIFIED or not address:
        raise invalid_parameter(f"{name} is no address of the user that can be verified")
    _send_code(asked.call, asked.user, name, "VerifyUserAttribute", address)
    sent = messages.delivery(asked.user, name)
    return {"CodeDeliveryDetails": {**sent, "Destination": messages.masked(address, name)}}


def verify_user_attribute(context: RequestContext, request: Parameters) -> Answer:
    """Take a code for that an address is the user's."""
    asked = UserCall.of(context, request)
    name, user = request["AttributeName"], asked.user
    with LOCK:
        codes.redeem(records(user, CODES), f"verify_{name}", request["Code"], directory.now())
        pending = records(user, PENDING).pop(name, None)
        new = {name: pending} if pending else {}
        user.update_attributes(attributes.listed({**new, VERIFIED[name]: "true"}))
    return {}


def change_password(context: RequestContext, request: Parameters) -> Answer:
    """Put a new password in the place of the one that the user knows."""
    asked = UserCall.of(context, request)
    check_policy(asked.call.pool, request["ProposedPassword"])
    sign_in.check_password(asked.call, asked.user, request.get("PreviousPassword") or "")
    verifiers.set_password(asked.call.pool, asked.user, request["ProposedPassword"])
    return {}


def delete_user(context: RequestContext, request: Parameters) -> Answer:
    """Delete the user."""
    asked = UserCall.of(context, request)
    remove(asked.call.pool, asked.user)
    return {}


def remove(pool: CognitoIdpUserPool, user: CognitoIdpUser) -> None:
    """Delete a user, with their tokens and out of their groups."""
    tokens.sign_out(pool, user)
    with LOCK:
        for group in list(user.groups):
            group.users.discard(user)
        pool.users.pop(user.username, None)
        sessions.end_sessions(pool, user.username)


def global_sign_out(context: RequestContext, request: Parameters) -> Answer:
    """End everything that the user was given."""
    asked = UserCall.of(context, request)
    tokens.sign_out(asked.call.pool, asked.user)
    return {}


def revoke_token(context: RequestContext, request: Parameters) -> Answer:
    """End what one sign-in was given, by its refresh token."""
    call = ClientCall.of_client(context, request)
    _check_client_secret(call, request)
    tokens.revoke(call.pool, call.client, request["Token"])
    return {}


def get_tokens_from_refresh_token(context: RequestContext, request: Parameters) -> Answer:
    """Return new tokens; where they rotate, a new refresh token as well."""
    call = ClientCall.of_client(context, request)
    _check_client_secret(call, request)
    token = request["RefreshToken"]
    grant, user = tokens.refreshable(call.pool, call.client, token)
    result = tokens.issue(call.triggers, call.client, user, grant, "RefreshTokens", call.metadata)
    if tokens.rotates(call.client):
        result["RefreshToken"] = tokens.rotate(call.pool, call.client, token)
    return {"AuthenticationResult": result}


def _check_client_secret(call: ClientCall, request: Parameters) -> None:
    secret = directory.client_secret(call.client)
    check_client_secret(call.client.id, secret, request.get("ClientSecret"))


def associate_software_token(context: RequestContext, request: Parameters) -> Answer:
    """Give the user a new secret for an authenticator."""
    if name := request.get("Session"):
        pool, client, session = sessions.find_session(name)
        sessions.take_session(pool, client, name, "MFA_SETUP")
        user = directory.user_of(pool, session["username"])
        return {
            "SecretCode": mfa.associate(user),
            "Session": sessions.renew(pool, client, session),
        }
    return {"SecretCode": mfa.associate(_holder(context, request))}


def verify_software_token(context: RequestContext, request: Parameters) -> Answer:
    """Take the user's new secret, which a code shows that they have."""
    code, named = request["UserCode"], request.get("FriendlyDeviceName")
    name = request.get("Session")
    if not name:
        user = _holder(context, request)
        mfa.verify_new_token(user, code)
        user.totp_name = named
        return {"Status": "SUCCESS"}
    pool, client, session = sessions.find_session(name)
    taken = sessions.take_session(pool, client, name, "MFA_SETUP")
    user = directory.user_of(pool, session["username"])
    try:
        mfa.verify_new_token(user, code)
    except CommonServiceException:
        sessions.put_back(pool, taken)
        raise
    user.totp_name = named
    return {
        "Status": "SUCCESS",
        "Session": sessions.renew(pool, client, session, verified=True),
    }


def _holder(context: RequestContext, request: Parameters) -> CognitoIdpUser:
    if not request.get("AccessToken"):
        raise not_authorized("Either an access token or a session is needed")
    return UserCall.of(context, request).user


def set_user_mfa_preference(context: RequestContext, request: Parameters) -> Answer:
    """Turn factors of the user on and off."""
    asked = UserCall.of(context, request)
    mfa.set_preference(asked.call.pool, asked.user, *_settings(request))
    return {}


def _settings(request: Parameters) -> tuple[Any, Any, Any]:
    token, sms, email = (f"{kind}MfaSettings" for kind in ("SoftwareToken", "SMS", "Email"))
    return request.get(token), request.get(sms), request.get(email)


def admin_set_user_mfa_preference(context: RequestContext, request: Parameters) -> Answer:
    """Turn factors of a user on and off, as an administrator."""
    call = PoolCall.of_admin(context, request)
    user = directory.user_of(call.pool, request["Username"])
    mfa.set_preference(call.pool, user, *_settings(request))
    return {}
