"""``InitiateAuth`` and ``RespondToAuthChallenge``, for users and for administrators.

https://docs.aws.amazon.com/cognito-user-identity-pools/latest/APIReference/API_InitiateAuth.html
https://docs.aws.amazon.com/cognito-user-identity-pools/latest/APIReference/API_RespondToAuthChallenge.html
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from localstack.aws.api import CommonServiceException, RequestContext
from moto.cognitoidp.models import CognitoIdpUser, UserStatus

from local_cloud.engine.cognito import (
    attributes,
    codes,
    custom_challenges,
    directory,
    flows,
    mfa,
    sessions,
    sign_in,
    tokens,
    verifiers,
)
from local_cloud.engine.cognito.call import ClientCall, Parameters
from local_cloud.engine.cognito.directory import LOCK, records
from local_cloud.engine.cognito.errors import invalid_parameter, not_authorized
from local_cloud.engine.cognito.lockout import FACTOR, attempt, fail_stranger, note_sign_in
from local_cloud.engine.cognito.policy import check_policy
from local_cloud.engine.cognito.sign_in import CODES, needed

Answer = dict[str, Any]


def initiate_auth(context: RequestContext, request: Parameters) -> Answer:
    """Begin a sign-in of a user."""
    return _initiate(ClientCall.of_client(context, request), request, admin=False)


def admin_initiate_auth(context: RequestContext, request: Parameters) -> Answer:
    """Begin a sign-in by a server, which is trusted with passwords."""
    return _initiate(ClientCall.of_admin_client(context, request), request, admin=True)


def _initiate(call: ClientCall, request: Parameters, *, admin: bool) -> Answer:
    settings = call.client.extended_config
    flow = flows.check_flow(
        request["AuthFlow"], settings.get("ExplicitAuthFlows") or (), admin=admin
    )
    given = request.get("AuthParameters") or {}
    if flow == flows.REFRESH:
        return _refresh(call, given)
    username = needed(given, "USERNAME")
    call.check_secret(username, given.get("SECRET_HASH"))
    if flow == flows.CUSTOM:
        return custom_challenges.begin(call, username, given)
    if flow == flows.SRP:
        return sign_in.begin_srp(call, username, given, flow)
    return _with_password(call, username, needed(given, "PASSWORD"), flow)


def _refresh(call: ClientCall, given: Parameters) -> Answer:
    token = needed(given, "REFRESH_TOKEN")
    if tokens.rotates(call.client):
        raise invalid_parameter(
            "REFRESH_TOKEN_AUTH flow not enabled for this client: its refresh tokens rotate; use "
            "GetTokensFromRefreshToken"
        )
    grant, user = tokens.refreshable(call.pool, call.client, token)
    call.check_secret(user.username, given.get("SECRET_HASH"))
    result = tokens.issue(call.triggers, call.client, user, grant, "RefreshTokens", call.metadata)
    return {"ChallengeParameters": {}, "AuthenticationResult": result}


def _with_password(call: ClientCall, username: str, password: str, flow: str) -> Answer:
    user = call.find(username)
    if user is None:
        user = _migrated(call, username, password)
        if user is None:
            sign_in.pre_authenticate(call, None, username)
            if not call.tells_of_users:
                fail_stranger(call.pool, username)
                # It takes as long as a user's wrong password does.
                verifiers.is_of(call.pool, username, password, *sign_in.invented(call, username))
            raise call.stranger()
    else:
        sign_in.pre_authenticate(call, user, username)
        sign_in.check_password(call, user, password)
    return sign_in.after_password(call, user, flow, {})


def _migrated(call: ClientCall, username: str, password: str) -> CognitoIdpUser | None:
    """Return a user whom the pool's migration function brought; ``None`` without a function."""
    request = {
        "password": password,
        "validationData": call.metadata or None,
        "clientMetadata": None,
    }
    return sign_in.migrate(call, username, "Authentication", request, password)


def respond_to_auth_challenge(context: RequestContext, request: Parameters) -> Answer:
    """Go on with a user's sign-in."""
    return _respond(ClientCall.of_client(context, request), request)


def admin_respond_to_auth_challenge(context: RequestContext, request: Parameters) -> Answer:
    """Go on with a sign-in by a server."""
    return _respond(ClientCall.of_admin_client(context, request), request)


def _respond(call: ClientCall, request: Parameters) -> Answer:
    challenge, given = request["ChallengeName"], request.get("ChallengeResponses") or {}
    answer = _ANSWERS.get(challenge)
    if answer is None:
        raise invalid_parameter(
            f"The challenge {challenge} is not answered by the local cloud; it asks "
            f"{', '.join(_ANSWERS)}"
        )
    username = needed(given, "USERNAME")
    call.check_secret(username, given.get("SECRET_HASH"))
    name = request.get("Session")
    if challenge == "PASSWORD_VERIFIER":
        name = needed(given, "PASSWORD_CLAIM_SECRET_BLOCK")
    session = sessions.take_session(call.pool, call.client, name, challenge)
    user = call.find(session["username"])
    if username != session["username"] and (user is None or call.find(username) is not user):
        raise not_authorized("Invalid session for the user.")
    return answer(call, session, user, given)


