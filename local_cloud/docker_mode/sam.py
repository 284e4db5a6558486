"""``sam local start-lambda`` as a part of the cloud."""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
from pathlib import Path

import docker
import yaml
from docker.errors import APIError

from local_aws import yaml_documents
from local_aws.background import start_task
from local_aws.credentials import key_of
from local_aws.template import Template
from local_cloud.docker_mode.compose import run
from local_cloud.docker_mode.function_logs import is_of_sam
from local_cloud.installation import PROJECT, TEMPLATE, Ports, open_log
from local_cloud.lambda_endpoint.functions import read_functions
from local_cloud.parts import PartFailed, ProcessPart, status_of

# Apart from the kit's own packages, which it would contradict.
SAM_VERSION = "1.170.0"
RESTART_SECONDS = 1.0
SAM = PROJECT / ".local-cloud" / f"sam-{SAM_VERSION}"


def sam_environment() -> dict[str, str]:
    """Return the environment for SAM: this Python on the path, for its builds, and no telemetry."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    inherited = {k: v for k, v in os.environ.items() if not k.startswith("AWS_")}
    return {
        **inherited,
        "PATH": path,
        "SAM_CLI_TELEMETRY": "0",
        "AWS_DEFAULT_REGION": "us-east-1",
        # A key of SAM's own would take the place of the functions'.
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
    }


def find_sam() -> str | None:
    """Return SAM's program: the user's own, or the one that the kit has installed."""
    own = SAM / "bin" / "sam"
    return shutil.which("sam") or (str(own) if own.exists() else None)


async def install_sam(log: Path) -> str:
    """Return SAM's program; install it, apart, where there is none.

    Raises:
        PartFailed: it cannot be installed.
    """
    if (found := find_sam()) is not None:
        return found
    try:
        await run([sys.executable, "-m", "venv", str(SAM)], log, dict(os.environ))
        await run(
            [
                *(sys.executable, "-m", "uv", "pip", "install", "--quiet", "--system-certs"),
                *("--python", str(SAM / "bin" / "python"), f"aws-sam-cli=={SAM_VERSION}"),
            ],
            log,
            dict(os.environ),
            help_text="Or install SAM yourself: pipx install aws-sam-cli.",
        )
    except BaseException:
        shutil.rmtree(SAM, ignore_errors=True)
        raise
    return str(SAM / "bin" / "sam")


async def build(sam: str, folder: Path, log: Path) -> None:
    """Run ``sam build`` into ``folder``; what has not changed is not built again.

    Each cloud has a folder of its own: a SAM that is running watches the one it was started
    with, and hangs when another build rewrites it.

    Raises:
        PartFailed: a function cannot be built.
    """
    await run(
        [sam, "build", "--build-dir", str(folder)],
        log,
        sam_environment(),
        TEMPLATE.parent,
        help_text="SAM builds with python3.13 on the path, from PyPI.",
    )
    give_keys(folder / "template.yaml")


def give_keys(built: Path) -> None:
    """Have each function of a built template sign with a key of its own, as a role's is.

    The engine knows by it who calls.
    """
    template = yaml_documents.load(built.read_text())
    for function in read_functions(Template.load(TEMPLATE)).values():
        properties = template["Resources"][function.logical_id]["Properties"]
        variables = properties.setdefault("Environment", {}).setdefault("Variables", {})
        variables |= {
            "AWS_ACCESS_KEY_ID": key_of(function.name),
            "AWS_SECRET_ACCESS_KEY": "test",
        }
    built.write_text(yaml.safe_dump(template, sort_keys=False))


class SamPart(ProcessPart):
    """SAM's Lambda endpoint on the host, its functions in containers on the Compose network."""

    def __init__(
        self,
        ports: Ports,
        address: str,
        network: str,
        env_vars: Path,
        built: Path,
        client: docker.DockerClient,
    ) -> None:
        command = (
            *("--command", find_sam() or "sam", "local", "start-lambda"),
            *("--host", address, "--port", str(ports.functions)),
            *("--docker-network", network, "--env-vars", str(env_vars)),
            *("--template-file", str(built / "template.yaml")),
            # It looks for its options beside the template that it is given.
            *("--config-file", str(TEMPLATE.parent / "samconfig.yaml")),
        )
        super().__init__(
            "lambda",
            "SAM",
            f"http://{address}:{ports.functions}/",
            command,
            sam_environment(),
            folder=TEMPLATE.parent,
            after_provisioning=True,
        )
        self.client = client
        self.network = network
        self.logs = ProcessPart(
            "function-logs",
            "Function logs",
            "",
            (
                *("local_cloud.docker_mode.function_logs", "--network", network),
                *("--endpoint", ports.engine_url),
            ),
            dict(os.environ),
            folder=PROJECT,
        )
        self.keeping_logs: asyncio.Task[None] | None = None

    async def start(self, log: Path) -> None:
        await asyncio.to_thread(self.remove_containers)
        program = find_sam()
        if program is None:
            raise PartFailed("SAM is not installed. Run: pipx install aws-sam-cli")
        index = self.command.index("--command") + 1
        self.command = (*self.command[:index], program, *self.command[index + 1 :])
        await super().start(log)
        if self.keeping_logs is None:  # it outlives a SAM that died
            self.keeping_logs = start_task(self._keep_logs(log), "SAM's log")

    async def is_ready(self) -> bool:
        # It has no health page: any answer is SAM's, and comes when the containers are warm.
        status = await status_of(self.health_url)
        return status is not None and status < 500

    async def stop(self) -> None:
        await super().stop()
        if self.keeping_logs is not None:
            self.keeping_logs.cancel()
            self.keeping_logs = None
        await self.logs.stop()
        await asyncio.to_thread(self.remove_containers)

    async def _keep_logs(self, log: Path) -> None:
        """Carry the functions' lines to the engine; begin again when that process has died."""
        while True:
            await self.logs.start(log)
            await self.logs.ended()
            with open_log(log) as output:
                output.write(f"function logs: {self.logs.has_ended()}; started again\n".encode())
            await asyncio.sleep(RESTART_SECONDS)

    def remove_containers(self) -> None:
        """Remove the functions' containers that a SAM that was killed has left."""
        for container in self.client.containers.list(all=True, filters={"network": self.network}):
            if is_of_sam(container):
                try:
                    container.remove(force=True)
                except APIError:
                    continue
