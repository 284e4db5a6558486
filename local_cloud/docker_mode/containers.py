"""A Compose service as a part of the cloud."""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path

import docker
from docker.errors import APIError, NotFound
from docker.models.containers import Container

from local_cloud.installation import open_log
from local_cloud.parts import Part, PartFailed, end_group

# The gateway waits for functions that are told of its clients' end.
STOP_SECONDS = 15


def container_of(client: docker.DockerClient, project: str, service: str) -> Container | None:
    """Return the one container of a service, running or not, if Compose has created it.

    Args:
        project: Compose's name of the project.
        service: Compose's name of the service.
    """
    labels = [
        f"com.docker.compose.project={project}",
        f"com.docker.compose.service={service}",
        "com.docker.compose.oneoff=False",
    ]
    found: list[Container] = client.containers.list(all=True, filters={"label": labels})
    return found[0] if found else None


class ContainerPart(Part):
    """The one container of a service, which Compose has created.

    Args:
        project: Compose's name of the project.
        service: Compose's name of the service.
    """

    def __init__(
        self,
        name: str,
        title: str,
        health_url: str,
        client: docker.DockerClient,
        project: str,
        service: str,
    ) -> None:
        super().__init__(name, title, health_url)
        self.client = client
        self.project = project
        self.service = service
        self.end: str | None = None
        self._container: Container | None = None
        self._logs: asyncio.subprocess.Process | None = None

    async def start(self, log: Path) -> None:
        self.end = None
        try:
            self._container = container = await asyncio.to_thread(self._find)
            await asyncio.to_thread(container.start)
        except APIError as error:
            raise PartFailed(f"{self.title} did not start: {error.explanation}") from error
        # The same output stays with Docker; here it is beside that of the other parts.
        with open_log(log) as output:
            self._logs = await asyncio.create_subprocess_exec(
                *("docker", "logs", "--follow", "--tail", "0", str(container.id)),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )

    def _find(self) -> Container:
        container = container_of(self.client, self.project, self.service)
        if container is None:
            raise PartFailed(f"{self.title}: Compose has made no container for it")
        return container

    def has_ended(self) -> str | None:
        return self.end

    async def ended(self) -> None:
        # `docker wait` can be stopped at any time; a waiting call of the package cannot.
        assert self._container is not None
        process = await asyncio.create_subprocess_exec(
            *("docker", "wait", self._container.id),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            start_new_session=True,
        )
        try:
            code, _ = await process.communicate()
        finally:
            await end_group(process)
        self.end = f"exit status {code.decode().strip() or 'unknown'}"

    async def kill(self) -> None:
        if self._container is not None:
            with contextlib.suppress(APIError):  # it has ended meanwhile
                await asyncio.to_thread(self._container.kill)

    async def is_held(self) -> bool:
        if self._container is None:
            return False
        try:
            await asyncio.to_thread(self._container.reload)
        except APIError:
            return False
        return bool(self._container.status == "paused")

    async def stop(self) -> None:
        if self._container is not None:
            container, self._container = self._container, None
            try:
                await asyncio.to_thread(container.stop, timeout=STOP_SECONDS)
            except NotFound:
                pass
            except APIError as error:
                raise PartFailed(f"{self.title} does not stop: {error.explanation}") from error
        if self._logs is not None:
            await end_group(self._logs)
            self._logs = None
