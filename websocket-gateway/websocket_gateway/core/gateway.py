"""The decisions of the gateway: who may connect, where a message goes, what comes back."""

from __future__ import annotations

import logging
from collections.abc import Coroutine, Iterable, Mapping
from typing import Any, Protocol

import orjson

from local_aws.credentials import SignedRequest
from local_aws.hosts import AllowedHosts, origins_in_environment
from local_aws.redaction import shown
from local_aws.throttle import TokenBucket
from local_aws.traces import Span, Traces, current
from websocket_gateway.core.address import Address, AddressBook
from websocket_gateway.core.api import Integration, Route, Stage, WebSocketApi, key_bucket
from websocket_gateway.core.authorizers import Authorizers, Refused
from websocket_gateway.core.backend import (
    Backend,
    IntegrationFailed,
    IntegrationTimedOut,
)
from websocket_gateway.core.connection import Connection, new_request_id
from websocket_gateway.core.events import (
    Event,
    Handshake,
    authorizer_event,
    connect_event,
    disconnect_event,
    message_event,
    request_context,
    route_arn,
)
from websocket_gateway.core.integrations import run
from websocket_gateway.core.limits import Limits
from websocket_gateway.core.metrics import Metrics
from websocket_gateway.core.proxy_response import ProxyResponse
from websocket_gateway.core.registry import Registry
from websocket_gateway.core.selection import Scope
from websocket_gateway.core.signature import NO_BODY, is_signed
from websocket_gateway.core.traffic import Traffic

LOG = logging.getLogger(__name__)


class Client(Protocol):
    """The socket of an open connection, as the gateway sees it."""

    connection: Connection

    def send_text(self, text: str) -> None: ...

    def close(self, code: int, reason: str) -> None: ...

    async def closed(self) -> None: ...

    def cut(self) -> None: ...


