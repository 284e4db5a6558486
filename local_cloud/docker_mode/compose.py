"""Docker and Docker Compose as commands, and what their failures mean to a user."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

import docker
from docker.errors import DockerException

from local_cloud.installation import PROJECT, Home, Options, Ports, open_log
from local_cloud.parts import PartFailed, end_group

COMPOSE_FILE = PROJECT / "docker-compose.local-cloud.yml"
CERTIFICATES = PROJECT / "config" / "certs"
DEFAULT_PROJECT = "causal-prototype"
BUILD_HELP = (
    "If the registry is not reached: HTTPS_PROXY for a proxy, LOCAL_CLOUD_CA_BUNDLE=/path/ca.pem "
    "for one with its own CA, PYTHON_IMAGE for another base image with Python 3.13."
)


def connect() -> docker.DockerClient:
    """Return a client of a running Docker Engine.

    Raises:
        PartFailed: none runs, or this user may not use it.
    """
    try:
        client = docker.from_env()
        client.ping()
    except (DockerException, OSError) as error:
        if "Permission" in str(error):
            raise PartFailed(
                "this user may not use Docker. Run: sudo usermod -aG docker $USER, then log in anew"
            ) from error
        raise PartFailed(
            "no Docker Engine answers. Start Docker, or leave --docker out: the cloud runs "
            "without it, too"
        ) from error
    return client


def network_of(project: str) -> str:
    """Return the name of the network that a Compose project's containers share."""
    return f"{project}_causal-cloud"


class Compose:
    """The project's Compose file, on these ports, with what is written kept in ``home``."""

    def __init__(self, ports: Ports, home: Home, options: Options) -> None:
        self.project = os.environ.get("COMPOSE_PROJECT_NAME") or DEFAULT_PROJECT
        self.environment = {
            **os.environ,
            "COMPOSE_PROJECT_NAME": self.project,
            **ports.as_environment(),
            "LAMBDA_ENDPOINT": f"http://host.docker.internal:{ports.functions}",
            "ENV_VARS_FOLDER": str(home.path),
            "PERMISSIONS": options.permissions,
            **({} if options.traces else {"TRACES": ""}),
        }

    @property
    def network(self) -> str:
        return network_of(self.project)

    def command(self, *words: str) -> list[str]:
        """Return a Compose command: version 2 where there is one, else version 1.

        Raises:
            PartFailed: neither is installed.
        """
        return [*_program(), "-f", str(COMPOSE_FILE), *words]

    async def run(self, log: Path, *words: str, help_text: str = "") -> None:
        """Run a Compose command; what it says goes to ``log``.

        Raises:
            PartFailed: it failed; carries its last words and ``help_text``.
        """
        await run(self.command(*words), log, self.environment, help_text=help_text)


async def run(
    command: list[str],
    log: Path,
    environment: dict[str, str],
    folder: Path = PROJECT,
    help_text: str = "",
) -> None:
    """Run a command; what it says goes to ``log``.

    Raises:
        PartFailed: it failed; carries its last words and ``help_text``.
    """
    with open_log(log) as output:
        begin = output.tell()
        process = await asyncio.create_subprocess_exec(
            *command,
            env=environment,
            cwd=folder,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
        try:
            code = await process.wait()
        finally:
            await end_group(process)
    if code != 0:
        said = log.read_bytes()[begin:].decode(errors="replace").strip().splitlines()
        raise PartFailed(
            f"`{Path(command[0]).name} {' '.join(command[1:])}` failed: {' / '.join(said[-3:])}. "
            f"{help_text} See: {log}".replace("  ", " ")
        )


def take_ca_bundle() -> None:
    """Hand the CA bundle that ``LOCAL_CLOUD_CA_BUNDLE`` names to the image builds.

    Raises:
        PartFailed: there is no such file.
    """
    bundle = os.environ.get("LOCAL_CLOUD_CA_BUNDLE")
    if not bundle:
        return
    try:
        shutil.copyfile(bundle, CERTIFICATES / "ca.crt")
    except OSError as error:
        raise PartFailed(f"LOCAL_CLOUD_CA_BUNDLE={bundle}: {error.strerror}") from error


def host_address(client: docker.DockerClient) -> str:
    """Return the address of this host that containers reach as ``host.docker.internal``.

    On Linux that is the gateway of Docker's default bridge, which the local network does not
    reach; on Docker Desktop it is the host's loopback.
    """
    if not sys.platform.startswith("linux"):
        return "127.0.0.1"
    configuration = client.networks.get("bridge").attrs["IPAM"]["Config"]
    return str(next((c["Gateway"] for c in configuration if c.get("Gateway")), "172.17.0.1"))


@cache
def _program() -> list[str]:
    if shutil.which("docker"):
        version = subprocess.run(
            ["docker", "compose", "version"],  # noqa: S607 - the user's own Docker
            capture_output=True,
            check=False,
        )
        if version.returncode == 0:
            return ["docker", "compose"]
    if shutil.which("docker-compose"):
        return ["docker-compose"]
    raise PartFailed(
        "Docker Compose is not installed. Debian, Ubuntu: apt install docker-compose; "
        "elsewhere: https://docs.docker.com/compose/install/"
    )
