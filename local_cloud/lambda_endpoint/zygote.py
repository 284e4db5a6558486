"""Workers that are forked from a process which has imported what they all import.

What the two say to each other is told in ``python/zygote.py``.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import signal
import socket
from collections import deque
from collections.abc import Mapping, Sequence
from pathlib import Path

from local_aws.background import start_task
from local_cloud.lambda_endpoint.functions import Function
from local_cloud.lambda_endpoint.launch import may_be_forked, python_command
from local_cloud.lambda_endpoint.runtimes import python_of

LOG = logging.getLogger(__name__)

_MOST_BYTES = 1 << 20
#: Variables that an interpreter, its C library or botocore read when they start.
_READ_AT_START = ("PYTHON", "LD_", "LC_", "LANG", "TZ", "MALLOC_", "GLIBC_", "BOTO", "OPENSSL_")
#: Files of a function that shadow no module.
_NO_MODULES = {"__init__", "__main__", "__pycache__"}


class ForkedProcess:
    """A worker, with the part of ``asyncio.subprocess.Process`` that its owner uses."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.returncode: int | None = None
        self._ended = asyncio.Event()

    async def wait(self) -> int:
        """Wait until it has ended; return its exit status, or the signal as a negative number."""
        await self._ended.wait()
        assert self.returncode is not None
        return self.returncode

    def kill(self) -> None:
        """End it at once."""
        if self.returncode is None:
            with contextlib.suppress(ProcessLookupError):  # the word of its end is on its way
                os.kill(self.pid, signal.SIGKILL)

    def end(self, code: int) -> None:
        """Note that it has ended."""
        self.returncode = code
        self._ended.set()


class Zygote:
    """Forks workers of one interpreter.

    Args:
        python: the interpreter.
        packages: the folder of its runtime's packages.
    """

    def __init__(self, python: str, packages: Path) -> None:
        self.python = python
        self.packages = packages
        #: The names of what it has imported, when it is ready to fork.
        self.modules: frozenset[str] | None = None
        self.gone = False
        self._control, self._theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._control.setblocking(False)
        self._process: asyncio.subprocess.Process | None = None
        self._asked: deque[asyncio.Future[ForkedProcess]] = deque()
        self._workers: dict[int, ForkedProcess] = {}

    async def start(self) -> None:
        """Start it; it is ready a moment later."""
        loop = asyncio.get_running_loop()
        loop.add_reader(self._control, self._hear)
        try:
            await self._launch()
        except OSError as error:
            LOG.warning("what forks workers does not start: %s; each starts by itself", error)
            self._lose()

    async def _launch(self) -> None:
        self._process = await asyncio.create_subprocess_exec(
            *python_command(self.python),
            cwd=self.packages,
            env={
                "LANG": "en_US.UTF-8",
                "TZ": ":UTC",
                "PYTHONPATH": str(self.packages),
                "LOCAL_CLOUD_ZYGOTE": str(self._theirs.fileno()),
            },
            stdin=asyncio.subprocess.DEVNULL,
            pass_fds=(self._theirs.fileno(),),
        )
        self._theirs.close()

    def suits(self, function: Function, packages: Sequence[Path]) -> bool:
        """Return whether a function sees no difference to a process of its own.

        It would if it had a module of the name of one that is imported already, or settings that
        are read when a process starts.
        """
        modules = self.modules
        if modules is None or any(name.startswith(_READ_AT_START) for name in function.environment):
            return False
        return not any(
            self._shadows(folder / entry, modules)
            for folder in (function.code, *packages[:-1])
            for entry in os.listdir(folder)
        )

    def _shadows(self, place: Path, modules: frozenset[str]) -> bool:
        """Return whether a file or folder is a module that would be found before one of these."""
        name = place.name.partition(".")[0]
        if name in _NO_MODULES or name not in modules:
            return False
        return not _is_same(place, self.packages / place.name)  # many packages bring jmespath

    async def fork(
        self,
        environment: Mapping[str, str],
        function: Function,
        output: int,
        wire: int,
        ruleset: int | None = None,
    ) -> ForkedProcess:
        """Fork a worker.

        Args:
            output: the descriptor of what takes its output.
            wire: that of its end of the wire.
            ruleset: that of the rules that it runs under.

        Raises:
            ZygoteGone: nobody is there any more who could.
        """
        asked: asyncio.Future[ForkedProcess] = asyncio.get_running_loop().create_future()
        worker = {
            "environment": dict(environment),
            "folder": str(function.code),
            "arguments": ["awslambdaric", function.handler],
        }
        descriptors = [output, wire] if ruleset is None else [output, wire, ruleset]
        try:
            socket.send_fds(self._control, [json.dumps(worker).encode()], descriptors)
        except OSError as error:
            raise ZygoteGone(str(error)) from error
        self._asked.append(asked)
        return await asked

    def _hear(self) -> None:
        while True:
            try:
                data = self._control.recv(_MOST_BYTES)
            except BlockingIOError:
                return
            except OSError:
                data = b""
            if not data:
                LOG.warning(
                    "what forks workers has ended; another one is started, and they with it"
                )
                self._lose()
                return
            said = json.loads(data)
            if "modules" in said:
                self.modules = frozenset(said["modules"])
            elif "started" in said:
                worker = self._workers[said["started"]] = ForkedProcess(said["started"])
                asked = self._asked.popleft()
                if asked.done():
                    worker.kill()
                else:
                    asked.set_result(worker)
            else:
                self._workers.pop(said["ended"]).end(said["status"])

    def _lose(self) -> None:
        """Give up the workers, whose end nobody would tell any more."""
        if self.gone:
            return
        self.gone = True
        self._theirs.close()
        asyncio.get_running_loop().remove_reader(self._control)
        self._control.close()
        for asked in self._asked:
            if not asked.done():
                asked.set_exception(ZygoteGone("it has ended"))
        for worker in self._workers.values():
            worker.kill()
            worker.end(-signal.SIGKILL)

    async def close(self) -> None:
        """End it, and what it has forked."""
        self._lose()
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()
            await self._process.wait()


def _is_same(one: Path, other: Path) -> bool:
    """Return whether two modules or packages have the same code."""
    if not one.is_dir():
        return other.is_file() and one.read_bytes() == other.read_bytes()
    codes = [{p.relative_to(root): p for p in root.rglob("*.py")} for root in (one, other)]
    return codes[0].keys() == codes[1].keys() and all(
        file.read_bytes() == codes[1][name].read_bytes() for name, file in codes[0].items()
    )


class ZygoteGone(Exception):
    """A zygote ended before it forked."""


class Zygotes:
    """A zygote for each interpreter, started when it is first asked for."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, Path], Zygote] = {}
        self._starting: set[asyncio.Task[None]] = set()

    def prepare(self, python: str, packages: Path) -> Zygote:
        """Return the zygote of an interpreter, which may not be ready yet."""
        found = self._known.get((python, packages))
        if found is None or found.gone:
            found = self._known[python, packages] = Zygote(python, packages)
            task = start_task(found.start(), "what forks workers")
            self._starting.add(task)
            task.add_done_callback(self._starting.discard)
        return found

    def of(self, function: Function, packages: Sequence[Path]) -> Zygote | None:
        """Return the zygote that can fork a function's worker, if there is one already."""
        if not packages or not may_be_forked(function):
            return None
        zygote = self.prepare(python_of(function.runtime), packages[-1])
        return zygote if zygote.suits(function, packages) else None

    async def close(self) -> None:
        """End them all."""
        await asyncio.gather(*self._starting, return_exceptions=True)
        await asyncio.gather(*(zygote.close() for zygote in self._known.values()))
