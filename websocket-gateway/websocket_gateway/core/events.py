"""The events that Lambda functions receive: proxy integrations, and authorizers.

https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-websocket-api-mapping-template-reference.html
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any
from urllib.parse import parse_qsl

from local_aws.account import ACCOUNT_ID, REGION
from websocket_gateway.core.connection import Connection, new_request_id

Event = dict[str, Any]


# Headers that belong to the connection, not to the application's request.
_NOT_PASSED_ON = {"connection", "upgrade"}


@dataclass(frozen=True)
class Handshake:
    """The headers, the query and the path of a client's upgrade request."""

    headers: tuple[tuple[str, str], ...]
    query: str
    path: str = "/"

    @property
    def parameters(self) -> list[tuple[str, str]]:
        return parse_qsl(self.query, keep_blank_values=True)

    def described(self) -> Event:
        """Return headers and parameters as events carry them."""
        sent = [(name, value) for name, value in self.headers if name.lower() not in _NOT_PASSED_ON]
        described: Event = {"headers": dict(sent), "multiValueHeaders": _multi(sent)}
        if pairs := self.parameters:
            described["queryStringParameters"] = dict(pairs)
            described["multiValueQueryStringParameters"] = _multi(pairs)
        return described


def connect_event(context: Event, handshake: Handshake, variables: Mapping[str, str]) -> Event:
    """Return the event of a pending upgrade."""
    event = {**handshake.described(), "requestContext": context, "isBase64Encoded": False}
    return _with_variables(event, variables)


def authorizer_event(
    context: Event, handshake: Handshake, variables: Mapping[str, str], arn: str
) -> Event:
    """Return what a REQUEST authorizer receives.

    https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-websocket-api-lambda-auth.html
    """
    described = {
        "queryStringParameters": {},
        "multiValueQueryStringParameters": {},
        **handshake.described(),
    }
    return {
        "type": "REQUEST",
        "methodArn": arn,
        **described,
        "stageVariables": dict(variables),
        "requestContext": context,
    }


def message_event(context: Event, body: str, variables: Mapping[str, str]) -> Event:
    """Return the event of a message; unlike the others it carries no headers."""
    event = {"requestContext": context, "body": body, "isBase64Encoded": False}
    return _with_variables(event, variables)


def disconnect_event(
    context: Event, connection: Connection, code: int, reason: str, variables: Mapping[str, str]
) -> Event:
    """Return the event of a connection that has ended."""
    context["disconnectStatusCode"] = code
    context["disconnectReason"] = reason
    headers = {"Host": connection.domain_name, "x-api-key": "", "x-restapi": ""}
    event = {
        "headers": headers,
        "multiValueHeaders": _multi(headers.items()),
        "requestContext": context,
        "isBase64Encoded": False,
    }
    return _with_variables(event, variables)


def request_context(connection: Connection, route_key: str, event_type: str, now: int) -> Event:
    """Return an event's ``requestContext``. ``now`` is in milliseconds since 1970."""
    request_id = new_request_id()
    context: Event = {
        "routeKey": route_key,
        "eventType": event_type,
        "extendedRequestId": request_id,
        "requestTime": _request_time(now // 1000),
        "messageDirection": "IN",
        "stage": connection.stage,
        "connectedAt": connection.connected_at,
        "requestTimeEpoch": now,
        "identity": {"userAgent": connection.user_agent, "sourceIp": connection.source_ip},
        "requestId": request_id,
        "domainName": connection.domain_name,
        "connectionId": connection.connection_id,
        "apiId": connection.api_id,
    }
    if connection.authorizer is not None:
        context["authorizer"] = connection.authorizer
    return context


@lru_cache(maxsize=1)
def _request_time(second: int) -> str:
    return datetime.fromtimestamp(second, UTC).strftime("%d/%b/%Y:%H:%M:%S +0000")


def route_arn(connection: Connection, route_key: str) -> str:
    """Return the ARN that policies name a route by."""
    return (
        f"arn:aws:execute-api:{REGION}:{ACCOUNT_ID}:"
        f"{connection.api_id}/{connection.stage}/{route_key}"
    )


def _with_variables(event: Event, variables: Mapping[str, str]) -> Event:
    if variables:
        event["stageVariables"] = dict(variables)
    return event


def _multi(pairs: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    values: dict[str, list[str]] = {}
    for name, value in pairs:
        values.setdefault(name, []).append(value)
    return values
