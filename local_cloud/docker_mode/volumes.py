"""Compose's volumes with what the services hold: copied, filled, removed.

What is in a volume belongs to the user of a container. So it is read and written through one that
has it, running or not. https://docs.docker.com/reference/cli/docker/container/cp/
"""

from __future__ import annotations

import tarfile
import tempfile
from pathlib import Path
from typing import IO

import docker
from docker.errors import APIError, NotFound
from docker.models.containers import Container

from local_cloud.docker_mode.containers import container_of
from local_cloud.parts import PartFailed
from local_cloud.state_files import APIS, FILES, JOURNAL, OBJECTS

#: Who runs the kit's containers.
_USER = 1000
_CHUNK = 2**20


class StateVolumes:
    """What the engine and the gateway keep of a Compose project."""

    #: The service that has a file, and its folder, which is a volume.
    places = {  # noqa: RUF012 - nobody changes it
        JOURNAL: ("localstack", "/var/lib/localstack-state"),
        APIS: ("websocket-gateway", "/var/lib/gateway-state"),
        OBJECTS: ("localstack", "/var/lib/localstack-state"),
    }

    def __init__(self, client: docker.DockerClient, project: str) -> None:
        self.client = client
        self.project = project

    @property
    def services(self) -> list[str]:
        """The services that have such a volume."""
        return sorted({service for service, _ in self.places.values()})

    def are_reached(self) -> bool:
        """Return whether there are containers that have them."""
        return all(self._container(service) is not None for service in self.services)

    def copy(self, target: Path) -> None:
        """Copy the files into an empty folder.

        Raises:
            PartFailed: Docker does not do it.
        """
        for name in FILES:
            container, folder = self._place(name)
            try:
                chunks, _ = container.get_archive(f"{folder}/{name}", chunk_size=_CHUNK)
            except NotFound:
                continue
            except APIError as error:
                raise PartFailed(f"{name} cannot be copied: {error.explanation}") from error
            with tempfile.TemporaryFile() as archive:
                archive.writelines(chunks)
                archive.seek(0)
                with tarfile.open(fileobj=archive) as files:
                    files.extractall(target, filter="data")

    def fill(self, source: Path) -> None:
        """Put the files of a folder into volumes that have none.

        Raises:
            PartFailed: Docker does not do it.
        """
        for name in FILES:
            if not (source / name).exists():
                continue
            container, folder = self._place(name)
            with tempfile.TemporaryFile() as archive:
                _pack(source / name, archive)
                try:
                    container.put_archive(folder, archive)
                except APIError as error:
                    raise PartFailed(f"{name} cannot be put back: {error.explanation}") from error

    def remove(self) -> None:
        """Remove them; no container may have them.

        Raises:
            PartFailed: Docker does not do it.
        """
        for _, folder in set(self.places.values()):
            name = f"{self.project}_{Path(folder).name}"
            try:
                self.client.volumes.get(name).remove()
            except NotFound:
                continue
            except APIError as error:
                raise PartFailed(f"volume {name} stays: {error.explanation}") from error

    def _place(self, name: str) -> tuple[Container, str]:
        service, folder = self.places[name]
        container = self._container(service)
        if container is None:
            raise PartFailed(f"Compose has made no container for {service}")
        return container, folder

    def _container(self, service: str) -> Container | None:
        return container_of(self.client, self.project, service)


def remove_project(client: docker.DockerClient, project: str) -> None:
    """Remove all volumes of a Compose project, the one with the signing key, too."""
    label = f"com.docker.compose.project={project}"
    for volume in client.volumes.list(filters={"label": label}):
        volume.remove()


def _pack(path: Path, archive: IO[bytes]) -> None:
    def belongs(member: tarfile.TarInfo) -> tarfile.TarInfo:
        member.uid = member.gid = _USER
        member.uname = member.gname = ""
        return member

    with tarfile.open(fileobj=archive, mode="w") as files:
        files.add(path, path.name, filter=belongs)
    archive.seek(0)
