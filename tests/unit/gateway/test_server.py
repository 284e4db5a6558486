"""The gateway's port on a loopback socket: time-outs, and how it ends."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import orjson
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidMessage, InvalidStatus

from tests.integration.raw_socket import CONTINUATION, PING, TEXT, RawSocket, frame, handshake
from tests.unit.gateway.world import Bench, route
from websocket_gateway.core.limits import Limits
from websocket_gateway.server import FRAMES_IN_A_TURN, GatewayProtocol, GatewayServer


def served(bench: Bench, use: Callable[[GatewayServer, int], Awaitable[Any]]) -> Any:
    """Serve a bench's gateway while ``use`` runs."""

    async def run() -> Any:
        server = GatewayServer(bench.gateway)
        await server.open("127.0.0.1", 0)
        port = server._server.sockets[0].getsockname()[1]
        try:
            return await asyncio.wait_for(use(server, port), 20)
        finally:
            await server.close(0.1, 0.1)

    return asyncio.run(run())


def test_every_client_that_is_open_at_the_end_is_told_of(tmp_path: Path) -> None:
    bench = Bench(tmp_path, route("$disconnect", "bye"))
    told: list[str] = []

    async def slow(function: str, payload: bytes, timeout: float) -> bytes:
        await asyncio.sleep(0.1)
        told.append(function)
        return b"{}"

    bench.world.invoke = slow  # type: ignore[method-assign]

    async def use(server: GatewayServer, port: int) -> int:
        async with contextlib.AsyncExitStack() as stack:
            for _ in range(20):
                await stack.enter_async_context(connect(f"ws://127.0.0.1:{port}", proxy=None))
            return await server.close(2, 10)

    assert served(bench, use) == 0
    assert told == ["bye"] * 20


def test_fragments_without_end_take_no_memory(tmp_path: Path) -> None:
    bench = Bench(tmp_path, route("$default", "echo"))

    async def use(server: GatewayServer, port: int) -> tuple[int, bytes]:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(handshake())
        await reader.readuntil(b"\r\n\r\n")
        empty = frame(CONTINUATION, fin=False)
        writer.write(frame(TEXT, b"begun", fin=False) + empty * 20_000 + frame(PING, b"read"))
        pong = await reader.readexactly(6)
        (client,) = bench.gateway.clients.values()
        assert isinstance(client, GatewayProtocol)
        size = sys.getsizeof(client.fragments)
        writer.close()
        return size, pong

    size, pong = served(bench, use)
    assert pong.endswith(b"read")
    assert size < 1000


def test_a_client_that_does_not_answer_the_close_frame_is_cut_and_told_of(tmp_path: Path) -> None:
    bench = Bench(tmp_path, route("$disconnect", "bye"))
    bench.world.functions["bye"] = lambda event: {}

    async def use(server: GatewayServer, port: int) -> int:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(
            b"GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
        )
        while not bench.gateway.clients:  # noqa: ASYNC110 - the server tells nobody
            await asyncio.sleep(0.005)
        late = await server.close(0.05, 5)
        writer.close()
        return late

    assert served(bench, use) == 0
    ((function, event),) = bench.world.invoked
    assert (function, event["requestContext"]["disconnectStatusCode"]) == ("bye", 1001)


def test_a_function_that_takes_too_long_at_the_end_is_counted(tmp_path: Path) -> None:
    bench = Bench(tmp_path, route("$disconnect", "bye"))

    async def stuck(function: str, payload: bytes, timeout: float) -> bytes:
        await asyncio.sleep(60)
        return b"{}"

    bench.world.invoke = stuck  # type: ignore[method-assign]

    async def use(server: GatewayServer, port: int) -> int:
        async with connect(f"ws://127.0.0.1:{port}", proxy=None):
            return await server.close(1, 0.05)

    assert served(bench, use) == 1


def test_a_client_that_is_being_let_in_at_the_end_is_not_and_is_told_of(tmp_path: Path) -> None:
    bench = Bench(tmp_path, route("$connect", "hello") + route("$disconnect", "bye"))
    told: list[str] = []
    asked = asyncio.Event()

    async def slow(function: str, payload: bytes, timeout: float) -> bytes:
        told.append(function)
        asked.set()
        await asyncio.sleep(0.2)
        return b'{"statusCode": 200}'

    bench.world.invoke = slow  # type: ignore[method-assign]

    async def use(server: GatewayServer, port: int) -> int:
        client = asyncio.create_task(connect(f"ws://127.0.0.1:{port}", proxy=None).__aenter__())
        await asked.wait()
        late = await server.close(1, 5)
        with pytest.raises((InvalidMessage, ConnectionError)):
            await client
        return late

    assert served(bench, use) == 0
    assert told == ["hello", "bye"]


def test_a_handshake_that_fails_is_answered(tmp_path: Path) -> None:
    bench = Bench(tmp_path, route("$connect", "hello"))

    async def broken(function: str, payload: bytes, timeout: float) -> bytes:
        raise RuntimeError("no rule foresees this")

    bench.world.invoke = broken  # type: ignore[method-assign]

    async def use(server: GatewayServer, port: int) -> int:
        with pytest.raises(InvalidStatus) as refused:
            async with connect(f"ws://127.0.0.1:{port}", proxy=None):
                pass
        return refused.value.response.status_code

    assert served(bench, use) == 500


