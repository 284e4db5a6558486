"""The engine's port: what a client sees of HTTP/1.1, and what is given to somebody else."""

from __future__ import annotations

import contextlib
import http.client
import socket
import threading
from collections.abc import Callable, Iterable, Iterator
from typing import Any
from wsgiref.validate import validator

import pytest

from local_aws.http1 import MAX_HEAD_BYTES
from local_cloud.engine.caller import Caller
from local_cloud.engine.http_port.connection import Connection
from local_cloud.engine.http_port.departures import Departures

Start = Callable[..., Any]
LIMIT_SECONDS = 10


class Port:
    """A connection's two ends: the client's, and what serves the other."""

    def __init__(self, application: Callable[[dict[str, Any], Start], Iterable[bytes]]) -> None:
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.client = socket.create_connection(self.listener.getsockname())
        self.client.settimeout(LIMIT_SECONDS)
        self.server, _ = self.listener.accept()
        #: What was given to another protocol's server.
        self.given: list[bytes] = []
        self.connection = Connection(
            self.server, application, Departures(), lambda _, read: self.given.append(read)
        )
        self.thread = threading.Thread(target=self.connection.serve)
        self.thread.start()

    def send(self, text: str | bytes) -> None:
        self.client.sendall(text.encode() if isinstance(text, str) else text)

    def until(self, end: bytes) -> bytes:
        """Return what comes up to these bytes, and no byte behind them."""
        got = b""
        while not got.endswith(end):
            byte = self.client.recv(1)
            assert byte, got
            got += byte
        return got

    def rest(self) -> bytes:
        """Return all that comes until the connection is closed."""
        return b"".join(iter(lambda: self.client.recv(65536), b""))

    def closed(self) -> None:
        self.client.close()
        self.thread.join(LIMIT_SECONDS)
        assert not self.thread.is_alive()
        self.server.close()
        self.listener.close()


Serve = Callable[[Callable[[dict[str, Any], Start], Iterable[bytes]]], Port]


@pytest.fixture
def serve() -> Iterator[Serve]:
    ports: list[Port] = []

    def begin(application: Callable[[dict[str, Any], Start], Iterable[bytes]]) -> Port:
        ports.append(Port(application))
        return ports[-1]

    yield begin
    for port in ports:
        port.closed()


def echo(environ: dict[str, Any], start: Start) -> Iterable[bytes]:
    """Answer with the method, the path, the query and the body."""
    body = environ["wsgi.input"].read()
    told = f"{environ['REQUEST_METHOD']} {environ['PATH_INFO']} {environ['QUERY_STRING']} "
    answer = told.encode("latin-1") + body
    start("200 OK", [("Content-Length", str(len(answer))), ("x-Amz-Id", "1")])
    return [answer]


def test_requests_of_one_connection_are_answered_in_turn(serve: Serve) -> None:
    port = serve(echo)
    for number in range(3):
        port.send(f"GET /a%20b/{number}?q={number} HTTP/1.1\r\nHost: here\r\n\r\n")
        assert b"Connection" not in port.until(b"\r\n\r\n")
        port.until(f"GET /a b/{number} q={number} ".encode())


@pytest.mark.parametrize(
    ("status", "name", "value"),
    [
        ("200 OK", "X-A", "1\r\nX-Forged: 1"),
        ("200 OK", "X-A\r\nX-Forged", "1"),
        ("200 OK\r\nX-Forged: 1", "X-A", "1"),
    ],
)
def test_an_answer_that_may_not_be_sent_is_a_500(
    serve: Serve, status: str, name: str, value: str
) -> None:
    def answer(environ: dict[str, Any], start: Start) -> Iterable[bytes]:
        start(status, [(name, value)])
        return [b"body"]

    port = serve(answer)
    port.send("GET / HTTP/1.1\r\nHost: here\r\n\r\n")
    port.client.shutdown(socket.SHUT_WR)
    got = port.rest()
    assert got.startswith(b"HTTP/1.1 500 ")
    assert b"Forged" not in got


def test_requests_that_come_at_once_are_all_answered(serve: Serve) -> None:
    port = serve(echo)
    one = "POST /{} HTTP/1.1\r\nContent-Length: 4\r\n\r\nbody"
    port.send(one.format(1) + one.format(2))
    port.until(b"POST /1  body")
    port.until(b"POST /2  body")


def test_a_request_is_read_however_it_is_cut(serve: Serve) -> None:
    port = serve(echo)
    port.client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    head = b"POST /x HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"
    for byte in head + b"3\r\nabc\r\n1\r\nd\r\n0\r\n\r\n":
        port.send(bytes([byte]))
    port.until(b"POST /x  abcd")


