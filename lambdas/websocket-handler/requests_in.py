"""Reads what clients send: the token of an upgrade, the fields of a message."""

from __future__ import annotations

import json
from collections.abc import Container
from typing import Any

from agent_common.errors import InvalidMessage, Unauthorized, UnknownAction

SUBPROTOCOL = "bearer"


def credentials(event: dict[str, Any]) -> tuple[str, dict[str, str]]:
    """Return the token of an upgrade and the headers that accept its subprotocol.

    A browser cannot set an Authorization header on a WebSocket; it can offer the subprotocols
    ``bearer`` and the token, or put ``?token=`` in the URL.

    Raises:
        Unauthorized: there is no token.
    """
    query = event.get("queryStringParameters") or {}
    if query.get("token"):
        return str(query["token"]), {}
    headers = {name.lower(): value for name, value in (event.get("headers") or {}).items()}
    offered = [item.strip() for item in headers.get("sec-websocket-protocol", "").split(",")]
    if len(offered) == 2 and offered[0] == SUBPROTOCOL:
        return offered[1], {"Sec-WebSocket-Protocol": SUBPROTOCOL}
    raise Unauthorized(
        "Log in first: bring a Cognito token as ?token= or as the subprotocols "
        f"{SUBPROTOCOL}, TOKEN"
    )


def parse_message(body: str, actions: Container[str]) -> dict[str, Any]:
    """Return a message's fields.

    Raises:
        InvalidMessage: it is not a JSON object with an action, or says what is no text: half of a
            surrogate pair, which nothing can store or send on.
        UnknownAction: there is no such action.
    """
    try:
        request = json.loads(body)
        json.dumps(request, ensure_ascii=False).encode()
    except (ValueError, RecursionError) as error:
        raise InvalidMessage("A message should be JSON") from error
    if not isinstance(request, dict):
        raise InvalidMessage("A message should be a JSON object")
    action = request.get("action")
    if not isinstance(action, str):
        raise InvalidMessage("A message should name its 'action'")
    if action not in actions:
        raise UnknownAction(f"There is no action {action[:50]!r}")
    return request


def text(request: dict[str, Any], name: str, most: int) -> str:
    """Return a field that has to be a non-empty string.

    Raises:
        InvalidMessage: it is missing, of another type, empty, or longer than ``most`` characters.
    """
    value = request.get(name)
    if value is None:
        raise InvalidMessage(f"'{request['action']}' needs the field '{name}'")
    if not isinstance(value, str) or not value.strip():
        raise InvalidMessage(f"'{name}' should be a non-empty string")
    if len(value) > most:
        raise InvalidMessage(f"'{name}' has {len(value)} characters; at most {most} are taken")
    return value.strip()


def number(request: dict[str, Any], name: str, default: int, least: int, most: int) -> int:
    """Return a whole number within bounds, or the default when the field is missing.

    Raises:
        InvalidMessage: it is something else.
    """
    value = request.get(name, default)
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
        raise InvalidMessage(f"'{name}' should be a whole number from {least} to {most}")
    return value
