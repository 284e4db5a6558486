"""Processes of the kit that a test starts by itself, each on a free port."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx

from local_cloud.installation import PROJECT, Ports, aws_environment

START_SECONDS = 60.0


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
        _wait(process, f"http://127.0.0.1:{port}{health}")
        yield process
    finally:
        process.terminate()
        process.wait(20)


def _wait(process: subprocess.Popen[bytes], url: str) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
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