class PostFailed(Exception):
    """A message could not be posted to a connection; carries the status to answer with."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


class Gateway:
    """Every registered WebSocket API, and the connections that are open."""

    def __init__(
        self,
        registry: Registry,
        backend: Backend,
        limits: Limits,
        traffic: Traffic | None = None,
        allowed_hosts: Iterable[str] = (),
        traces: Traces | None = None,
    ) -> None:
        self.traces = traces
        self.registry = registry
        self.backend = backend
        self.limits = limits
        self.traffic = traffic
        self.hosts = AllowedHosts(
            allowed_hosts, lambda name: name in self.registry.mappings, origins_in_environment()
        )
        self.metrics = Metrics()
        self.authorizers = Authorizers(backend)
        self.clients: dict[str, Client] = {}
        self._second = 0
        self._new_this_second = 0
        registry.on_change.append(self.refresh)
        self.refresh()

    def refresh(self) -> None:
        """Serve what is registered now; connections stay open while their stage is there."""
        self.apis = self.registry.served
        self.addresses = AddressBook(self.apis, self.registry.mappings)
        self.key_buckets: dict[str, TokenBucket | None] = {
            value: key_bucket(key) for value, key in self.registry.keys.items()
        }
        for client in list(self.clients.values()):
            if self._serving(client.connection) is None:
                client.close(1001, "Going away")

    def admits_another(self) -> bool:
        """Count a new connection against the account's rate of new connections."""
        second = int(self.backend.steady())
        if second != self._second:
            self._second, self._new_this_second = second, 0
        self._new_this_second += 1
        return self._new_this_second <= self.limits.new_connections_per_second

    # Connections

    async def connect(
        self, connection: Connection, handshake: Handshake, address: Address
    ) -> ProxyResponse | None:
        """Decide on a pending upgrade.

        Returns:
            The answer; ``None`` to cut the connection without one.
        """
        connection.api_id, connection.stage = address.api.api_id, address.stage.name
        dimensions = (connection.api_id, connection.stage, "$connect")
        self.metrics.count("ConnectCount", dimensions)
        context = request_context(connection, "$connect", "CONNECT", connection.connected_at)
        span = self._begin("connect", "$connect", connection)
        try:
            answer = await self._connect(connection, handshake, address, context)
        except Refused as refused:
            LOG.warning("$connect: %d %s", refused.status, refused.why or refused.message)
            answer = self._refused(context, refused)
        except Exception as error:
            LOG.exception("$connect failed")
            failed = Refused(500, "Internal server error", repr(error))
            answer = self._refused(context, failed)
        if not answer.accepts:
            kind = "ClientError" if answer.status < 500 else "ExecutionError"
            self.metrics.count(kind, dimensions)
        self._log_access(address.stage, context, answer.status)
        if span is not None:
            words = None if answer.accepts else f"{answer.status} {answer.body or ''}"
            span.end(words, status=answer.status, user=connection.user)
        if self.traffic is not None:
            what = "connected" if answer.accepts else "refused"
            now = self.backend.now()
            self.traffic.note(now, connection.connection_id, what, status=answer.status)
        return answer

    @staticmethod
    def _refused(context: Event, refused: Refused) -> ProxyResponse:
        context["error"] = {"message": refused.message, "messageString": refused.why}
        return _refusal(refused.status, refused.message)

    async def _connect(
        self, connection: Connection, handshake: Handshake, address: Address, context: Event
    ) -> ProxyResponse:
        api, stage = address.api, address.stage
        if not stage.admits("$connect", self.backend.steady()):
            raise Refused(429, "Too Many Requests", "throttled")
        route = api.routes.get("$connect")
        if route is None:
            return ProxyResponse(200, {}, None)
        scope = Scope(
            context=context,
            headers={name.lower(): value for name, value in handshake.headers},
            query=dict(handshake.parameters),
            stage_variables=stage.variables,
        )
        if route.authorization == "AWS_IAM":
            await self._check_signed(connection, handshake, scope)
        if route.authorization == "CUSTOM":
            if route.authorizer is None:
                raise Refused(500, "Internal server error", "the route's authorizer is missing")
            event = authorizer_event(
                context, handshake, stage.variables, route_arn(connection, "$connect")
            )
            connection.authorizer = await self.authorizers.authorize(
                route.authorizer, event, scope, self.limits.integration
            )
            context["authorizer"] = connection.authorizer
        if route.api_key_required:
            self._check_key(api, stage, scope)
        event = connect_event(context, handshake, stage.variables)
        try:
            return await self._run(route, event, scope, connection, answer_matters=True)
        except IntegrationTimedOut as error:
            raise Refused(504, "Endpoint request timed out", str(error)) from error
        except IntegrationFailed as error:
            raise Refused(502, "Internal server error", str(error)) from error

    async def _check_signed(
        self, connection: Connection, handshake: Handshake, scope: Scope
    ) -> None:
        if not is_signed(scope.headers, scope.query):
            raise Refused(403, "Missing Authentication Token", "the request is not signed")
        if not self.backend.enforces:
            return
        target = f"{handshake.path}?{handshake.query}"
        arn = route_arn(connection, "$connect")
        request = SignedRequest(
            *("GET", target, scope.headers, NO_BODY), action="execute-api:Invoke", resource=arn
        )
        try:
            words = await self.backend.refusal(request)
        except IntegrationFailed as error:
            raise Refused(500, "Internal server error", str(error)) from error
        if words is not None:
            raise Refused(403, words, words)

    def _check_key(self, api: WebSocketApi, stage: Stage, scope: Scope) -> None:
        value = api.key_selection.evaluate(scope)
        key = self.registry.keys.get(value) if value else None
        if key is None or (api.api_id, stage.name) not in key.stages:
            raise Refused(403, "Forbidden", "no valid API key")
        bucket = self.key_buckets[key.value]
        if bucket is not None and not bucket.admits(self.backend.steady()):
            raise Refused(429, "Too Many Requests", f"API key {key.name} is throttled")

    async def disconnect(self, connection: Connection, code: int, reason: str) -> None:
        """Run ``$disconnect``, best effort, for a connection that has ended."""
        self.clients.pop(connection.connection_id, None)
        if self.traffic is not None:
            now = self.backend.now()
            self.traffic.note(now, connection.connection_id, "disconnected", reason, code=code)
        found = self._serving(connection)
        route = found[0].routes.get("$disconnect") if found else None
        if found is None or route is None:
            return
        stage = found[1]
        context = request_context(connection, "$disconnect", "DISCONNECT", self.backend.now())
        event = disconnect_event(context, connection, code, reason, stage.variables)
        scope = Scope(context=context, stage_variables=stage.variables)
        status = 200
        span = self._begin("disconnect", "$disconnect", connection)
        try:
            await self._run(route, event, scope, connection, answer_matters=False)
        except Exception as error:  # noqa: BLE001 - nobody waits for it who could be told
            LOG.warning("$disconnect: %r", error)
            self.metrics.count("ExecutionError", _dimensions(connection, "$disconnect"))
            status = 500
        if span is not None:
            failed = "the function has failed" if status == 500 else None
            open_seconds = (self.backend.now() - connection.connected_at) / 1000
            closed = f"{code} {reason}".strip()
            span.end(failed, status=status, closed=closed, connected_seconds=open_seconds)
        self._log_access(stage, context, status)

    # Messages

    async def message(self, client: Client, body: str) -> None:
        """Route one message and send back what its route says."""
        connection = client.connection
        connection.last_active_at = now = self.backend.now()
        found = self._serving(connection)
        scope = Scope(body=body)
        route = found[0].route_for(scope) if found else None
        key = route.key if route else "$default"
        context = scope.context = request_context(connection, key, "MESSAGE", now)
        context["messageId"] = new_request_id()
        if self.traffic is not None:
            self.traffic.note(now, connection.connection_id, "received", body, routeKey=key)
        if found is None:  # its API or stage was deleted meanwhile
            self._send_error(client, "Forbidden", context)
            return
        self.metrics.count("MessageCount", _dimensions(connection, key))
        span = self._begin("message", key, connection)
        try:
            status, words, answered = await self._answer(client, scope, found[1], route, context)
        except Exception:  # whatever it is, the client is told
            LOG.exception("%s failed", key)
            status, words, answered = 500, "Internal server error", True
            self.metrics.count("ExecutionError", _dimensions(connection, key))
            self._send_error(client, words, context)
        if span is not None:
            span.end(words or None, status=status, request=shown(body), answered=answered)

    async def _answer(
        self, client: Client, scope: Scope, stage: Stage, route: Route | None, context: Event
    ) -> tuple[int, str, bool]:
        """Return the status, the error that the client is told of, and whether it is answered."""
        key = str(context["routeKey"])
        dimensions = _dimensions(client.connection, key)
        scope.stage_variables = stage.variables
        status, error, answered = 200, "", False
        if route is None:
            status, error = 403, "Forbidden"
        elif not stage.admits(key, self.backend.steady()):
            status, error = 429, "Too Many Requests"
        elif not route.accepts(scope):
            status, error = 400, "Bad request body"
        if error:
            self.metrics.count("ClientError", dimensions)
            self._send_error(client, error, context)
        else:
            assert route is not None
            event = message_event(context, scope.body, stage.variables)
            try:
                answer = await self._run(
                    route, event, scope, client.connection, answer_matters=route.two_way
                )
                status = answer.status
                answered = route.two_way and answer.body is not None
                if answered and answer.body is not None:
                    self.send(client, answer.body, key)
            except (IntegrationTimedOut, IntegrationFailed) as failure:
                LOG.warning("%s: %s", key, failure)
                late = isinstance(failure, IntegrationTimedOut)
                status = 504 if late else 502
                error = "Endpoint request timed out" if late else "Internal server error"
                self.metrics.count("ExecutionError", dimensions)
                self._send_error(client, error, context)
        if stage.log_format is not None:
            if error:
                context["error"] = {"message": error}
            self._log_access(stage, context, status)
        return status, error, bool(error) or answered

    def _begin(self, kind: str, route_key: str, connection: Connection) -> Span | None:
        """Begin a trace, of which all is that this task does from now on."""
        if self.traces is None:
            return None
        span = self.traces.begin(
            kind,
            route_key,
            connection=connection.connection_id,
            api=connection.api_id,
            stage=connection.stage,
            user=connection.user,
        )
        current.set(span.header)
        return span

    def send(self, client: Client, text: str, route_key: str = "") -> None:
        """Send a client a message.

        Args:
            route_key: of the message that it answers, if it answers one.
        """
        connection = client.connection
        self.metrics.count("MessageCount", _dimensions(connection, route_key))
        if self.traffic is not None:
            self.traffic.note(self.backend.now(), connection.connection_id, "sent", text)
        client.send_text(text)

    async def post(self, client: Client, text: str) -> None:
        """Send a client what ``@connections`` was asked to.

        Raises:
            PostFailed: it was not sent.
        """
        self.send(client, text)
        client.connection.last_active_at = self.backend.now()

    def _send_error(self, client: Client, message: str, context: Event) -> None:
        self.send(client, _error_frame(message, context), str(context["routeKey"]))

    async def _run(
        self,
        route: Route,
        event: Mapping[str, Any],
        scope: Scope,
        connection: Connection,
        *,
        answer_matters: bool,
    ) -> ProxyResponse:
        if route.integration is None:
            raise IntegrationFailed(f"route {route.key} has no integration")
        dimensions = _dimensions(connection, route.key)
        began = self.backend.steady()
        try:
            return await self._integrate(
                route.integration, event, scope, answer_matters=answer_matters
            )
        except (IntegrationFailed, IntegrationTimedOut):
            self.metrics.count("IntegrationError", dimensions)
            raise
        finally:
            milliseconds = (self.backend.steady() - began) * 1000
            if route.integration.kind != "MOCK":  # as on AWS
                self.metrics.latency(dimensions, milliseconds)
            scope.context["integrationLatency"] = round(milliseconds)  # type: ignore[index]

    def _integrate(
        self,
        integration: Integration,
        event: Mapping[str, Any],
        scope: Scope,
        *,
        answer_matters: bool,
    ) -> Coroutine[Any, Any, ProxyResponse]:
        return run(
            integration,
            event,
            scope,
            self.limits.integration,
            self.backend,
            answer_matters=answer_matters,
        )

    def _serving(self, connection: Connection) -> tuple[WebSocketApi, Stage] | None:
        """Return a connection's API and stage as they are now: a template may have changed."""
        api = self.apis.get(connection.api_id)
        stage = api.stages.get(connection.stage) if api else None
        return (api, stage) if api is not None and stage is not None else None

    def _log_access(self, stage: Stage, context: Event, status: int) -> None:
        if stage.log_format is not None:
            line = stage.log_format.render({**context, "status": status})
            self.backend.log_access(stage.log_group, line)


def _dimensions(connection: Connection, route_key: str) -> tuple[str, str, str]:
    return connection.api_id, connection.stage, route_key


def _refusal(status: int, message: str) -> ProxyResponse:
    body = orjson.dumps({"message": message}).decode()
    return ProxyResponse(status, {"content-type": "application/json"}, body)


def _error_frame(message: str, context: Mapping[str, Any]) -> str:
    return orjson.dumps(
        {
            "message": message,
            "connectionId": context["connectionId"],
            "requestId": context["requestId"],
        }
    ).decode()
