"""What administrators do with users and pools, where moto alone answers otherwise than AWS.

https://docs.aws.amazon.com/cognito/latest/developerguide/how-to-manage-user-accounts.html
"""

from __future__ import annotations

import secrets
from typing import Any

from localstack.aws.api import RequestContext
from localstack.services.moto import call_moto
from moto.cognitoidp.models import CognitoIdpUser, UserStatus

from local_cloud.engine.cognito import (
    account,
    attributes,
    codes,
    directory,
    lockout,
    messages,
    passwords,
    sign_up,
    tokens,
    verifiers,
)
from local_cloud.engine.cognito.call import Parameters, PoolCall
from local_cloud.engine.cognito.directory import LOCK, records
from local_cloud.engine.cognito.errors import not_authorized, refusal
from local_cloud.engine.cognito.policy import check_policy, policy_of
from local_cloud.engine.cognito.sign_in import CODES

Answer = dict[str, Any]


def create_user_pool(context: RequestContext, request: Parameters) -> Any:
    """Make a pool, which has the standard attributes whatever its schema adds."""
    answer = call_moto(context)
    pool = directory.pool_of(context, answer["UserPool"]["Id"])
    pool.schema_attributes = dict(attributes.schema_of(pool))
    answer["UserPool"]["SchemaAttributes"] = [
        {key: value for key, value in one.to_json().items() if value is not None}
        for one in pool.schema_attributes.values()
    ]
    return answer


def create_user_pool_client(context: RequestContext, request: Parameters) -> Any:
    """Make an app client, whose secret nobody can guess."""
    answer = call_moto(context)
    made = answer["UserPoolClient"]
    if "ClientSecret" in made:
        client = directory.pool_of(context, made["UserPoolId"]).clients[made["ClientId"]]
        client.secret = made["ClientSecret"] = secrets.token_hex(26)
    return answer


def update_user_pool(context: RequestContext, request: Parameters) -> Any:
    """Change a pool; ``MfaConfiguration``, which moto leaves as it is, too."""
    pool = directory.pool_of(context, request["UserPoolId"])
    answer = call_moto(context)
    if request.get("MfaConfiguration"):
        pool.mfa_config = request["MfaConfiguration"]
    pool.extended_config["MfaConfiguration"] = pool.mfa_config
    return answer


def set_user_pool_mfa_config(context: RequestContext, request: Parameters) -> Any:
    """Set which factors a pool takes, and have ``DescribeUserPool`` tell of it."""
    answer = call_moto(context)
    pool = directory.pool_of(context, request["UserPoolId"])
    pool.extended_config["MfaConfiguration"] = pool.mfa_config
    return answer


def admin_create_user(context: RequestContext, request: Parameters) -> Answer:
    """Make a user with a temporary password, and invite them."""
    call = PoolCall.of_admin(context, request)
    username, action = request["Username"], request.get("MessageAction")
    if action == "RESEND":
        user = directory.user_of(call.pool, username)
        if user.status is not UserStatus.FORCE_CHANGE_PASSWORD:
            raise refusal(
                "UnsupportedUserStateException",
                f"Resend not possible. {username} status is not FORCE_CHANGE_PASSWORD",
            )
        password = request.get("TemporaryPassword")
        _invite(call, user, _temporary(call, user, password), request)
        return {"User": _told(user)}
    attributes.check_username(username)
    given = attributes.named(request.get("UserAttributes"))
    given |= sign_up.signs_in_by(call.pool, username)
    if directory.find_user(call.pool, username) is not None:
        raise refusal("UsernameExistsException", "User account already exists")
    if name := directory.aliases_taken(call.pool, given):
        raise sign_up.taken(name)
    attributes.check_new(attributes.schema_of(call.pool), given, admin=True, required=False)
    if request.get("TemporaryPassword"):
        check_policy(call.pool, request["TemporaryPassword"])
    validation = attributes.named(request.get("ValidationData"))
    sign_up.pre_sign_up(call, "AdminCreateUser", username, given, validation)
    by_alias = bool(call.pool.extended_config.get("UsernameAttributes"))
    user = directory.new_user(
        *(call.pool, None if by_alias else username),
        *(UserStatus.FORCE_CHANGE_PASSWORD, given),
    )
    password = _temporary(call, user, request.get("TemporaryPassword"))
    sign_up.add(call, user, username)
    if action != "SUPPRESS":
        _invite(call, user, password, request)
    return {"User": _told(user)}


def _told(user: CognitoIdpUser) -> Answer:
    told: Answer = user.to_json(extended=True)
    return {
        key: value
        for key, value in told.items()
        if key not in ("UserPoolId", "UserMFASettingList", "PreferredMfaSetting", "MFAOptions")
    }