def _password_verifier(
    call: ClientCall, session: sessions.Session, user: CognitoIdpUser | None, given: Parameters
) -> Answer:
    if not sign_in.verified_by_srp(call, session, given) or user is None:
        raise not_authorized()
    if session["flow"] == flows.CUSTOM:
        sign_in.check_status(user)
        return custom_challenges.go_on(call, session, "PASSWORD_VERIFIER", right=True)
    return sign_in.after_password(call, user, session["flow"], call.metadata)


def _new_password(
    call: ClientCall, session: sessions.Session, user: CognitoIdpUser | None, given: Parameters
) -> Answer:
    if user is None or user.status is not UserStatus.FORCE_CHANGE_PASSWORD:
        raise not_authorized("Invalid session for the user.")
    sign_in.check_status(user)
    prefix = "userAttributes."
    new = {k.removeprefix(prefix): v for k, v in given.items() if k.startswith(prefix)}
    try:
        password = needed(given, "NEW_PASSWORD")
        check_policy(call.pool, password)
        attributes.check_writable(call.client.extended_config.get("WriteAttributes") or (), [*new])
        schema, known = attributes.schema_of(call.pool), user.attribute_lookup
        first = {name: value for name, value in new.items() if name not in known}
        attributes.check_new(schema, first, admin=False, required=False)
        changed = {n: v for n, v in new.items() if n in known and known[n] != v}
        attributes.check_changes(schema, changed, admin=False)
        for name, one in schema.items():
            if one.required and name != "sub" and not {**known, **new}.get(name):
                raise invalid_parameter(f"Invalid attributes given, {name} is missing")
    except CommonServiceException:
        sessions.put_back(call.pool, session)
        raise
    with LOCK:
        verifiers.set_password(call.pool, user, password)
        user.update_attributes(attributes.listed(new))
        user.status = UserStatus.CONFIRMED
    return sign_in.after_first_factor(
        call, user, session["flow"], "NewPasswordChallenge", call.metadata
    )


def _software_token(
    call: ClientCall, session: sessions.Session, user: CognitoIdpUser | None, given: Parameters
) -> Answer:
    return _with_code(
        *(call, session, user),
        lambda holder: mfa.check_token(holder, needed(given, "SOFTWARE_TOKEN_MFA_CODE")),
    )


def _sms(
    call: ClientCall, session: sessions.Session, user: CognitoIdpUser | None, given: Parameters
) -> Answer:
    def check(holder: CognitoIdpUser) -> None:
        with LOCK:
            kept = records(holder, CODES)
            codes.redeem(kept, mfa.SMS, needed(given, "SMS_MFA_CODE"), directory.now())

    return _with_code(call, session, user, check)


def _with_code(
    call: ClientCall,
    session: sessions.Session,
    user: CognitoIdpUser | None,
    check: Callable[[CognitoIdpUser], None],
) -> Answer:
    """Give tokens for a right code; wrong ones count like wrong passwords, but apart."""
    if user is None:
        raise not_authorized("Invalid session for the user.")
    sign_in.check_status(user)
    try:
        with attempt(user, FACTOR):
            _check_factor(user, check)
    except CommonServiceException:
        sessions.put_back(call.pool, session)
        raise
    return sign_in.signed_in(call, user, session["source"], call.metadata)


def _check_factor(user: CognitoIdpUser, check: Callable[[CognitoIdpUser], None]) -> None:
    try:
        check(user)
    except CommonServiceException as error:
        if error.code == "CodeMismatchException":
            note_sign_in(user, FACTOR, failed=True)
        raise
    note_sign_in(user, FACTOR, failed=False)


def _select_factor(
    call: ClientCall, session: sessions.Session, user: CognitoIdpUser | None, given: Parameters
) -> Answer:
    if user is None:
        raise not_authorized("Invalid session for the user.")
    sign_in.check_status(user)
    chosen = needed(given, "ANSWER")
    if chosen not in mfa.factors(call.pool, user):
        sessions.put_back(call.pool, session)
        raise invalid_parameter(f"{chosen} is not one of the user's factors")
    return sign_in.ask_factor(call, user, chosen, session["flow"], session["source"])


def _factor_set_up(
    call: ClientCall, session: sessions.Session, user: CognitoIdpUser | None, given: Parameters
) -> Answer:
    if user is None or not session.get("verified") or not mfa.has_token(user):
        raise not_authorized("Invalid session for the user.")
    sign_in.check_status(user)
    user.software_token_mfa_enabled = True
    return sign_in.signed_in(call, user, session["source"], call.metadata)


def _custom(
    call: ClientCall, session: sessions.Session, user: CognitoIdpUser | None, given: Parameters
) -> Answer:
    return custom_challenges.answer(call, session, user, needed(given, "ANSWER"))


_ANSWERS: dict[
    str, Callable[[ClientCall, sessions.Session, CognitoIdpUser | None, Parameters], Answer]
] = {
    "PASSWORD_VERIFIER": _password_verifier,
    "NEW_PASSWORD_REQUIRED": _new_password,
    "SOFTWARE_TOKEN_MFA": _software_token,
    "SMS_MFA": _sms,
    "SELECT_MFA_TYPE": _select_factor,
    "MFA_SETUP": _factor_set_up,
    "CUSTOM_CHALLENGE": _custom,
}
