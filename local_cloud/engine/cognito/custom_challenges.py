"""Challenges of a pool's own functions (``CUSTOM_AUTH``), alone or after SRP.

https://docs.aws.amazon.com/cognito/latest/developerguide/user-pool-lambda-challenge.html
"""

from __future__ import annotations

from typing import Any

from moto.cognitoidp.models import CognitoIdpUser

from local_cloud.engine.cognito import flows, sessions, sign_in
from local_cloud.engine.cognito.call import ClientCall, Parameters
from local_cloud.engine.cognito.errors import invalid_parameter, not_authorized, user_not_found
from local_cloud.engine.cognito.triggers import user_attributes, wrong_response

Answer = dict[str, Any]
#: Challenges that were met: ``{"challengeName", "challengeResult", "challengeMetadata"}``.
History = list[dict[str, Any]]

CHALLENGE, VERIFIER = "CUSTOM_CHALLENGE", "PASSWORD_VERIFIER"


def begin(call: ClientCall, username: str, given: Parameters) -> Answer:
    """Ask the pool's functions for the first challenge; with an ``SRP_A``, after SRP."""
    if not call.triggers.has("DefineAuthChallenge"):
        raise invalid_parameter("Custom auth lambda trigger is not configured for the user pool.")
    user = call.find(username)
    if user is None and call.tells_of_users:
        raise user_not_found()
    if given.get("CHALLENGE_NAME") != "SRP_A":
        sign_in.pre_authenticate(call, user, username)
        name = user.username if user is not None else username
        return _next(call, user, name, [], {})
    history: History = [{"challengeName": "SRP_A", "challengeResult": True}]
    name = user.username if user is not None else username
    defined = _defined(call, user, name, history, {})
    if defined.get("challengeName") != VERIFIER:
        raise wrong_response("DefineAuthChallenge did not answer SRP_A with PASSWORD_VERIFIER")
    return sign_in.begin_srp(call, username, given, flows.CUSTOM, history=history)


def go_on(call: ClientCall, session: sessions.Session, challenge: str, *, right: bool) -> Answer:
    """Ask for what comes after a challenge that was answered."""
    met = {"challengeName": challenge, "challengeResult": right}
    if challenge == CHALLENGE:
        met["challengeMetadata"] = session["metadata"]
    user = call.find(session["username"])
    history = [*session["history"], met]
    return _next(call, user, session["username"], history, call.metadata)


def answer(
    call: ClientCall, session: sessions.Session, user: CognitoIdpUser | None, given: str
) -> Answer:
    """Have the pool's function judge an answer, and go on."""
    request = {
        **_about(call, user),
        "privateChallengeParameters": session["private"],
        "challengeAnswer": given,
        "clientMetadata": call.metadata,
    }
    judged = call.triggers.run(
        *("VerifyAuthChallengeResponse", "Authentication", session["username"]),
        *(request, {"answerCorrect": None}),
    )
    if judged is None:
        raise invalid_parameter("Custom auth lambda trigger is not configured for the user pool.")
    return go_on(call, session, CHALLENGE, right=judged.get("answerCorrect") is True)


def _about(call: ClientCall, user: CognitoIdpUser | None) -> Answer:
    return {
        "userAttributes": user_attributes(user) if user is not None else {},
        **({} if call.tells_of_users else {"userNotFound": user is None}),
    }


def _defined(
    call: ClientCall,
    user: CognitoIdpUser | None,
    username: str,
    history: History,
    metadata: dict[str, str],
) -> Answer:
    request = {**_about(call, user), "session": history, "clientMetadata": metadata}
    empty = dict.fromkeys(("challengeName", "issueTokens", "failAuthentication"))
    defined = call.triggers.run(
        "DefineAuthChallenge", "Authentication", username, request, dict(empty)
    )
    if defined is None:
        raise invalid_parameter("Custom auth lambda trigger is not configured for the user pool.")
    if defined.get("failAuthentication"):
        raise not_authorized()
    return defined


def _next(
    call: ClientCall,
    user: CognitoIdpUser | None,
    username: str,
    history: History,
    metadata: dict[str, str],
) -> Answer:
    defined = _defined(call, user, username, history, metadata)
    if defined.get("issueTokens") is True:
        if user is None:
            raise not_authorized()
        sign_in.check_status(user)
        return sign_in.signed_in(call, user, "Authentication", metadata)
    name = defined.get("challengeName")
    if name != CHALLENGE:
        raise wrong_response(
            f"DefineAuthChallenge asked for {name}: the local cloud asks {CHALLENGE}, and "
            f"{VERIFIER} after SRP_A"
        )
    request = {
        **_about(call, user),
        "challengeName": name,
        "session": history,
        "clientMetadata": metadata,
    }
    empty = dict.fromkeys(
        ("publicChallengeParameters", "privateChallengeParameters", "challengeMetadata")
    )
    made = call.triggers.run(
        "CreateAuthChallenge", "Authentication", username, request, dict(empty)
    )
    if made is None:
        raise invalid_parameter("Custom auth lambda trigger is not configured for the user pool.")
    public, private = (
        _texts(made.get(f"{kind}ChallengeParameters"), kind) for kind in ("public", "private")
    )
    session = sessions.open_session(
        *(call.pool, call.client, username, CHALLENGE, flows.CUSTOM),
        history=history,
        private=private,
        metadata=made.get("challengeMetadata"),
    )
    return {
        "ChallengeName": CHALLENGE,
        "Session": session,
        "ChallengeParameters": {**public, "USERNAME": username},
    }


def _texts(value: object, kind: str) -> dict[str, str]:
    if value is None:
        return {}
    if not isinstance(value, dict) or not all(isinstance(one, str) for one in value.values()):
        raise wrong_response(f"CreateAuthChallenge: {kind}ChallengeParameters are no strings")
    return value
