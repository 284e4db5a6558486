"""Heads of messages, made and read: what is sent is read as one message, whatever is in it."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from typing import Any

import httptools
from hypothesis import strategies as st

from local_aws.heads import InvalidHead, request_head
from local_aws.hosts import AllowedHosts
from local_aws.http1 import NO_BODY, HttpServerProtocol, serialize
from local_aws.http_message import Request, Response
from tests.fuzz.fuzzing import fuzz
from tests.fuzz.values import TEXT
from tests.unit.kit.test_http_port import Port, echo

LATIN = st.text(st.characters(max_codepoint=255), max_size=20)
NAMES = st.one_of(st.sampled_from(["X-A", "Host", "Content-Length", "Transfer-Encoding"]), TEXT)
HEADERS = st.lists(st.tuples(NAMES, st.one_of(LATIN, TEXT)), max_size=4)


class Read:
    """What a parser reads."""

    def __init__(self) -> None:
        self.messages = 0
        self.headers: list[tuple[bytes, bytes]] = []
        self.body = b""

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers.append((name, value))

    def on_body(self, body: bytes) -> None:
        self.body += body

    def on_message_complete(self) -> None:
        self.messages += 1


@fuzz(
    examples=300,
    method=st.one_of(st.sampled_from(["GET", "POST"]), TEXT),
    target=st.one_of(st.just("/a?b=c"), TEXT),
    headers=HEADERS,
    body=st.binary(max_size=50),
)
def test_a_request_is_one_request_or_none(
    method: str, target: str, headers: list[tuple[str, str]], body: bytes
) -> None:
    try:
        data = request_head(method, target, "here", headers, len(body)) + body
    except InvalidHead:
        return
    read = Read()
    parser = httptools.HttpRequestParser(read)
    try:
        parser.feed_data(data)
    except httptools.HttpParserError:
        # A method that the parser does not know is no other request.
        assert read.messages == 0
        return
    assert read.messages == 1
    assert read.body == body
    assert [name.decode("latin-1") for name, _ in read.headers] == [
        "Host",
        *(name for name, _ in headers),
        "Content-Length",
    ]


@fuzz(examples=300, status=st.integers(200, 599), headers=HEADERS, body=st.binary(max_size=50))
def test_a_response_is_one_response_or_none(
    status: int, headers: list[tuple[str, str]], body: bytes
) -> None:
    kept = {n: v for n, v in headers if n.lower() not in ("content-length", "transfer-encoding")}
    try:
        data = serialize(Response(status, body, kept))
    except InvalidHead:
        return
    read = Read()
    httptools.HttpResponseParser(read).feed_data(data)
    assert read.messages <= 1
    names = [name.decode("latin-1") for name, _ in read.headers]
    ends = [] if status in NO_BODY else ["Content-Length"]
    assert names == [*kept, *ends]


class Transport(asyncio.Transport):
    """Takes what a protocol writes."""

    def __init__(self) -> None:
        super().__init__()
        self.written = b""
        self.closed = False

    def write(self, data: Any) -> None:
        self.written += bytes(data)

    def close(self) -> None:
        self.closed = True

    abort = close

    def is_closing(self) -> bool:
        return self.closed


HEAD_PIECES = st.sampled_from(
    [
        *(b"GET / HTTP/1.1\r\n", b"POST /x HTTP/1.1\r\n", b"Host: localhost\r\n", b"\r\n", b"\n"),
        *(b"Content-Length: 5\r\n", b"Content-Length: 99999999999\r\n", b"Content-Length: -1\r\n"),
        *(
            b"Transfer-Encoding: chunked\r\n",
            b"5\r\nhello\r\n",
            b"0\r\n\r\n",
            b"ffffffffffffffff\r\n",
        ),
        *(b"X: " + b"y" * 70_000 + b"\r\n", b"Upgrade: websocket\r\n", b"Connection: close\r\n"),
        *(b"Expect: 100-continue\r\n", b" folded\r\n", b"\0", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
    ]
)


@fuzz(
    examples=300,
    pieces=st.lists(st.one_of(HEAD_PIECES, st.binary(max_size=30)), max_size=12),
)
def test_whatever_a_client_sends_is_answered_or_refused(pieces: list[bytes]) -> None:
    failures: list[dict[str, Any]] = []

    async def answer(request: Request) -> Response:
        return Response(200, request.body)

    async def run() -> bytes:
        asyncio.get_running_loop().set_exception_handler(lambda _, told: failures.append(told))
        protocol, transport = HttpServerProtocol(answer, 1000, AllowedHosts()), Transport()
        protocol.connection_made(transport)
        for piece in pieces:
            protocol.data_received(piece)
        if protocol.task is not None:
            await protocol.task
        protocol.connection_lost(None)
        return transport.written

    written = asyncio.run(run())
    assert not failures
    assert not written or written.startswith(b"HTTP/1.1 ")


@fuzz(
    examples=80,
    pieces=st.lists(st.one_of(HEAD_PIECES, st.binary(max_size=30)), max_size=8),
)
def test_whatever_the_engine_s_port_is_sent_it_answers_or_refuses(pieces: list[bytes]) -> None:
    data = b"".join(pieces)
    if data.startswith((b"\x16", b"PRI")) or b"upgrade" in data.lower():
        return  # for another server
    port = Port(echo)
    try:
        with contextlib.suppress(OSError):  # it is refused before all of it is sent
            port.send(data)
            port.client.shutdown(socket.SHUT_WR)
        got = b""
        with contextlib.suppress(ConnectionResetError):
            got = port.rest()
        assert not got or got.startswith(b"HTTP/1.1 ")
        assert b" 500 " not in got.partition(b"\r\n")[0]
    finally:
        port.closed()
