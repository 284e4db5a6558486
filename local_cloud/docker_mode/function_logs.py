"""``python -m local_cloud.docker_mode.function_logs``: what SAM's functions write, to CloudWatch.

SAM shows it on its own terminal. Here it goes where AWS has it, too: to ``/aws/lambda/NAME`` in
the engine, a stream for each container.
"""

from __future__ import annotations

import argparse
import asyncio
import time
from collections.abc import Callable
from functools import partial

import docker
from docker.errors import DockerException
from docker.models.containers import Container

from local_aws.aws_api import AwsApi
from local_aws.background import start_thread
from local_aws.log_delivery import LogDelivery
from local_aws.printable import printable_line
from local_aws.template import Template
from local_cloud.docker_mode.compose import DEFAULT_PROJECT, network_of
from local_cloud.installation import TEMPLATE, Ports
from local_cloud.lambda_endpoint.function_log import stream_name
from local_cloud.lambda_endpoint.functions import read_functions
from local_cloud.lambda_endpoint.worker_output import LONGEST_LINE

CONTAINER_IMAGES = "samcli/"
# Of SAM's runtime emulator, not of the function.
_NOT_THE_FUNCTIONS = "(rapid)"
RETRY_SECONDS = 1.0


class FunctionLogs:
    """Follows every container of a function on a network, for as long as it runs.

    Args:
        network: Compose's network, on which SAM puts the functions.
    """

    def __init__(self, client: docker.DockerClient, network: str, delivery: LogDelivery) -> None:
        self.client = client
        self.network = network
        self.delivery = delivery
        # SAM knows a function by its logical id alone.
        functions = read_functions(Template.load(TEMPLATE)).values()
        self.groups = {function.logical_id: function.log_group for function in functions}
        self.loop = asyncio.get_running_loop()
        self.followed: set[str] = set()

    def watch(self) -> None:
        """Look for containers until the process ends; runs in a thread of its own."""
        while True:
            try:
                # Asked for first: a container that starts meanwhile is found by one or the other.
                events = self.client.events(
                    decode=True, filters={"type": "container", "event": "start"}
                )
                self._follow_all()
                for _ in events:
                    self._follow_all()
            except DockerException as error:
                print(printable_line(f"function logs: {error}"), flush=True)
            time.sleep(RETRY_SECONDS)

    def _follow_all(self) -> None:
        for container in self.client.containers.list(filters={"network": self.network}):
            name = function_of(container)
            if name and container.id not in self.followed:
                self.followed.add(container.id)
                group = self.groups.get(name, f"/aws/lambda/{name}")
                write = partial(self.delivery.write, group, stream_name(container.id[:32]))
                start_thread(self._follow, f"the log of {name}", container, write)

    def _follow(self, container: Container, write: Callable[[str], None]) -> None:
        rest = b""
        try:
            for chunk in container.logs(stream=True, follow=True):
                *lines, rest = (rest + chunk).split(b"\n")
                for line in lines:
                    self._take(write, line)
                if len(rest) >= LONGEST_LINE:  # told in pieces, as Lambda does
                    self._take(write, rest)
                    rest = b""
        except DockerException as error:
            print(printable_line(f"function logs: {container.name}: {error}"), flush=True)
        if rest:
            self._take(write, rest)

    def _take(self, write: Callable[[str], None], line: bytes) -> None:
        text = line.decode(errors="replace").rstrip("\r")
        if _NOT_THE_FUNCTIONS not in text:
            self.loop.call_soon_threadsafe(write, text)


def is_of_sam(container: Container) -> bool:
    """Return whether SAM has made a container."""
    return bool(container.attrs["Config"]["Image"].startswith(CONTAINER_IMAGES))


def function_of(container: Container) -> str | None:
    """Return the logical id of the function in a container, ``None`` for any other container."""
    if not is_of_sam(container):
        return None
    variables = dict(v.partition("=")[::2] for v in container.attrs["Config"]["Env"])
    return variables.get("AWS_LAMBDA_FUNCTION_NAME")


async def _run(network: str, endpoint: str) -> None:
    delivery = LogDelivery(AwsApi(endpoint))
    logs = FunctionLogs(docker.from_env(), network, delivery)
    start_thread(logs.watch, "function logs", vital=True)
    await delivery.run()


def main() -> None:
    """Carry lines until the process is stopped."""
    parser = argparse.ArgumentParser(prog="local_cloud.docker_mode.function_logs")
    parser.add_argument("--network", default=network_of(DEFAULT_PROJECT))
    parser.add_argument("--endpoint", default=Ports().engine_url, help="the engine's URL")
    arguments = parser.parse_args()
    asyncio.run(_run(arguments.network, arguments.endpoint))


if __name__ == "__main__":
    main()
