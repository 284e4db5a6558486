"""A gateway that faults are injected into: around its decisions, and around what it runs."""

from __future__ import annotations

from collections.abc import Coroutine, Mapping
from typing import Any

from local_aws.faults import Faults, Strike
from websocket_gateway.core.address import Address
from websocket_gateway.core.api import Integration
from websocket_gateway.core.authorizers import Refused
from websocket_gateway.core.backend import IntegrationFailed, IntegrationTimedOut
from websocket_gateway.core.connection import Connection
from websocket_gateway.core.events import Event, Handshake, request_context
from websocket_gateway.core.gateway import Client, Gateway, PostFailed
from websocket_gateway.core.proxy_response import ProxyResponse
from websocket_gateway.core.selection import Scope

WHY = "injected fault"


class FaultyGateway(Gateway):
    """A :class:`.gateway.Gateway` whose events meet the rules of a fault file first."""

    def __init__(self, faults: Faults, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.faults = faults
        self._failing: dict[str, int] = {}

    async def connect(
        self, connection: Connection, handshake: Handshake, address: Address
    ) -> ProxyResponse | None:
        strike = await self._struck("connect", "$connect")
        if strike.drop:
            return None
        if strike.fail:
            self._failing[connection.connection_id] = strike.status or 500
        return await super().connect(connection, handshake, address)

    async def _connect(
        self, connection: Connection, handshake: Handshake, address: Address, context: Event
    ) -> ProxyResponse:
        status = self._failing.pop(connection.connection_id, None)
        if status is not None:
            raise Refused(status, "Internal server error", WHY)
        return await super()._connect(connection, handshake, address, context)

    def message(self, client: Client, body: str) -> Coroutine[Any, Any, None]:
        return self._message(client, body) if self.faults.rules else super().message(client, body)

    async def _message(self, client: Client, body: str) -> None:
        found = self._serving(client.connection)
        route = found[0].route_for(Scope(body=body)) if found else None
        strike = await self._struck("message", route.key if route else "$default")
        if strike.drop:
            return
        if strike.fail:
            context = request_context(client.connection, "$default", "MESSAGE", self.backend.now())
            self._send_error(client, "Internal server error", context)
            return
        for _ in range(2 if strike.duplicate else 1):
            await super().message(client, body)

    async def post(self, client: Client, text: str) -> None:
        strike = await self._struck("post", "@connections")
        if strike.fail:
            raise PostFailed(strike.status or 500)
        for _ in range(0 if strike.drop else 2 if strike.duplicate else 1):
            await super().post(client, text)

    def _integrate(
        self,
        integration: Integration,
        event: Mapping[str, Any],
        scope: Scope,
        *,
        answer_matters: bool,
    ) -> Coroutine[Any, Any, ProxyResponse]:
        integrate = self._faulty_integration if self.faults.rules else super()._integrate
        return integrate(integration, event, scope, answer_matters=answer_matters)

    async def _faulty_integration(
        self,
        integration: Integration,
        event: Mapping[str, Any],
        scope: Scope,
        *,
        answer_matters: bool,
    ) -> ProxyResponse:
        strike = await self._struck("integration", str(scope.context["routeKey"]))
        if strike.drop:  # a lost answer looks like one that comes too late
            await self.backend.sleep(self.limits.integration)
            raise IntegrationTimedOut(WHY)
        if strike.fail:
            raise IntegrationFailed(WHY)
        if strike.duplicate:
            await super()._integrate(integration, event, scope, answer_matters=answer_matters)
        return await super()._integrate(integration, event, scope, answer_matters=answer_matters)

    async def _struck(self, on: str, route: str) -> Strike:
        strike = self.faults.strike(on, route=route)
        if strike.delay:
            await self.backend.sleep(strike.delay)
        return strike
