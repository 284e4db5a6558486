"""The gateway from start to stop: template in, port open, everyone told at the end."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from websocket_gateway.cloudwatch import CloudWatch
from websocket_gateway.core.backend import Backend
from websocket_gateway.core.faults import Faults
from websocket_gateway.core.gateway import Gateway
from websocket_gateway.core.limits import Limits
from websocket_gateway.core.registry import Registry
from websocket_gateway.core.traffic import Traffic
from websocket_gateway.server import serve
from websocket_gateway.watch import TemplateFile

# How long the functions have to hear of the connections that the gateway closes when it stops.
DISCONNECT_GRACE_SECONDS = 2.0


@dataclass(frozen=True)
class Settings:
    """How the gateway is started. Without a template it serves what its API makes."""

    template: Path | None
    host: str = "127.0.0.1"
    port: int = 8080
    parameters: Mapping[str, str] = field(default_factory=dict)
    limits: Limits = field(default_factory=Limits)
    faults: Faults | None = None
    #: How many messages are kept for looking at. Whoever reaches the port can read them.
    recent_messages: int = 0
    #: Names that are served beside this machine's own.
    allowed_hosts: tuple[str, ...] = ()


class GatewayService:
    """Runs a gateway until SIGINT or SIGTERM."""

    def __init__(
        self, settings: Settings, backend: Backend, cloudwatch: CloudWatch | None = None
    ) -> None:
        self.settings = settings
        self.registry = Registry()
        self.cloudwatch = cloudwatch
        self.file = (
            TemplateFile(settings.template, settings.parameters, self.registry)
            if settings.template
            else None
        )
        if self.file is not None:
            self.file.load()
        traffic = Traffic(settings.recent_messages) if settings.recent_messages else None
        self.gateway = Gateway(
            self.registry,
            backend,
            settings.limits,
            settings.faults,
            traffic,
            settings.allowed_hosts,
        )

    async def run(self) -> None:
        """Serve until a signal; then close every connection and let its functions hear of it."""
        settings, gateway = self.settings, self.gateway
        loop = asyncio.get_running_loop()
        stopped = asyncio.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, stopped.set)
        server = await serve(gateway, settings.host, settings.port)
        background = []
        if self.file is not None:
            background.append(loop.create_task(self.file.watch()))
        if self.cloudwatch is not None:
            background.append(loop.create_task(self.cloudwatch.deliver_logs()))
            background.append(loop.create_task(self.cloudwatch.deliver_metrics(gateway.metrics)))
        self._introduce()
        await stopped.wait()
        server.close()
        for task in background:
            task.cancel()
        for client in list(gateway.clients.values()):
            client.close(1001, "Going away")
        others = asyncio.all_tasks() - {asyncio.current_task()}
        if others:
            await asyncio.wait(others, timeout=DISCONNECT_GRACE_SECONDS)
        if self.cloudwatch is not None:
            await self.cloudwatch.put_metrics(gateway.metrics)

    def _introduce(self) -> None:
        base = f"{self.settings.host}:{self.settings.port}"
        several = len(self.gateway.apis) > 1
        for api in self.gateway.apis.values():
            for stage in api.stages:
                path = f"/{api.api_id}/{stage}" if several else f"/{stage}"
                print(
                    f"WebSocket API {api.name} on ws://{base}{path} "
                    f"(routes {', '.join(sorted(api.routes))})",
                    flush=True,
                )
        if not self.gateway.apis:
            print(f"WebSocket gateway on ws://{base}, without an API so far", flush=True)
        if self.settings.faults is not None:
            rules = len(self.settings.faults.rules)
            print(f"FAULTS ARE INJECTED: {rules} rules strike on purpose", flush=True)
