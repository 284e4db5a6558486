"""A gateway whose one function answers with what it was sent."""

from __future__ import annotations

import contextlib
import subprocess
from collections.abc import Iterator
from pathlib import Path

import psutil

from local_cloud.port_check import free_ports
from tests.integration.processes import started

TEMPLATE = Path(__file__).with_name("echo") / "template.yaml"
# The gateway checks that a request is signed, not by whom: it has no users of its own.
SIGNED = {"Authorization": "AWS4-HMAC-SHA256 Credential=test"}


@contextlib.contextmanager
def echo_gateway(*options: str) -> Iterator[tuple[int, psutil.Process]]:
    """Run it on a free port; yield the port and the process."""
    port = free_ports().gateway
    with started(
        "local_cloud.gateway_command",
        port,
        "/_gateway/health",
        *("--template", str(TEMPLATE), "--run-lambdas", *options),
        stdout=subprocess.DEVNULL,
    ) as gateway:
        yield port, psutil.Process(gateway.pid)
