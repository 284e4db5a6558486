"""A command's request to a part of the cloud: what it is told, and what it says where it is not."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from local_cloud.ask import NoAnswer, ask

ANSWERS = {
    "/well": (200, b'{"rules": []}'),
    "/named": (200, b'{"error": {"port": 1}}'),
    "/error": (503, b'{"error": "no such rule"}'),
    "/refused": (400, b'{"message": "no such function"}'),
    "/gone": (404, b"<html>"),
    "/text": (200, b"hello"),
}


class Part(BaseHTTPRequestHandler):
    """Answers as :data:`ANSWERS` says, and PUT with what it was sent."""

    def do_GET(self) -> None:
        self._answer(*ANSWERS[self.path])

    def do_PUT(self) -> None:
        self._answer(200, self.rfile.read(int(self.headers["Content-Length"])))

    def _answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name there
        """Say nothing."""


@pytest.fixture(scope="module")
def part() -> Iterator[str]:
    with HTTPServer(("127.0.0.1", 0), Part) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_what_is_answered_is_returned(part: str) -> None:
    assert ask(f"{part}/well") == {"rules": []}
    assert ask(f"{part}/well", "PUT", {"port": 1}) == {"port": 1}


def test_a_function_may_be_called_error(part: str) -> None:
    assert ask(f"{part}/named") == {"error": {"port": 1}}


@pytest.mark.parametrize(
    ("path", "status", "words"),
    [
        ("/error", 503, "^no such rule$"),
        ("/refused", 400, "^no such function$"),
        ("/gone", 404, "/gone answers 404 Not Found$"),
        ("/text", 200, "/text answers 200 OK$"),
    ],
)
def test_a_refusal_is_said(part: str, path: str, status: int, words: str) -> None:
    with pytest.raises(NoAnswer, match=words) as refused:
        ask(part + path)
    assert refused.value.status == status


def test_a_part_that_is_away_is_named() -> None:
    with pytest.raises(NoAnswer, match=r"http://127.0.0.1:1/x does not answer: .*refused") as away:
        ask("http://127.0.0.1:1/x")
    assert away.value.status == 0