def _temporary(call: PoolCall, user: CognitoIdpUser, given: str | None) -> str:
    if given:
        check_policy(call.pool, given)
    password = given or passwords.temporary_password(policy_of(call.pool))
    verifiers.set_password(call.pool, user, password)
    user.kit_temporary_since = directory.now()
    return password


def _invite(call: PoolCall, user: CognitoIdpUser, password: str, request: Parameters) -> None:
    """Write the invitation to the media that were asked for, of those that the user has."""
    media = {"SMS": "phone_number", "EMAIL": "email"}
    wanted = [media[one] for one in request.get("DesiredDeliveryMediums") or ["SMS"]]
    there = [name for name in wanted if user.attribute_lookup.get(name)]
    if not there:
        there = [name for name in media.values() if user.attribute_lookup.get(name)]
    for name in there:
        messages.write(call.triggers, user, name, "AdminCreateUser", password, call.metadata)
    if not there:
        messages.write(call.triggers, user, None, "AdminCreateUser", password, call.metadata)


def admin_set_user_password(context: RequestContext, request: Parameters) -> Answer:
    """Set a user's password, for good or until their next sign-in."""
    call = PoolCall.of_admin(context, request)
    user = directory.user_of(call.pool, request["Username"])
    check_policy(call.pool, request["Password"])
    with LOCK:
        verifiers.set_password(call.pool, user, request["Password"])
        lockout.forget_failures(user)
        if request.get("Permanent"):
            user.status = UserStatus.CONFIRMED
        else:
            user.status = UserStatus.FORCE_CHANGE_PASSWORD
            user.kit_temporary_since = directory.now()
    return {}


def admin_reset_user_password(context: RequestContext, request: Parameters) -> Answer:
    """Have a user set a new password by a code that they are sent."""
    call = PoolCall.of_admin(context, request)
    user = directory.user_of(call.pool, request["Username"])
    if not user.enabled:
        raise not_authorized("User is disabled")
    if user.status not in (UserStatus.CONFIRMED, UserStatus.RESET_REQUIRED):
        raise not_authorized("User password cannot be reset in the current state.")
    attribute = sign_up.recovers_by(call, user)
    with LOCK:
        code = codes.issue(
            *(records(user, CODES), sign_up.FORGOT, attribute, codes.HOUR, directory.now())
        )
        user.status = UserStatus.RESET_REQUIRED
    messages.write(call.triggers, user, attribute, "ForgotPassword", code, call.metadata)
    return {}


def admin_update_user_attributes(context: RequestContext, request: Parameters) -> Answer:
    """Change a user's attributes."""
    call = PoolCall.of_admin(context, request)
    user = directory.user_of(call.pool, request["Username"])
    given = attributes.named(request["UserAttributes"])
    attributes.check_changes(attributes.schema_of(call.pool), given, admin=True)
    if directory.aliases_taken(call.pool, given, user):
        raise refusal("AliasExistsException", "An account with the given email already exists.")
    changed = [
        name
        for name in attributes.VERIFIED
        if name in given and user.attribute_lookup.get(name) != given[name]
    ]
    unverified = {attributes.VERIFIED[name]: "false" for name in changed}
    with LOCK:
        account.replace_attributes(user, {**unverified, **given})
    return {}


def admin_delete_user_attributes(context: RequestContext, request: Parameters) -> Answer:
    """Take attributes of a user away."""
    call = PoolCall.of_admin(context, request)
    user = directory.user_of(call.pool, request["Username"])
    attributes.check_deletions(attributes.schema_of(call.pool), request["UserAttributeNames"])
    account.remove_attributes(user, request["UserAttributeNames"])
    return {}


def admin_user_global_sign_out(context: RequestContext, request: Parameters) -> Answer:
    """End everything that a user was given."""
    call = PoolCall.of_admin(context, request)
    tokens.sign_out(call.pool, directory.user_of(call.pool, request["Username"]))
    return {}


def admin_disable_user(context: RequestContext, request: Parameters) -> Any:
    """Disable a user, whose tokens end with that."""
    pool = directory.pool_of(context, request["UserPoolId"])
    user = directory.user_of(pool, request["Username"])
    user.enabled = False
    tokens.sign_out(pool, user)
    return {}


def admin_delete_user(context: RequestContext, request: Parameters) -> Any:
    """Delete a user with their tokens."""
    pool = directory.pool_of(context, request["UserPoolId"])
    user = directory.user_of(pool, request["Username"])
    account.remove(pool, user)
    return {}