async def asked(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
    """Ask for the gateway's health on a connection that is kept; return the status line."""
    writer.write(b"GET /_gateway/health HTTP/1.1\r\nHost: localhost\r\n\r\n")
    head = await reader.readuntil(b"\r\n\r\n")
    size = int(head.partition(b"Content-Length: ")[2].partition(b"\r\n")[0])
    await reader.readexactly(size)
    return head.partition(b"\r\n")[0]


def test_a_kept_connection_is_timed_from_its_last_answer(tmp_path: Path) -> None:
    bench = Bench(tmp_path, "")
    bench.gateway.limits = Limits(handshake=1.0)

    async def use(server: GatewayServer, port: int) -> float:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        loop = asyncio.get_running_loop()
        for _ in range(3):
            assert await asked(reader, writer) == b"HTTP/1.1 200 OK"
            last = loop.time()
            await asyncio.sleep(0.4)
        assert await reader.read() == b"", "then it is closed"
        writer.close()
        return loop.time() - last

    assert 0.9 < served(bench, use) < 5


def test_half_a_request_is_not_waited_for_for_ever(tmp_path: Path) -> None:
    bench = Bench(tmp_path, "")
    bench.gateway.limits = Limits(handshake=0.2)

    async def use(server: GatewayServer, port: int) -> bytes:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET / HTTP/1.1\r\nHost: lo")
        data = await reader.read()
        writer.close()
        return data

    assert served(bench, use) == b""


def test_messages_are_passed_on_in_the_order_in_which_they_came(tmp_path: Path) -> None:
    bench = Bench(tmp_path, route("$default", "all"))
    came: list[str] = []
    done = asyncio.Event()

    async def note(function: str, payload: bytes, timeout: float) -> bytes:
        came.append(orjson.loads(payload)["body"])
        if len(came) == 300:
            done.set()
        await asyncio.sleep(0)
        return b"{}"

    bench.world.invoke = note  # type: ignore[method-assign]

    async def use(server: GatewayServer, port: int) -> None:
        async with connect(f"ws://127.0.0.1:{port}", proxy=None) as client:
            for number in range(300):
                await client.send(str(number))
            await done.wait()

    served(bench, use)
    assert came == [str(number) for number in range(300)]


async def raw_client(
    bench: Bench, port: int
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter, GatewayProtocol]:
    """Connect, and return what the gateway has of the connection, too."""
    before = set(bench.gateway.clients)
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(handshake())
    await reader.readuntil(b"\r\n\r\n")
    (name,) = set(bench.gateway.clients) - before
    client = bench.gateway.clients[name]
    assert isinstance(client, GatewayProtocol)
    return reader, writer, client


@pytest.mark.parametrize("opcode", [PING, TEXT])
def test_a_client_that_sends_much_at_once_leaves_turns_to_others(
    tmp_path: Path, opcode: int
) -> None:
    bench = Bench(tmp_path, route("$default", "echo"))
    bench.world.functions["echo"] = lambda event: {}
    taken: list[int] = []

    async def use(server: GatewayServer, port: int) -> None:
        _, writer, client = await raw_client(bench, port)
        take = GatewayProtocol._take_events if opcode == PING else GatewayProtocol._take_message
        several = frame(opcode, b"x") * 3_000

        def counted(protocol: GatewayProtocol, *given: bytes) -> None:
            taken[-1] += 1
            take(protocol, *given)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(GatewayProtocol, take.__name__, counted)
            taken.append(0)
            client.data_received(several)
            while sum(taken) < 3_000:
                taken.append(0)
                await asyncio.sleep(0)
        writer.close()

    served(bench, use)
    assert max(taken) <= FRAMES_IN_A_TURN
    assert sum(taken) == 3_000


def test_so_many_messages_of_a_client_are_at_work_and_the_rest_follow(tmp_path: Path) -> None:
    bench = Bench(tmp_path, route("$default", "all"))
    bench.gateway.limits = Limits(in_flight=10)
    came: list[str] = []
    go_on = asyncio.Event()

    async def wait(function: str, payload: bytes, timeout: float) -> bytes:
        came.append(orjson.loads(payload)["body"])
        await go_on.wait()
        return b"{}"

    bench.world.invoke = wait  # type: ignore[method-assign]

    async def use(server: GatewayServer, port: int) -> list[str]:
        _, writer, _ = await raw_client(bench, port)
        writer.write(b"".join(frame(TEXT, b"%d" % number) for number in range(300)))
        await asyncio.sleep(0.2)
        first = list(came)
        go_on.set()
        while len(came) < 300:  # noqa: ASYNC110 - the server tells nobody
            await asyncio.sleep(0.005)
        writer.close()
        return first

    assert served(bench, use) == [str(number) for number in range(10)]
    assert came == [str(number) for number in range(300)]


def test_a_client_that_reads_no_pongs_is_cut(tmp_path: Path) -> None:
    bench = Bench(tmp_path, route("$default", "echo"))
    bench.gateway.limits = Limits(unread=100_000)

    async def use(server: GatewayServer, port: int) -> int:
        with RawSocket(port) as client:
            client.send(handshake())
            pings, sent = frame(PING, b"x" * 125) * 1_000, 0
            client.socket.setblocking(False)
            while sent < 100_000_000:
                try:
                    sent += client.socket.send(pings)
                except BlockingIOError:
                    pass
                except OSError:
                    break
                await asyncio.sleep(0)
            return sent

    assert served(bench, use) < 100_000_000
