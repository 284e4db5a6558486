"""Sign-ins that wait for an answer to a challenge.

https://docs.aws.amazon.com/cognito-user-identity-pools/latest/APIReference/API_RespondToAuthChallenge.html
"""

from __future__ import annotations

import base64
import secrets
from typing import Any

from moto.cognitoidp.models import CognitoIdpUserPool, CognitoIdpUserPoolClient

from local_cloud.engine.cognito import directory
from local_cloud.engine.cognito.directory import LOCK, SESSIONS, records
from local_cloud.engine.cognito.errors import not_authorized

#: A session: ``{"client", "username", "challenge", "flow", "expires", …}``.
Session = dict[str, Any]
#: Wrong answers, after which a session ends.
TRIES = 3
_DEFAULT_MINUTES = 3


def open_session(
    pool: CognitoIdpUserPool,
    client: CognitoIdpUserPoolClient,
    username: str,
    challenge: str,
    flow: str,
    **more: Any,
) -> str:
    """Keep what is known of a sign-in, and return the session's name, in Base64.

    It lasts for the client's ``AuthSessionValidity``.
    """
    name = base64.b64encode(secrets.token_bytes(96)).decode()
    minutes = int(client.extended_config.get("AuthSessionValidity") or _DEFAULT_MINUTES)
    now = directory.now()
    with LOCK:
        kept = records(pool, SESSIONS)
        for old in [key for key, one in kept.items() if one["expires"] < now]:
            del kept[old]
        kept[name] = {
            "client": client.id,
            "username": username,
            "challenge": challenge,
            "flow": flow,
            "expires": now + minutes * 60,
            "wrong": 0,
            **more,
        }
    return name


def take_session(
    pool: CognitoIdpUserPool, client: CognitoIdpUserPoolClient, name: str | None, challenge: str
) -> Session:
    """Return a session and end it: it is good for one answer.

    Raises:
        CommonServiceException: ``NotAuthorizedException``: there is none, or it expired, is another
            client's, or waits for another challenge.
    """
    with LOCK:
        kept = records(pool, SESSIONS)
        session = kept.get(name or "")
        if session is None or session["client"] != client.id:
            raise not_authorized("Invalid session for the user.")
        if directory.now() >= session["expires"]:
            del kept[name or ""]
            raise not_authorized("Invalid session for the user, session is expired.")
        if session["challenge"] != challenge:
            raise not_authorized("Invalid session for the user.")
        del kept[name or ""]
        return {**session, "name": name}


def decoded(name: str) -> bytes:
    """Return the bytes of a session's name: the secret block that SRP's clients sign."""
    return base64.b64decode(name)


def put_back(pool: CognitoIdpUserPool, session: Session) -> None:
    """Open a session again whose answer was wrong, for a few times."""
    if session["wrong"] + 1 < TRIES:
        with LOCK:
            records(pool, SESSIONS)[session["name"]] = {**session, "wrong": session["wrong"] + 1}


def end_sessions(pool: CognitoIdpUserPool, username: str) -> None:
    """End what a user has begun: they have another password, or are there no more."""
    with LOCK:
        kept = records(pool, SESSIONS)
        for name in [name for name, one in kept.items() if one["username"] == username]:
            del kept[name]


def find_session(name: str) -> tuple[CognitoIdpUserPool, CognitoIdpUserPoolClient, Session]:
    """Return an open session by its name alone, as ``AssociateSoftwareToken`` gives it.

    Raises:
        CommonServiceException: ``NotAuthorizedException``.
    """
    for pool in directory.all_pools():
        session = pool.__dict__.get(SESSIONS, {}).get(name)
        if session is not None and directory.now() < session["expires"]:
            client = pool.clients.get(session["client"])
            if client is not None:
                return pool, client, session
    raise not_authorized("Invalid session for the user.")


def renew(
    pool: CognitoIdpUserPool, client: CognitoIdpUserPoolClient, session: Session, **more: Any
) -> str:
    """Open a session again under a new name, and return that."""
    known = {k: v for k, v in session.items() if k not in ("client", "expires", "wrong", "name")}
    return open_session(pool, client, **{**known, **more})
