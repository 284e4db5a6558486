"""The parts in Docker: what is built and made before they start, and removed after."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import time
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

import docker
from docker.errors import APIError

from local_cloud.docker_mode import sam
from local_cloud.docker_mode.compose import (
    BUILD_HELP,
    Compose,
    connect,
    host_address,
    take_ca_bundle,
)
from local_cloud.docker_mode.containers import ContainerPart
from local_cloud.docker_mode.sam import SamPart
from local_cloud.docker_mode.volumes import StateVolumes
from local_cloud.installation import Home, Options, Ports
from local_cloud.mode import Progress, Report
from local_cloud.parts import Part, PartFailed, first_error

SERVICES = {
    "engine": "localstack",
    "console": "stepfunctions-local",
    "gateway": "websocket-gateway",
}


class DockerMode:
    """Containers of the Compose file, published on 127.0.0.1, and SAM on the host.

    Raises:
        PartFailed: no Docker Engine answers.
    """

    name = "docker"
    umask = 0o022  # users of the containers read what is built; the home is closed to others

    def __init__(self, ports: Ports, home: Home, options: Options) -> None:
        self.ports = ports
        self.home = home
        self.options = options
        self.client: docker.DockerClient = connect()
        self.compose = Compose(ports, home, options)
        self.volumes = StateVolumes(self.client, self.compose.project)
        self.built = False

    def parts(self) -> list[Part]:
        """Return the parts, in the order in which they are started."""
        ports = self.ports

        def container(name: str, title: str, url: str) -> ContainerPart:
            return ContainerPart(
                name, title, url, self.client, self.compose.project, SERVICES[name]
            )

        address = host_address(self.client)
        return [
            container("engine", "LocalStack", f"{ports.engine_url}/_localstack/health"),
            SamPart(
                ports,
                address,
                self.compose.network,
                self.home.env_vars,
                self.home.functions,
                self.client,
            ),
            container("gateway", "WebSocket gateway", f"{ports.gateway_url}/_gateway/health"),
            container("console", "Console", f"{ports.console_url}/_console/health"),
        ]

    @property
    def keeps_state(self) -> bool:
        """Whether an engine finds what the one before it held: the kit's own does."""
        return not os.environ.get("LOCALSTACK_IMAGE")

    async def go_on(self) -> None:
        """Nothing to do: the engine sees by itself when SAM answers."""

    async def empty(self) -> None:
        """Remove the volumes with what the services held, or have them hold a snapshot."""
        log = self.home.log("build")
        await self.compose.run(log, "rm", "--force", "--stop", *self.volumes.services)
        await asyncio.to_thread(self.volumes.remove)
        if self.home.next_data.exists():
            await self._create()
            await asyncio.to_thread(self.volumes.fill, self.home.next_data)
            shutil.rmtree(self.home.next_data)

    async def copy_state(self, target: Path) -> None:
        """Copy what the services hold into an empty folder."""
        if await asyncio.to_thread(self.volumes.are_reached):
            await asyncio.to_thread(self.volumes.copy, target)
            return
        await self._create()
        try:
            await asyncio.to_thread(self.volumes.copy, target)
        finally:
            await self.clean_up()

    async def prepare_engine(self) -> None:
        """Nothing to do: a container has its files."""

    async def prepare(self, report: Report) -> None:
        """Build images and functions, once; create the network and the containers."""
        if not self.built:
            log = self.home.log("build")
            await asyncio.to_thread(take_ca_bundle)

            async def build(what: str, work: Coroutine[Any, Any, None]) -> None:
                began = time.monotonic()
                report(Progress("build", f"{what} (see: tail -f {log})", under_way=True))
                await work
                report(Progress("build", f"{what} built", time.monotonic() - began))

            async with first_error() as group:
                group.create_task(build("images", self._build_images()))
                group.create_task(build("functions", self._build_functions()))
            self.built = True
        self.home.env_vars.unlink(missing_ok=True)
        await self._create()

    async def _create(self) -> None:
        """Have Compose make the containers, the network and the volumes that are not there."""
        services = list(SERVICES.values())
        await self.compose.run(self.home.log("build"), "up", "--no-start", *services)

    async def _build_images(self) -> None:
        await self.compose.run(self.home.log("build"), "build", help_text=BUILD_HELP)

    async def _build_functions(self) -> None:
        log = self.home.log("build")
        await sam.build(await sam.install_sam(log), self.home.functions, log)

    def provisioning(self) -> tuple[list[str], dict[str, str]]:
        """Return the setup script, to run on the Compose network."""
        words = ("run", "--rm", "--no-deps", "aws-cli", "/scripts/create-resources.sh")
        return self.compose.command(*words), self.compose.environment

    async def clean_up(self) -> None:
        """Remove containers and network; the volumes stay."""
        self.home.env_vars.unlink(missing_ok=True)
        with contextlib.suppress(PartFailed):
            await self.compose.run(self.home.log("build"), "down", "--remove-orphans")

    def memory_mb(self, pids: dict[str, int]) -> dict[str, float]:
        """Return the memory of each part's containers, as Docker counts it."""
        filters = {"network": self.compose.network}
        found: dict[str, float] = {}
        for container in self.client.containers.list(filters=filters):
            service = container.labels.get("com.docker.compose.service")
            name = next((n for n, s in SERVICES.items() if s == service), "lambda")
            with contextlib.suppress(APIError):
                usage = container.stats(stream=False, one_shot=True)["memory_stats"]
                cache = usage.get("stats", {}).get("total_inactive_file", 0)
                found[name] = found.get(name, 0.0) + (usage.get("usage", 0) - cache) / 2**20
        return found
