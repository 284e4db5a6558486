"""The events that a Lambda proxy integration receives.

https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-websocket-api-mapping-template-reference.html
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from urllib.parse import parse_qsl

from websocket_gateway.connection import Connection, new_request_id
from websocket_gateway.definition import WebSocketApi

Event = dict[str, object]

# Headers that belong to the connection, not to the application's request.
_NOT_PASSED_ON = {"connection", "upgrade"}


def connect_event(
    api: WebSocketApi,
    connection: Connection,
    now: int,
    headers: Iterable[tuple[str, str]],
    query: str,
) -> Event:
    """Return the event of a pending upgrade. ``now`` is in milliseconds since 1970."""
    sent = [(name, value) for name, value in headers if name.lower() not in _NOT_PASSED_ON]
    pairs = parse_qsl(query, keep_blank_values=True)
    event: Event = {
        "headers": dict(sent),
        "multiValueHeaders": _multi(sent),
        "requestContext": _context(api, connection, "$connect", "CONNECT", now),
        "isBase64Encoded": False,
    }
    if pairs:
        event["queryStringParameters"] = dict(pairs)
        event["multiValueQueryStringParameters"] = _multi(pairs)
    return event


def message_event(
    api: WebSocketApi, connection: Connection, now: int, route_key: str, body: str
) -> Event:
    """Return the event of a message; unlike the others it carries no headers."""
    context = _context(api, connection, route_key, "MESSAGE", now)
    context["messageId"] = new_request_id()
    return {"requestContext": context, "body": body, "isBase64Encoded": False}


def disconnect_event(
    api: WebSocketApi, connection: Connection, now: int, code: int, reason: str
) -> Event:
    """Return the event of a connection that has ended."""
    context = _context(api, connection, "$disconnect", "DISCONNECT", now)
    context["disconnectStatusCode"] = code
    context["disconnectReason"] = reason
    headers = {"Host": connection.domain_name, "x-api-key": "", "x-restapi": ""}
    return {
        "headers": headers,
        "multiValueHeaders": _multi(headers.items()),
        "requestContext": context,
        "isBase64Encoded": False,
    }


def _context(
    api: WebSocketApi, connection: Connection, route_key: str, event_type: str, now: int
) -> dict[str, object]:
    request_id = new_request_id()
    moment = datetime.fromtimestamp(now / 1000, UTC)
    return {
        "routeKey": route_key,
        "eventType": event_type,
        "extendedRequestId": request_id,
        "requestTime": moment.strftime("%d/%b/%Y:%H:%M:%S +0000"),
        "messageDirection": "IN",
        "stage": api.stage,
        "connectedAt": connection.connected_at,
        "requestTimeEpoch": now,
        "identity": {"userAgent": connection.user_agent, "sourceIp": connection.source_ip},
        "requestId": request_id,
        "domainName": connection.domain_name,
        "connectionId": connection.connection_id,
        "apiId": api.api_id,
    }


def _multi(pairs: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    values: dict[str, list[str]] = {}
    for name, value in pairs:
        values.setdefault(name, []).append(value)
    return values
