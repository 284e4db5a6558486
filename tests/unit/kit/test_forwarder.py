"""What the part that the engine asks answers, and what is told of it where it answers nothing."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from types import SimpleNamespace
from typing import Any
from urllib.parse import unquote

import pytest
from localstack.aws.api import CommonServiceException
from localstack.http import Request

from local_cloud.engine.forwarder import Forwarder


class Answers(BaseHTTPRequestHandler):
    """Answers by the path: its status, the type of its body, and the error that it names."""

    def do_POST(self) -> None:
        status, *words = self.path.strip("/").split("/")
        kind = "/".join(words[:2])
        body = b"<html></html>" if kind == "text/html" else b'{"Message": "no"}'
        self.send_response(int(status))
        self.send_header("Content-Type", kind)
        for error in words[2:]:
            self.send_header("X-Amzn-ErrorType", error)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@pytest.fixture
def endpoint() -> Iterator[str]:
    server = HTTPServer(("127.0.0.1", 0), Answers)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def send(endpoint: str, path: str) -> Any:
    context: Any = SimpleNamespace(request=Request("POST", path, body=b"{}"))
    return Forwarder(endpoint, "start it").send(context)


@pytest.mark.parametrize(
    "path",
    [
        "/200/text/html",
        "/500/application/json/ServiceException",
        "/500/application/json/InternalServerError",
        "/404/text/html",
        "/501/application/json/NotImplemented",
    ],
)
def test_an_answer_is_passed_on(endpoint: str, path: str) -> None:
    assert send(endpoint, path).status_code == int(path.split("/")[1])


def test_a_path_is_passed_on_as_it_was_sent(endpoint: str) -> None:
    sent = "/200/text/html%2Fx%3Fy%20z"
    request = Request("POST", unquote(sent), body=b"{}", raw_path=sent)
    context: Any = SimpleNamespace(request=request)
    answer = Forwarder(endpoint, "start it").send(context)
    assert answer.request.path_url == "/200/text/html%2Fx%3Fy%20z"


@pytest.mark.parametrize(
    "path", ["/500/text/html", "/500/application/json/Service", "/502/application/json"]
)
def test_a_server_that_fails_by_itself_is_a_service_that_failed(endpoint: str, path: str) -> None:
    with pytest.raises(CommonServiceException, match=r"failed \(50. .*logs lambda") as failed:
        send(endpoint, path)
    assert failed.value.code == "ServiceException", "which is tried again"


def test_one_that_does_not_answer_is_said_with_what_to_do() -> None:
    with pytest.raises(CommonServiceException, match=r"does not answer. Is it running\? .start it"):
        send("http://127.0.0.1:9", "/")
