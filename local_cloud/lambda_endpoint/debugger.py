"""Lets a debugger attach to a function: one port for each, whatever worker is behind it.

https://microsoft.github.io/debug-adapter-protocol/ (Python, by debugpy)
https://nodejs.org/learn/getting-started/debugging (Node.js, by its inspector)
"""

from __future__ import annotations

import asyncio
import re
import socket
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from local_aws.relay import join
from local_cloud.lambda_endpoint.runtimes import NODE, PYTHON, kind_of

REQUIREMENTS = Path(__file__).with_name("debug-requirements.txt")
#: The first port for each kind of runtime, as its tools have it.
FIRST_PORTS = {PYTHON: 5678, NODE: 9229}
#: Tells a Python worker where to listen, and whether to wait for a client.
VARIABLE = "LOCAL_CLOUD_DEBUGGER"
CHECK_SECONDS = 0.5
#: How long a client waits for a worker, and how often that is tried.
START_SECONDS, RETRY_SECONDS = 60.0, 0.05
#: https://microsoft.github.io/debug-adapter-protocol/overview#base-protocol
_FIRST_WORDS = b"content-length:"
_SPEC = re.compile(r"^(?P<name>[\w-]+)(?::(?P<port>\d{1,5}))?$")


class NotDebugged(ValueError):
    """A function cannot be debugged; the message says why."""


@dataclass(frozen=True)
class Wanted:
    """A function that a user wants to debug, and the port, if it was said."""

    name: str
    port: int | None

    @classmethod
    def read(cls, text: str) -> Wanted:
        """Return what ``NAME[:PORT]`` says.

        Raises:
            NotDebugged: it says nothing of the kind.
        """
        match = _SPEC.match(text)
        if match is None or (match["port"] and not 0 < int(match["port"]) < 65536):
            raise NotDebugged(f"{text!r} is not NAME or NAME:PORT")
        return cls(match["name"], int(match["port"]) if match["port"] else None)


@dataclass
class Debugger:
    """Where clients attach to a function.

    Args:
        port: on 127.0.0.1; it passes on to the worker that there is.
        wait: whether a worker waits for a client before it runs.
    """

    name: str
    kind: str
    port: int
    wait: bool
    #: Where the worker of the moment listens.
    inner: int = 0
    clients: set[asyncio.Task[None]] = field(default_factory=set)
    #: Starts a worker where there is none.
    start: Callable[[], object] = lambda: None

    @property
    def attached(self) -> bool:
        """Whether a client is connected."""
        return bool(self.clients)

    def place(self) -> int:
        """Return a port for the next worker, which clients of ``port`` are passed on to."""
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.inner = int(probe.getsockname()[1])
        return self.inner

    async def open(self) -> None:
        """Listen for clients.

        Raises:
            NotDebugged: the port is taken.
        """
        try:
            self._server = await asyncio.start_server(self._pass_on, "127.0.0.1", self.port)
        except OSError as error:
            raise NotDebugged(
                f"port {self.port} for the debugger of {self.name} is taken: "
                f"give another one ({self.name}:PORT)"
            ) from error

    async def close(self) -> None:
        """Stop listening, and let clients go."""
        self._server.close()
        for client in list(self.clients):
            client.cancel()
        await asyncio.gather(*self.clients, return_exceptions=True)

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        try:
            async with asyncio.timeout(START_SECONDS):
                begun = await self._begin(reader)
                there, back = await self._reach_worker()
                back.write(begun)
        except (TimeoutError, asyncio.IncompleteReadError, ConnectionError, NotDebugged):
            writer.close()
            return
        self.clients.add(task)
        try:
            await join((reader, writer), (there, back))
        finally:
            self.clients.discard(task)

    async def _begin(self, reader: asyncio.StreamReader) -> bytes:
        """Return the first words of a client, which has to be a debugger's.

        Raises:
            NotDebugged: it is not. A web page's request would be read by debugpy as a message of
                the protocol, whose head and body look the same; Node's inspector looks at hosts.
        """
        if self.kind != PYTHON:
            return b""
        begun = await reader.readexactly(len(_FIRST_WORDS))
        if begun.lower() != _FIRST_WORDS:
            raise NotDebugged(f"the debugger of {self.name} was not spoken to by a debugger")
        return begun

    async def _reach_worker(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Connect to the worker, which may be starting, or have to be."""
        self.start()
        while True:
            try:
                return await asyncio.open_connection("127.0.0.1", self.inner)
            except OSError:
                await asyncio.sleep(RETRY_SECONDS)


class Debuggers:
    """The functions that are being debugged, by name."""

    def __init__(self) -> None:
        self._by_name: dict[str, Debugger] = {}

    def of(self, name: str) -> Debugger | None:
        return self._by_name.get(name)

    def described(self) -> dict[str, dict[str, object]]:
        """Return each with its port, and whether a client is attached."""
        return {
            name: {"port": one.port, "wait": one.wait, "attached": one.attached}
            for name, one in self._by_name.items()
        }

    async def put(self, name: str, runtime: str, port: int | None, wait: bool) -> Debugger:
        """Have a function debugged.

        Raises:
            NotDebugged: its runtime has no debugger here, or the port is taken.
        """
        kind = kind_of(runtime)
        if kind not in FIRST_PORTS:
            raise NotDebugged(f"{name}: there is no debugger for {runtime} (Python and Node.js)")
        if (before := self._by_name.pop(name, None)) is not None:
            await before.close()
            port = port or before.port
        if port is None:
            taken = {one.port for one in self._by_name.values()}
            port = next(p for p in range(FIRST_PORTS[kind], 65536) if p not in taken)
        made = Debugger(name, kind, port, wait)
        await made.open()
        self._by_name[name] = made
        return made

    async def close(self) -> None:
        """Let every client go."""
        for one in self._by_name.values():
            await one.close()
