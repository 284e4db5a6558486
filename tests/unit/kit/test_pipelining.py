"""A client that sends further requests without waiting gets its answers; nobody waits for it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from local_aws.hosts import AllowedHosts
from local_aws.http1 import MOST_WAITING, HttpServerProtocol
from local_aws.http_message import Request, Response

Ask = Callable[[int], Awaitable[None]]


def served(answer: Callable[[Request], Response], ask: Ask) -> list[HttpServerProtocol]:
    """Serve while it is asked by clients, which are given the port."""
    protocols: list[HttpServerProtocol] = []

    async def handle(request: Request) -> Response:
        return answer(request)

    def protocol() -> HttpServerProtocol:
        protocols.append(HttpServerProtocol(handle, 1 << 20, AllowedHosts()))
        return protocols[-1]

    async def run() -> None:
        server = await asyncio.get_running_loop().create_server(protocol, "127.0.0.1", 0)
        await asyncio.wait_for(ask(server.sockets[0].getsockname()[1]), 20)
        server.close()

    asyncio.run(run())
    return protocols


def request(path: str, body: bytes = b"") -> bytes:
    head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


async def read(reader: asyncio.StreamReader) -> bytes:
    head = await reader.readuntil(b"\r\n\r\n")
    length = int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0])
    return await reader.readexactly(length)


def test_each_is_answered_in_its_order_also_with_bodies() -> None:
    bodies = [b"%d" % n * (1 if n % 50 else 9_000) for n in range(1_000)]

    async def ask(port: int) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"".join(request("/", body) for body in bodies))
        assert [await read(reader) for _ in bodies] == bodies
        writer.close()

    served(lambda asked: Response(200, asked.body), ask)


def test_others_are_answered_between_them() -> None:
    order: list[str] = []

    def answer(asked: Request) -> Response:
        order.append(asked.path)
        return Response(200, b"done")

    async def ask(port: int) -> None:
        many, one = [await asyncio.open_connection("127.0.0.1", port) for _ in range(2)]
        many[1].write(request("/many") * 2_000)
        while not order:  # noqa: ASYNC110 - the server tells nobody
            await asyncio.sleep(0)
        one[1].write(request("/one"))
        await read(one[0])
        for _ in range(2_000):
            await read(many[0])
        for _, writer in (many, one):
            writer.close()

    served(answer, ask)
    assert order.count("/many") == 2_000
    assert order.index("/one") < 200


def test_who_reads_no_answer_is_asked_for_no_more_requests() -> None:
    asked: list[str] = []

    def answer(request: Request) -> Response:
        asked.append(request.path)
        return Response(200, b"x" * 500_000)

    async def ask(port: int) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1024)
        writer.write(request("/") * 200)
        await asyncio.sleep(0.5)
        assert len(asked) < 50
        for _ in range(200):
            assert len(await read(reader)) == 500_000
        writer.close()

    (protocol,) = served(answer, ask)
    assert len(asked) == 200
    assert len(protocol.queue) <= MOST_WAITING
