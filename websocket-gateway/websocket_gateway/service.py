"""The gateway from start to stop: template in, port open, everyone told at the end."""

from __future__ import annotations

import asyncio
import logging
import signal
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from local_aws.aws_api import AwsApi
from local_aws.background import keep_running
from local_aws.faults import Faults
from local_aws.log_delivery import LogDelivery
from local_aws.printable import printable_line
from local_aws.traces import Traces
from websocket_gateway.core.backend import Backend
from websocket_gateway.core.faulty import FaultyGateway
from websocket_gateway.core.limits import Limits
from websocket_gateway.core.registry import Registry
from websocket_gateway.core.traffic import Traffic
from websocket_gateway.kept_apis import KeptApis
from websocket_gateway.metric_delivery import MetricDelivery
from websocket_gateway.server import GatewayServer
from websocket_gateway.watch import TemplateFile

LOG = logging.getLogger(__name__)

# How long clients have to answer a close frame when the gateway stops, and after that, how long
# the functions have to hear of it.
CLOSE_SECONDS, DISCONNECT_SECONDS = 2.0, 10.0


@dataclass(frozen=True)
class Settings:
    """How the gateway is started. Without a template it serves what its API makes."""

    template: Path | None
    host: str = "127.0.0.1"
    port: int = 8080
    parameters: Mapping[str, str] = field(default_factory=dict)
    limits: Limits = field(default_factory=Limits)
    faults: Faults | None = None
    #: Between two deliveries of metrics to CloudWatch.
    metrics_seconds: float = 60.0
    #: How many messages are kept for looking at. Whoever reaches the port can read them.
    recent_messages: int = 0
    #: Where APIs are kept that were made by the API.
    kept_apis: Path | None = None
    #: Names that are served beside this machine's own.
    allowed_hosts: tuple[str, ...] = ()


class GatewayService:
    """Runs a gateway until SIGINT or SIGTERM."""

    def __init__(
        self,
        settings: Settings,
        backend: Backend,
        logs: LogDelivery | None = None,
        cloudwatch: AwsApi | None = None,
        traces: Traces | None = None,
    ) -> None:
        self.settings = settings
        self.registry = Registry(backend.now)
        self.file = (
            TemplateFile(settings.template, settings.parameters, self.registry)
            if settings.template
            else None
        )
        if self.file is not None:
            self.file.load()
        if settings.kept_apis is not None:
            KeptApis(self.registry, settings.kept_apis).load()
        traffic = Traffic(settings.recent_messages) if settings.recent_messages else None
        served = (
            *(self.registry, backend, settings.limits, traffic, settings.allowed_hosts),
            traces,
        )
        self.gateway = FaultyGateway(settings.faults or Faults(), *served)
        self.logs = logs
        self.metrics = (
            MetricDelivery(cloudwatch, self.gateway.metrics, settings.metrics_seconds)
            if cloudwatch is not None
            else None
        )

    async def run(self) -> None:
        """Serve until a signal; then close every connection and let its functions hear of it."""
        settings = self.settings
        loop = asyncio.get_running_loop()
        stopped = asyncio.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, stopped.set)
        server = GatewayServer(self.gateway)
        await server.open(settings.host, settings.port)
        background = []
        if self.file is not None:
            background.append(keep_running(self.file.watch, "the template's file"))
        if self.logs is not None:
            background.append(keep_running(self.logs.run, "the delivery of logs"))
        if self.metrics is not None:
            background.append(keep_running(self.metrics.run, "the delivery of metrics"))
        self._introduce()
        await stopped.wait()
        if untold := await server.close(CLOSE_SECONDS, DISCONNECT_SECONDS):
            LOG.warning("%d functions did not hear of their clients' end in time", untold)
        for task in background:
            task.cancel()
        await asyncio.gather(*background, return_exceptions=True)
        if self.logs is not None:
            await self.logs.flush()
        if self.metrics is not None:
            await self.metrics.flush()

    def _introduce(self) -> None:
        base = f"{self.settings.host}:{self.settings.port}"
        several = len(self.gateway.apis) > 1
        for api in self.gateway.apis.values():
            for stage in api.stages:
                path = f"/{api.api_id}/{stage}" if several else f"/{stage}"
                routes = ", ".join(sorted(api.routes))
                words = f"WebSocket API {api.name} on ws://{base}{path} (routes {routes})"
                print(printable_line(words), flush=True)
        if not self.gateway.apis:
            print(f"WebSocket gateway on ws://{base}, without an API so far", flush=True)
        if self.settings.faults is not None:
            rules = len(self.settings.faults.rules)
            print(f"FAULTS ARE INJECTED: {rules} rules strike on purpose", flush=True)
