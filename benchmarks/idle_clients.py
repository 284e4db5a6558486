"""Thousands of open WebSockets in a process of their own, as cheap as a client can be."""

from __future__ import annotations

import asyncio
import multiprocessing
import resource
from multiprocessing.connection import Connection
from types import TracebackType

from tests.integration.raw_socket import handshake

OPENED_AT_ONCE = 200
#: Of one address to one port: a machine has some 28,000 ports for them.
PER_ADDRESS = 20_000
SPARE_FILES = 1000


class IdleClients:
    """Opens connections to a local port, and counts the bytes that come.

    Args:
        port: of the gateway.
        count: connections.
    """

    def __init__(self, port: int, count: int) -> None:
        self.port = port
        self.count = count
        self.seconds = 0.0

    def __enter__(self) -> IdleClients:
        context = multiprocessing.get_context("spawn")
        self.pipe, theirs = context.Pipe()
        self.process = context.Process(
            target=_serve, args=(theirs, self.port, self.count), daemon=True
        )
        self.process.start()
        self.seconds = float(self.pipe.recv())
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.process.kill()
        self.process.join()

    def forget_what_came(self) -> None:
        """Count from here on."""
        self.pipe.send(0)
        self.pipe.recv()

    def wait_for(self, size: int) -> None:
        """Wait until every client has received at least ``size`` bytes."""
        self.pipe.send(size)
        self.pipe.recv()


def open_files(count: int) -> int:
    """Let this process and those that it starts have as many connections open.

    Returns:
        How many they may have: fewer where this user may not.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = count + SPARE_FILES
    if hard != resource.RLIM_INFINITY and wanted > hard:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, wanted))
        except ValueError:
            wanted = hard
    if wanted > soft:
        most = hard if hard == resource.RLIM_INFINITY else max(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, most))
    return wanted - SPARE_FILES


def _serve(pipe: Connection, port: int, count: int) -> None:
    open_files(count)
    asyncio.run(_run(pipe, port, count))


class _Client(asyncio.Protocol):
    def __init__(self) -> None:
        self.received = 0
        self.open = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.WriteTransport)
        transport.write(handshake())

    def data_received(self, data: bytes) -> None:
        if not self.open.done():
            if not data.startswith(b"HTTP/1.1 101"):
                self.open.set_exception(ConnectionError(data[:80].decode("latin-1")))
                return
            self.open.set_result(None)
        self.received += len(data)


async def _run(pipe: Connection, port: int, count: int) -> None:
    loop = asyncio.get_running_loop()
    began = loop.time()
    clients: list[_Client] = []
    turns = asyncio.Semaphore(OPENED_AT_ONCE)

    async def connect(number: int) -> None:
        source = f"127.0.0.{1 + number // PER_ADDRESS}"
        async with turns:
            _, client = await loop.create_connection(
                _Client,
                "127.0.0.1",
                port,
                local_addr=(source, 0) if number >= PER_ADDRESS else None,
            )
            await client.open
            clients.append(client)

    await asyncio.gather(*(connect(number) for number in range(count)))
    pipe.send(loop.time() - began)
    while True:
        size = await asyncio.to_thread(pipe.recv)
        if size == 0:
            for client in clients:
                client.received = 0
        # Bytes come to 10,000 protocols: no one event tells of all.
        while any(client.received < size for client in clients):  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        pipe.send(True)