def test_a_client_that_asks_whether_to_go_on_is_told_so(serve: Serve) -> None:
    port = serve(echo)
    port.send("PUT /k HTTP/1.1\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n")
    assert port.until(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
    port.send("abc")
    port.until(b"PUT /k  abc")


@pytest.mark.parametrize("size", [0, 1, 100_000, 20_000_000])
def test_a_body_of_any_size_comes_and_goes_whole(serve: Serve, size: int) -> None:
    port = serve(echo)
    body = bytes(range(256)) * (size // 256) + b"x" * (size % 256)
    head = f"POST / HTTP/1.1\r\nContent-Length: {size}\r\n\r\n"
    sender = threading.Thread(target=port.send, args=(head.encode() + body,))
    sender.start()
    answer = http.client.HTTPResponse(port.client)
    answer.begin()
    assert answer.read() == b"POST /  " + body
    sender.join()


def test_a_stream_is_sent_piece_by_piece(serve: Serve) -> None:
    told = threading.Event()

    def stream(environ: dict[str, Any], start: Start) -> Iterator[bytes]:
        start("200 OK", [])
        yield b"one"
        assert told.wait(LIMIT_SECONDS)
        yield b"two"

    port = serve(stream)
    port.send("GET / HTTP/1.1\r\n\r\n")
    assert b"Transfer-Encoding: chunked\r\n" in port.until(b"\r\n\r\n")
    assert port.until(b"one\r\n") == b"3\r\none\r\n"
    told.set()
    assert port.until(b"0\r\n\r\n") == b"3\r\ntwo\r\n0\r\n\r\n"


def test_who_knows_no_chunks_is_told_the_end_by_the_connections(serve: Serve) -> None:
    def stream(environ: dict[str, Any], start: Start) -> Iterator[bytes]:
        start("200 OK", [])
        yield b"one"
        yield b"two"

    port = serve(stream)
    port.send("GET / HTTP/1.0\r\n\r\n")
    head, _, body = port.rest().partition(b"\r\n\r\n")
    assert b"Connection: close" in head
    assert body == b"onetwo"


@pytest.mark.parametrize(
    ("request_line", "status", "length"),
    [("HEAD / HTTP/1.1", "200 OK", "5"), ("GET / HTTP/1.1", "304 Not Modified", None)],
)
def test_an_answer_without_a_body_ends_with_its_head(
    serve: Serve, request_line: str, status: str, length: str | None
) -> None:
    def answer(environ: dict[str, Any], start: Start) -> Iterable[bytes]:
        start(status, [("Content-Length", length)] if length else [])
        return [b"12345"]

    port = serve(answer)
    for _ in range(2):
        port.send(f"{request_line}\r\n\r\n")
        head = port.until(b"\r\n\r\n")
        assert head.startswith(f"HTTP/1.1 {status}\r\n".encode())
        assert (b"Content-Length: 5" in head) == (length is not None)


def test_an_empty_answer_says_so(serve: Serve) -> None:
    def answer(environ: dict[str, Any], start: Start) -> Iterable[bytes]:
        start("200 OK", [])
        return []

    port = serve(answer)
    port.send("GET / HTTP/1.1\r\n\r\n")
    assert b"Content-Length: 0\r\n" in port.until(b"\r\n\r\n")


def test_headers_keep_their_first_spelling_and_their_order(serve: Serve) -> None:
    seen: dict[str, Any] = {}

    def answer(environ: dict[str, Any], start: Start) -> Iterable[bytes]:
        seen.update(environ)
        return echo(environ, start)

    port = serve(answer)
    port.send(
        "GET http://here/p HTTP/1.1\r\nHost: it:80\r\nX-Amz-B: 1\r\na: 2\r\nx-amz-b: 3\r\n\r\n"
    )
    assert b"x-Amz-Id: 1\r\n" in port.until(b"\r\n\r\n")
    names = [(b"Host", b"it:80"), (b"X-Amz-B", b"1"), (b"X-Amz-B", b"3"), (b"a", b"2")]
    assert seen["rolo.headers"] == names
    assert seen["HTTP_X_AMZ_B"] == "1,3"
    assert seen["SERVER_NAME"] == "it"
    assert seen["PATH_INFO"] == "/p"
    assert seen["REMOTE_ADDR"] == "127.0.0.1"
    assert seen["REMOTE_PORT"] == str(port.client.getsockname()[1])


def test_it_is_served_as_the_standard_says(serve: Serve) -> None:
    def answer(environ: dict[str, Any], start: Start) -> Iterable[bytes]:
        start("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "2")])
        return [b"ok"]

    port = serve(validator(answer))
    port.send("GET /?a=b HTTP/1.1\r\nHost: here\r\n\r\n")
    port.until(b"\r\n\r\nok")


def test_a_failure_is_told_and_the_port_stays_up(serve: Serve) -> None:
    def fail(environ: dict[str, Any], start: Start) -> Iterable[bytes]:
        raise RuntimeError("no")

    port = serve(fail)
    port.send("GET / HTTP/1.1\r\n\r\n")
    assert port.rest().startswith(b"HTTP/1.1 500 Internal Server Error\r\n")


def test_who_answers_nothing_has_failed(serve: Serve) -> None:
    port = serve(lambda environ, start: [])
    port.send("GET / HTTP/1.1\r\n\r\n")
    assert port.rest().startswith(b"HTTP/1.1 500 Internal Server Error\r\n")


def test_a_line_without_an_end_is_not_waited_for(serve: Serve) -> None:
    port = serve(echo)

    def send() -> None:
        with contextlib.suppress(OSError):  # it is not listened to any more
            port.send("GET / HTTP/1.1\r\nX: " + "x" * 100 * MAX_HEAD_BYTES)

    sender = threading.Thread(target=send)
    sender.start()
    assert port.until(b"\r\n\r\n").startswith(b"HTTP/1.1 431 ")
    sender.join(LIMIT_SECONDS)


def test_a_stream_that_fails_does_not_end_as_if_it_were_whole(serve: Serve) -> None:
    def fail(environ: dict[str, Any], start: Start) -> Iterator[bytes]:
        start("200 OK", [])
        yield b"one"
        raise RuntimeError("no")

    port = serve(fail)
    port.send("GET / HTTP/1.1\r\n\r\n")
    assert port.rest().endswith(b"3\r\none\r\n")


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        ("no request\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nContent-Length: x\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nX: " + "x" * MAX_HEAD_BYTES + "\r\n\r\n", 431),
        ("GET /" + "x" * MAX_HEAD_BYTES + " HTTP/1.1\r\n\r\n", 431),
    ],
)
def test_what_is_no_request_is_refused(serve: Serve, sent: str, status: int) -> None:
    port = serve(echo)
    port.send(sent)
    assert port.until(b"\r\n\r\n").startswith(f"HTTP/1.1 {status} ".encode())


@pytest.mark.parametrize(
    "sent",
    [
        b"\x16\x03\x01\x02\x00",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"GET / HTTP/1.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nX: 1\r\n\r\n",
    ],
)
def test_what_begins_otherwise_is_given_away_whole(serve: Serve, sent: bytes) -> None:
    port = serve(echo)
    port.send(sent)
    port.thread.join(LIMIT_SECONDS)
    assert port.given == [sent]


def test_an_upgrade_that_comes_later_and_in_parts_is_given_away_too(serve: Serve) -> None:
    port = serve(echo)
    port.send("GET /1 HTTP/1.1\r\n\r\n")
    port.until(b"GET /1  ")
    first, second = b"GET / HTTP/1.1\r\nUpg", b"rade: websocket\r\n\r\n"
    port.client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    port.send(first)
    port.send(second)
    port.thread.join(LIMIT_SECONDS)
    assert port.given == [first + second]


def test_who_answers_is_told_that_the_client_has_left(serve: Serve) -> None:
    asked, left = threading.Event(), threading.Event()

    def wait(environ: dict[str, Any], start: Start) -> Iterable[bytes]:
        with Caller.of(environ).ending(left.set):
            asked.set()
            assert left.wait(LIMIT_SECONDS)
        return echo(environ, start)

    port = serve(wait)
    port.send("GET / HTTP/1.1\r\n\r\n")
    assert asked.wait(LIMIT_SECONDS)
    port.client.close()
    assert left.wait(LIMIT_SECONDS)


def test_a_caller_who_stays_is_answered_and_asks_again(serve: Serve) -> None:
    def ask(environ: dict[str, Any], start: Start) -> Iterable[bytes]:
        for _ in range(2):
            Caller.of(environ).check()
        return echo(environ, start)

    port = serve(ask)
    for number in range(3):
        port.send(f"GET /{number} HTTP/1.1\r\n\r\n")
        port.until(f"GET /{number}  ".encode())


def test_what_is_being_answered_ends_before_the_connection_does(serve: Serve) -> None:
    asked, go_on = threading.Event(), threading.Event()

    def slow(environ: dict[str, Any], start: Start) -> Iterable[bytes]:
        asked.set()
        assert go_on.wait(LIMIT_SECONDS)
        return echo(environ, start)

    port = serve(slow)
    port.send("GET / HTTP/1.1\r\n\r\n")
    assert asked.wait(LIMIT_SECONDS)
    port.connection.end_soon()
    assert not port.connection.ended.is_set()
    go_on.set()
    assert port.rest().endswith(b"GET /  ")
    assert port.connection.ended.wait(LIMIT_SECONDS)


def test_a_connection_that_is_idle_ends_at_once(serve: Serve) -> None:
    port = serve(echo)
    port.send("GET / HTTP/1.1\r\n\r\n")
    port.until(b"GET /  ")
    port.connection.end_soon()
    assert port.connection.ended.wait(LIMIT_SECONDS)
