"""Heads of messages: what may be in one, whoever has made its values."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from local_aws.heads import InvalidHead, check_header, request_head, response_head
from local_aws.hosts import AllowedHosts
from local_aws.http1 import HttpClient, HttpServerProtocol, serialize
from local_aws.http_message import Request, Response

SECOND_REQUEST = "1\r\nContent-Length: 0\r\n\r\nPOST /deleted HTTP/1.1\r\nHost: localhost"


@pytest.mark.parametrize("value", ["a\r\nb: c", "a\nb", "a\rb", "a\0b", "\x1b[2J", "\x7f", "a\n"])
def test_a_value_with_a_control_character_is_refused(value: str) -> None:
    with pytest.raises(InvalidHead, match="the header X-A has a line break"):
        check_header("X-A", value)


@pytest.mark.parametrize("name", ["", "a b", "a:", "a\r\nb", "a\n", "(a)", "ä", "a\0"])
def test_a_name_is_a_token(name: str) -> None:
    with pytest.raises(InvalidHead, match="is no name of a header"):
        check_header(name, "1")


@pytest.mark.parametrize("value", ["", "plain", "a\tb", 'a; b="c, d"', "sch\u00f6n", "\u00a0"])
def test_other_values_are_sent_as_they_are(value: str) -> None:
    head = request_head("GET", "/", "here", [("X-A", value)], 0)
    assert f"\r\nX-A: {value}\r\n".encode("latin-1") in head


@pytest.mark.parametrize(
    "target", ["", "/a b", "/a\r\nX: 1", "/ HTTP/1.1\r\n\r\nGET /x", "/\u00e4"]
)
def test_a_target_has_neither_spaces_nor_controls(target: str) -> None:
    with pytest.raises(InvalidHead, match="the request target"):
        request_head("GET", target, "here", [], 0)


@pytest.mark.parametrize("method", ["", "GET /other HTTP/1.1\r\n\r\nGET", "GET /other", "G\0T"])
def test_a_method_is_a_token(method: str) -> None:
    with pytest.raises(InvalidHead, match="is no method"):
        request_head(method, "/", "here", [], 0)


@pytest.mark.parametrize("name", ["Content-Length", "transfer-encoding", "Host", "Connection"])
def test_where_a_request_ends_and_goes_is_not_for_its_headers_to_say(name: str) -> None:
    with pytest.raises(InvalidHead, match="is not for a caller to set"):
        request_head("GET", "/", "here", [(name, "0")], 0)


@pytest.mark.parametrize("status", ["200 OK\r\nX: 1", "200\n", "20", "1000", "abc", "200OK"])
def test_a_status_is_three_digits_and_a_reason(status: str) -> None:
    with pytest.raises(InvalidHead, match="is no status"):
        response_head(status, [])


@pytest.mark.parametrize("status", [204, 304])
def test_a_response_that_has_no_body_sends_none(status: int) -> None:
    data = serialize(Response(status, b"HTTP/1.1 200 OK\r\n\r\n"))
    assert data.endswith(b"\r\n\r\n")
    assert data.count(b"HTTP/1.1") == 1
    assert b"Content-Length" not in data


def served(
    answer: Callable[[Request], Awaitable[Response]], ask: Callable[[int], Awaitable[bytes]]
) -> bytes:
    """Serve while it is asked by a client, which is given the port."""

    async def run() -> bytes:
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda *_: None)
        server = await loop.create_server(
            lambda: HttpServerProtocol(answer, 1000, AllowedHosts()), "127.0.0.1", 0
        )
        async with server:
            return await ask(server.sockets[0].getsockname()[1])

    return asyncio.run(run())


def test_a_client_sends_one_request_or_none() -> None:
    asked: list[str] = []

    async def answer(request: Request) -> Response:
        asked.append(request.path)
        return Response(200)

    async def ask(port: int) -> bytes:
        client = HttpClient(f"http://127.0.0.1:{port}")
        with pytest.raises(InvalidHead):
            await client.request("POST", "/a", headers={"X-From-Message": SECOND_REQUEST})
        told = await client.request("POST", "/b")
        client.close()
        return told.body

    served(answer, ask)
    assert asked == ["/b"]


def test_a_server_answers_500_where_its_answer_would_be_two() -> None:
    async def answer(request: Request) -> Response:
        return Response(200, headers={"X-A": "1\r\n\r\nHTTP/1.1 200 OK"})

    async def ask(port: int) -> bytes:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        got = await reader.read()
        writer.close()
        return got

    got = served(answer, ask)
    assert got.startswith(b"HTTP/1.1 500 ")
    assert got.count(b"HTTP/1.1") == 1
