"""Processes of the kit that a test starts by itself, each on a free port."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import docker
import httpx
import pytest

from local_cloud.installation import PROJECT, Ports, aws_environment

START_SECONDS = 60.0
GATEWAY_IMAGE = "causal-prototype/websocket-gateway"


@contextlib.contextmanager
def started(
    module: str,
    port: int,
    health: str,
    *arguments: str,
    ports: Ports | None = None,
    stdout: int | None = None,
    stderr: int | None = None,
) -> Iterator[subprocess.Popen[bytes]]:
    """Run ``python -m module`` until the block ends; it answers on ``port`` by then.

    Args:
        ports: of the cloud that the process belongs to.
        stdout, stderr: as for ``subprocess.Popen``.
    """
    environment = aws_environment(ports) if ports else dict(os.environ)
    process = subprocess.Popen(
        [sys.executable, "-m", module, "--port", str(port), *arguments],
        cwd=PROJECT,
        env=environment,
        stdout=stdout,
        stderr=stderr,
    )
    try:
        _wait(f"http://127.0.0.1:{port}{health}", process)
        yield process
    finally:
        process.terminate()
        process.wait(20)


@contextlib.contextmanager
def gateway_started(
    request: pytest.FixtureRequest, port: int, folder: Path, *arguments: str
) -> Iterator[Path]:
    """Serve the template in ``folder``: by a process, or with ``--docker`` by the image.

    Yields:
        The file with what it has written to its log so far.
    """
    log = folder / "log"
    template = ("--template", str(folder / "template.yaml"))
    if not request.config.getoption("--docker"):
        with (
            log.open("w") as output,
            started(
                "websocket_gateway",
                port,
                "/_gateway/health",
                *(*template, *arguments),
                stdout=output.fileno(),
                stderr=subprocess.STDOUT,
            ),
        ):
            yield log
        return
    request.getfixturevalue("stack")  # it has built the image
    container = docker.from_env().containers.run(
        GATEWAY_IMAGE,
        [*template, "--host", "127.0.0.1", "--port", str(port), *arguments],
        detach=True,
        network_mode="host",
        user="root",  # the folders of the tests are root's alone
        volumes={str(folder): {"bind": str(folder), "mode": "ro"}},
    )
    try:
        _wait(f"http://127.0.0.1:{port}/_gateway/health")
        yield log
        log.write_bytes(container.logs())
    finally:
        container.remove(force=True)


def _wait(url: str, process: subprocess.Popen[bytes] | None = None) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if process is not None:
            assert process.poll() is None, f"it ended with {process.returncode}"
        with contextlib.suppress(httpx.HTTPError):
            if httpx.get(url, trust_env=False).status_code == 200:
                return
        time.sleep(0.05)
    raise AssertionError(f"{url} does not answer")


def write(folder: Path, **files: str) -> Path:
    """Write ``name=text`` files; ``__`` in a name stands for a slash, ``_dot_`` for a dot."""
    for name, text in files.items():
        path = folder / name.replace("__", "/").replace("_dot_", ".")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder
