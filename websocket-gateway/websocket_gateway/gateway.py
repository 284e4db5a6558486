"""The decisions of the gateway: integrations run, frames answered, connections registered."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Iterable
from typing import Protocol
from urllib.parse import unquote

from websocket_gateway.connection import Connection, is_connection_id
from websocket_gateway.definition import WebSocketApi
from websocket_gateway.events import connect_event, disconnect_event, message_event
from websocket_gateway.http1 import Request, Response
from websocket_gateway.lambda_client import IntegrationFailed, IntegrationTimedOut, LambdaClient
from websocket_gateway.limits import Limits
from websocket_gateway.proxy_response import ProxyResponse, parse_proxy_response

LOG = logging.getLogger(__name__)
CONNECTIONS = "/@connections/"


class Client(Protocol):
    """The socket of an open connection, as the gateway sees it."""

    connection: Connection

    def send_text(self, text: str) -> None: ...

    def close(self, code: int, reason: str) -> None: ...


class Gateway:
    """One WebSocket API, its open connections, and its ``@connections`` API."""

    def __init__(self, api: WebSocketApi, functions: LambdaClient, limits: Limits) -> None:
        self.api = api
        self.functions = functions
        self.limits = limits
        self.clients: dict[str, Client] = {}
        self._second = 0
        self._new_this_second = 0

    def admits_another(self) -> bool:
        """Count a new connection against the account's rate of new connections."""
        second = int(time.monotonic())
        if second != self._second:
            self._second, self._new_this_second = second, 0
        self._new_this_second += 1
        return self._new_this_second <= self.limits.new_connections_per_second

    async def connect(
        self, connection: Connection, headers: Iterable[tuple[str, str]], query: str
    ) -> ProxyResponse:
        """Run ``$connect`` while the upgrade is pending; the answer decides on it."""
        route = self.api.routes.get("$connect")
        if route is None:
            return ProxyResponse(200, {}, None)
        event = connect_event(self.api, connection, connection.connected_at, headers, query)
        try:
            payload = await self.functions.invoke(
                route.function, event, min(route.timeout, self.limits.integration)
            )
        except IntegrationTimedOut as error:
            LOG.warning("$connect: %s", error)
            return ProxyResponse(504, {}, None)
        except IntegrationFailed as error:
            LOG.warning("$connect: %s", error)
            return ProxyResponse(502, {}, None)
        answer = parse_proxy_response(payload)
        if answer is None:
            LOG.warning("$connect: %s answered no proxy response", route.function)
            return ProxyResponse(502, {}, None)
        return answer

    async def message(self, client: Client, body: str) -> None:
        """Route one message and send back what its route says."""
        connection = client.connection
        connection.last_active_at = now = _now()
        route = self.api.route_for(body)
        if route is None:
            event = message_event(self.api, connection, now, "$default", body)
            client.send_text(_error_frame("Forbidden", connection, event))
            return
        event = message_event(self.api, connection, now, route.key, body)
        try:
            payload = await self.functions.invoke(
                route.function, event, min(route.timeout, self.limits.integration)
            )
        except IntegrationTimedOut as error:
            LOG.warning("%s: %s", route.key, error)
            client.send_text(_error_frame("Endpoint request timed out", connection, event))
            return
        except IntegrationFailed as error:
            LOG.warning("%s: %s", route.key, error)
            client.send_text(_error_frame("Internal server error", connection, event))
            return
        if not route.two_way:
            return
        answer = parse_proxy_response(payload)
        if answer is None:
            client.send_text(_error_frame("Internal server error", connection, event))
        elif answer.body is not None:
            client.send_text(answer.body)

    async def disconnect(self, connection: Connection, code: int, reason: str) -> None:
        """Run ``$disconnect``, best effort, for a connection that has ended."""
        self.clients.pop(connection.connection_id, None)
        route = self.api.routes.get("$disconnect")
        if route is None:
            return
        event = disconnect_event(self.api, connection, _now(), code, reason)
        try:
            await self.functions.invoke(
                route.function, event, min(route.timeout, self.limits.integration)
            )
        except (IntegrationFailed, IntegrationTimedOut) as error:
            LOG.warning("$disconnect: %s", error)

    async def http(self, request: Request) -> Response:
        """Answer a plain HTTP request: ``@connections``, or a page about the gateway itself."""
        path = unquote(request.path)
        if path == "/_gateway/health":
            return _json(200, {"status": "ok", "connections": len(self.clients)})
        if path == "/_gateway/connections" and _is_local_name(request.headers.get("host", "")):
            opened = [
                {"connectionId": name, **client.connection.describe()}
                for name, client in self.clients.items()
            ]
            return _json(200, {"connections": opened})
        stage, found, connection_id = path.partition(CONNECTIONS)
        if not found:
            return _error(403, "ForbiddenException", "Forbidden")
        return self._connections(request, stage.strip("/"), connection_id)

    def _connections(self, request: Request, stage: str, connection_id: str) -> Response:
        if stage not in ("", self.api.stage):
            return _error(403, "ForbiddenException", "Forbidden")
        if not request.headers.get("authorization", "").startswith("AWS4-HMAC-SHA256 "):
            return _error(
                403, "MissingAuthenticationTokenException", "Missing Authentication Token"
            )
        if not is_connection_id(connection_id):
            return _error(400, "BadRequestException", f"Invalid connectionId: {connection_id}")
        if request.method == "POST" and len(request.body) > self.limits.message:
            return _error(413, "PayloadTooLargeException", "Payload too large")
        client = self.clients.get(connection_id)
        if client is None:
            return _error(410, "GoneException", "Gone")
        match request.method:
            case "POST":
                client.send_text(request.body.decode("utf-8", "replace"))
                client.connection.last_active_at = _now()
                return Response(200)
            case "GET":
                return _json(200, client.connection.describe())
            case "DELETE":
                client.close(1000, "Connection Closed Normally")
                return Response(204)
        return _error(403, "ForbiddenException", "Forbidden")


def _is_local_name(host: str) -> bool:
    """Return whether a ``Host`` is no public name, which could be rebound to this address."""
    name = host.rpartition(":")[0] or host
    return "." not in name or name.replace(".", "").isdecimal()


def _now() -> int:
    return time.time_ns() // 1_000_000


def _error_frame(message: str, connection: Connection, event: dict[str, object]) -> str:
    context = event["requestContext"]
    assert isinstance(context, dict)
    return json.dumps(
        {
            "message": message,
            "connectionId": connection.connection_id,
            "requestId": context["requestId"],
        }
    )


def _json(status: int, body: object) -> Response:
    return Response(status, json.dumps(body).encode(), {"Content-Type": "application/json"})


def _error(status: int, code: str, message: str) -> Response:
    response = _json(status, {"message": message})
    return Response(status, response.body, {**response.headers, "X-Amzn-ErrorType": code})
