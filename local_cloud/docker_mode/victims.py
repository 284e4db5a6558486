"""The parts of a cloud in Docker, to be killed and stopped."""

from __future__ import annotations

import contextlib
import os
import uuid
from collections.abc import Callable

from docker.errors import APIError
from docker.models.containers import Container

from local_cloud.chaos.victims import Processes
from local_cloud.docker_mode.compose import connect, network_of
from local_cloud.docker_mode.containers import container_of
from local_cloud.docker_mode.function_logs import is_of_sam
from local_cloud.docker_mode.mode import SERVICES
from local_cloud.docker_mode.volumes import remove_project
from local_cloud.installation import Home


class Containers:
    """Containers, and SAM's own process on the host; of a Compose project of its own.

    What is stopped is paused: every process of a container, as SIGSTOP would.
    """

    def __init__(self, home: Home) -> None:
        self.client = connect()
        self.project = os.environ["COMPOSE_PROJECT_NAME"] = f"chaos-{uuid.uuid4().hex[:8]}"
        self.sam = Processes(home)

    def kill(self, part: str) -> None:
        """Kill a part."""
        if part == "lambda":
            self.sam.kill(part)
        for container in self._containers(part):
            with contextlib.suppress(APIError):  # it has ended by itself
                container.kill()

    def stop(self, part: str) -> Callable[[], None]:
        """Pause a part; return what has it go on."""
        go_on = [self.sam.stop(part)] if part == "lambda" else []
        for container in self._containers(part):
            with contextlib.suppress(APIError):
                container.pause()
                go_on.append(container.unpause)

        def all_go_on() -> None:
            for one in go_on:
                with contextlib.suppress(APIError):
                    one()

        return all_go_on

    def left(self) -> list[str]:
        """Return the containers and networks that are left; remove the volumes, which stay."""
        label = {"label": f"com.docker.compose.project={self.project}"}
        named = {"name": network_of(self.project)}
        left = [f"container {c.name}" for c in self.client.containers.list(all=True, filters=label)]
        left += [f"network {n.name}" for n in self.client.networks.list(filters=named)]
        remove_project(self.client, self.project)
        return left

    def _containers(self, part: str) -> list[Container]:
        if part == "workers":
            on_network = {"network": network_of(self.project)}
            return [c for c in self.client.containers.list(filters=on_network) if is_of_sam(c)]
        if part not in SERVICES:
            return []
        container = container_of(self.client, self.project, SERVICES[part])
        return [container] if container is not None else []
