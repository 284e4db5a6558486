"""The parts of a cloud: each can be started, waited for and stopped, whatever it is made of."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator
from pathlib import Path

import psutil

from local_aws.http1 import ConnectionFailed, HttpClient
from local_aws.http_message import Response
from local_cloud.installation import open_log

STOP_SECONDS, ANSWER_SECONDS = 15.0, 2.0
_HELD = (psutil.STATUS_STOPPED, psutil.STATUS_TRACING_STOP)


class PartFailed(RuntimeError):
    """A part does not start, or dies again and again; the message says what to do."""


class Part(ABC):
    """Something that runs until it is stopped or dies, and answers HTTP when it is ready.

    Args:
        health_url: answers 200 when the part is ready.
        after_provisioning: whether it starts only when the resources are there.
        files: what it reads at its start, and may not start for.
    """

    def __init__(
        self,
        name: str,
        title: str,
        health_url: str,
        *,
        after_provisioning: bool = False,
        files: tuple[Path, ...] = (),
    ) -> None:
        self.name = name
        self.title = title
        self.health_url = health_url
        self.after_provisioning = after_provisioning
        self.files = files
        self.pid: int | None = None

    @abstractmethod
    async def start(self, log: Path) -> None:
        """Start it; what it writes goes to ``log``.

        Raises:
            PartFailed: it cannot be started.
        """

    @abstractmethod
    def has_ended(self) -> str | None:
        """Return how it ended, in words, or ``None`` while it runs."""

    @abstractmethod
    async def ended(self) -> None:
        """Wait until it has ended."""

    @abstractmethod
    async def stop(self) -> None:
        """Stop it, and wait until it is gone."""

    def files_mark(self) -> tuple[int, ...]:
        """Return what changes when one of its files does."""
        return tuple(path.stat().st_mtime_ns if path.exists() else 0 for path in self.files)

    @abstractmethod
    async def kill(self) -> None:
        """End it at once; what waits for its end is told."""

    @abstractmethod
    async def is_held(self) -> bool:
        """Return whether somebody has stopped it for a while, as a debugger does."""

    async def is_ready(self) -> bool:
        """Return whether it answers that it is ready."""
        return await status_of(self.health_url) == 200

    async def answers(self) -> bool:
        """Return whether it answers, whatever that is."""
        return await status_of(self.health_url) is not None


async def status_of(url: str) -> int | None:
    """Return the status by which ``GET`` of a local URL is answered, if it is."""
    try:
        async with asyncio.timeout(ANSWER_SECONDS):
            return (await ask("GET", url)).status
    except (ConnectionFailed, TimeoutError):
        return None


async def ask(method: str, url: str) -> Response:
    """Return the answer of a local URL to one request without a body.

    Raises:
        ConnectionFailed: nobody answers.
    """
    base, _, path = url.removeprefix("http://").partition("/")
    client = HttpClient(f"http://{base}")
    try:
        return await client.request(method, f"/{path}")
    finally:
        client.close()


class ProcessPart(Part):
    """A child process in a process group of its own.

    Args:
        command: a program and its arguments, which ends when its parent does.
    """

    def __init__(
        self,
        name: str,
        title: str,
        health_url: str,
        command: tuple[str, ...],
        environment: dict[str, str],
        *,
        folder: Path | None = None,
        after_provisioning: bool = False,
        files: tuple[Path, ...] = (),
    ) -> None:
        super().__init__(
            name, title, health_url, after_provisioning=after_provisioning, files=files
        )
        self.command = (sys.executable, "-m", "local_cloud.lifeline", *command)
        self.environment = environment
        self.folder = folder
        self.process: asyncio.subprocess.Process | None = None

    async def start(self, log: Path) -> None:
        with open_log(log) as output:
            self.process = await asyncio.create_subprocess_exec(
                *self.command,
                env=self.environment,
                cwd=self.folder,
                stdin=asyncio.subprocess.PIPE,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        self.pid = self.process.pid

    def has_ended(self) -> str | None:
        if self.process is None or self.process.returncode is None:
            return None
        return exit_words(self.process.returncode)

    async def ended(self) -> None:
        assert self.process is not None
        await self.process.wait()
        kill_group(self.process.pid, signal.SIGKILL)  # its own children, too

    async def kill(self) -> None:
        if self.process is not None:
            kill_group(self.process.pid, signal.SIGKILL)

    async def is_held(self) -> bool:
        if self.pid is None:
            return False
        try:
            return psutil.Process(self.pid).status() in _HELD
        except psutil.Error:
            return False

    async def stop(self) -> None:
        if self.process is not None:
            await end_group(self.process)
        self.process = self.pid = None


async def end_group(process: asyncio.subprocess.Process) -> None:
    """Ask a process and its children to end, so that they can clean up; then kill what is left."""
    if process.returncode is None:
        kill_group(process.pid, signal.SIGTERM)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(process.wait(), STOP_SECONDS)
    kill_group(process.pid, signal.SIGKILL)
    await process.wait()


def kill_group(pid: int, number: signal.Signals) -> None:
    """Send a signal to every process of a group that is still there."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, number)


def exit_words(code: int) -> str:
    """Return how a process ended, in words."""
    return f"signal {signal.Signals(-code).name}" if code < 0 else f"exit status {code}"


@contextlib.asynccontextmanager
async def first_error() -> AsyncIterator[asyncio.TaskGroup]:
    """A task group that raises the first error itself, not a group of one."""
    try:
        async with asyncio.TaskGroup() as group:
            yield group
    except BaseExceptionGroup as errors:
        raise errors.exceptions[0] from None
