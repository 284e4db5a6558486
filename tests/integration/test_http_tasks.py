"""HTTP tasks.

https://docs.aws.amazon.com/step-functions/latest/dg/call-https-apis.html
"""

from __future__ import annotations

import json
import threading
import uuid
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from tests.stack import Stack
from tests.workflows import Workflows

pytestmark = pytest.mark.embedded("the engine's container reaches no server of the tests")
INVOKE = "arn:aws:states:::http:invoke"


class Api(ThreadingHTTPServer):
    """An HTTP API that tells what it was asked."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server_port}"


class Handler(BaseHTTPRequestHandler):
    def answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
        status = 503 if self.path.startswith("/broken") else 200
        told = {
            "method": self.command,
            "path": self.path,
            "headers": {name.lower(): value for name, value in self.headers.items()},
            "body": body,
        }
        text = json.dumps(told).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    do_GET = do_POST = answer  # noqa: N815 - as http.server calls them

    def log_request(self, *_: Any) -> None:
        """Say nothing."""


@pytest.fixture
def api() -> Iterator[Api]:
    server = Api()
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def workflows(stack: Stack) -> Iterator[Workflows]:
    made = Workflows(stack)
    yield made
    made.delete()


def call(url: str, method: str = "GET", **more: Any) -> dict[str, Any]:
    parameters = {"ApiEndpoint": url, "Method": method, **more}
    return {"Call": {"Type": "Task", "Resource": INVOKE, "Parameters": parameters, "End": True}}


def test_a_request_is_made_and_its_answer_is_the_result(workflows: Workflows, api: Api) -> None:
    states = call(
        f"{api.url}/things?a=1",
        "POST",
        QueryParameters={"b.$": "$.b"},
        RequestBody={"n.$": "$.n"},
        Headers={"X-A": "y"},
    )
    execution = workflows.start(states, {"n": [1, 2], "b": "two"})
    answer = json.loads(workflows.stack.ended(execution)["output"])
    assert (answer["StatusCode"], answer["StatusText"]) == (200, "OK")
    assert answer["Headers"]["content-type"] == ["application/json"]
    asked = answer["ResponseBody"]
    assert (asked["method"], asked["path"]) == ("POST", "/things?a=1&b=two")
    assert json.loads(asked["body"]) == {"n": [1, 2]}
    assert (asked["headers"]["x-a"], asked["headers"]["content-type"]) == ("y", "application/json")
    scheduled = [e for e in workflows.history(execution) if e["type"] == "TaskScheduled"]
    details = scheduled[0]["taskScheduledEventDetails"]
    assert (details["resourceType"], details["resource"]) == ("http", "invoke")
    assert json.loads(details["parameters"])["QueryParameters"] == {"b": "two"}


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("INDICES", "a%5B0%5D=1&a%5B1%5D=2&b%5Bc%5D=x+y"),
        ("REPEAT", "a=1&a=2&b%5Bc%5D=x+y"),
        ("COMMAS", "a=1%2C2&b%5Bc%5D=x+y"),
        ("BRACKETS", "a%5B%5D=1&a%5B%5D=2&b%5Bc%5D=x+y"),
    ],
)
def test_a_body_is_sent_as_a_form(workflows: Workflows, api: Api, kind: str, body: str) -> None:
    states = call(
        api.url,
        "POST",
        RequestBody={"a": [1, 2], "b": {"c": "x y"}},
        Transform={
            "RequestBodyEncoding": "URL_ENCODED",
            "RequestEncodingOptions": {"ArrayFormat": kind},
        },
    )
    asked = workflows.output(states)["ResponseBody"]
    assert asked["body"] == body
    assert asked["headers"]["content-type"] == "application/x-www-form-urlencoded"


def test_a_connection_authorizes(workflows: Workflows, api: Api) -> None:
    events = workflows.stack.aws("events")
    name = f"http-{uuid.uuid4().hex[:12]}"
    arn = events.create_connection(
        Name=name,
        AuthorizationType="API_KEY",
        AuthParameters={"ApiKeyAuthParameters": {"ApiKeyName": "X-Key", "ApiKeyValue": "secret"}},
    )["ConnectionArn"]
    try:
        states = call(api.url, Authentication={"ConnectionArn": arn})
        execution = workflows.start(states)
        answer = json.loads(workflows.stack.ended(execution)["output"])
        assert answer["ResponseBody"]["headers"]["x-key"] == "secret"
        scheduled = json.dumps(workflows.history(execution)[2], default=str)
        assert "secret" not in scheduled
    finally:
        events.delete_connection(Name=name)


def test_what_fails_is_told_by_its_status(workflows: Workflows, api: Api) -> None:
    ended, events = workflows.run(call(f"{api.url}/broken"))
    assert (ended["status"], ended["error"]) == ("FAILED", "States.Http.StatusCode.503")
    assert "/broken" in ended["cause"]
    assert "TaskFailed" in [event["type"] for event in events]
    ended, _ = workflows.run(call("http://127.0.0.1:9/nobody"))
    assert ended["error"] == "States.Http.Socket"
    caught = call(f"{api.url}/broken")
    caught["Call"]["Catch"] = [{"ErrorEquals": ["States.Http.StatusCode.503"], "Next": "Caught"}]
    caught["Caught"] = {"Type": "Pass", "End": True}
    assert workflows.output(caught)["Error"] == "States.Http.StatusCode.503"
