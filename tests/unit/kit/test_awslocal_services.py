"""``awslocal`` reaches the local cloud, and nothing else, for every service that there is."""

from __future__ import annotations

import contextlib
import io
import json
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import botocore.session
import pytest
from awscli.clidriver import CLIDriver
from botocore import xform_name
from botocore.model import OperationModel, ServiceModel, Shape

from local_cloud.awslocal.command import make_driver

COMMANDS = {"s3": "s3api", "codedeploy": "deploy", "config": "configservice"}
#: The CLI has a command of its own in place of the operation that takes least.
OPERATIONS = {"emr": "ListInstanceFleets"}
ARN = "arn:aws:cloudfront::000000000000:key-value-store/a"
PROCESSES = 2


class Recorder(ThreadingHTTPServer):
    """Refuses every request, and keeps whom it was meant for."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.hosts: list[str] = []
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://localhost:{self.server_address[1]}"


class _Handler(BaseHTTPRequestHandler):
    server: Recorder

    def do_GET(self) -> None:
        self.server.hosts.append(self.headers["Host"])
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.send_response(400)
        self.send_header("Content-Length", "0")
        self.end_headers()

    do_POST = do_PUT = do_DELETE = do_HEAD = do_PATCH = do_GET  # noqa: N815

    def log_message(self, *_: object) -> None: ...


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    config = tmp_path / "config"
    config.write_text("[preview]\nsdb = true\n")
    for name, value in {
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_MAX_ATTEMPTS": "1",
        "AWS_CONFIG_FILE": str(config),
        "AWS_PAGER": "",
    }.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def recorder() -> Iterator[Recorder]:
    with Recorder() as server:
        yield server
        server.shutdown()


def run(endpoint: str, *arguments: str) -> str:
    """Run a command; return what it said of errors."""
    return _said(*make_driver(endpoint, arguments))


def _said(driver: CLIDriver, words: list[str]) -> str:
    said = io.StringIO()
    with (
        contextlib.redirect_stderr(said),
        contextlib.redirect_stdout(said),
        contextlib.suppress(SystemExit),
    ):
        driver.main(words)
    return said.getvalue()


def test_every_service_that_botocore_knows_is_reached_here(environment: None) -> None:
    services = botocore.session.Session().get_available_services()
    parts = [services[start::PROCESSES] for start in range(PROCESSES)]
    with ProcessPoolExecutor(PROCESSES) as pool:
        results = list(pool.map(reach, parts))
    strayed = {name: what for result in results for name, what in result.items()}
    assert strayed == {}
    assert len(services) > 400


def reach(services: Sequence[str]) -> dict[str, str]:
    """Call each service once; return those that did not ask the recorder, and it alone."""
    strayed = {}
    with Recorder() as server:
        driver, words = make_driver(server.url, [])  # one for all: it keeps what it has loaded
        for service in services:
            server.hosts.clear()
            model = driver.session.get_service_model(service)
            said = _said(driver, [*words, *command(model, service)])
            if set(server.hosts) != {server.url.removeprefix("http://")}:
                strayed[service] = f"{server.hosts} {said[-300:]}"
        server.shutdown()
    return strayed


def command(model: ServiceModel, service: str) -> list[str]:
    """Return a command for the operation of a service that asks for least."""
    operations = [model.operation_model(name) for name in model.operation_names]
    usable = [
        operation
        for operation in operations
        if not (operation.has_event_stream_input or operation.has_event_stream_output)
        and not operation.has_streaming_input
    ]
    chosen = min(usable, key=_needs)
    if service in OPERATIONS:
        chosen = model.operation_model(OPERATIONS[service])
    given = _filled(chosen.input_shape) if chosen.input_shape else {}
    options = ["--cli-input-json", json.dumps(given)] if given else []
    if chosen.has_streaming_output:  # with a file to write to, the CLI wants options by name
        options = ["/dev/null"]
        for name, value in given.items():
            text = value if isinstance(value, str) else json.dumps(value)
            options += [f"--{xform_name(name, '-')}", text]
    return [
        *(["--no-sign-request"] if service == "codecatalyst" else []),  # it takes a token only
        COMMANDS.get(service, service),
        xform_name(chosen.name, "-"),
        *options,
    ]


def _needs(operation: OperationModel) -> tuple[bool, int]:
    shape = operation.input_shape
    return operation.has_streaming_output, len(shape.required_members) if shape else 0


def _filled(shape: Any, name: str = "") -> Any:
    """Return the least value that a shape takes."""
    least: int = max(1, shape.metadata.get("min", 1))
    match shape.type_name:
        case "structure":
            members: dict[str, Shape] = shape.members
            wanted = shape.required_members or (list(members)[:1] if shape.is_tagged_union else [])
            return {member: _filled(members[member], member) for member in wanted}
        case "list":
            return [_filled(shape.member, name)] * least
        case "map":
            return {}
        case "string":
            return ARN if name.endswith("ARN") else (shape.enum or ["x" * least])[0]
        case "timestamp":
            return "2026-01-01T00:00:00Z"
        case "boolean":
            return True
    return least


@pytest.mark.parametrize(
    "arguments",
    [
        ["sqs", "create-queue", "--queue-name", "x"],
        ["stepfunctions", "start-sync-execution", "--state-machine-arn", "arn:aws:states:x"],
        ["stepfunctions", "test-state", "--definition", "{}", "--role-arn", "arn:aws:iam::1:x"],
        ["s3control", "list-access-points", "--account-id", "000000000000"],
        ["s3", "ls", "s3://bucket"],
        ["logs", "tail", "group"],
    ],
)
def test_no_host_prefix_and_no_old_address(
    environment: None, recorder: Recorder, arguments: list[str]
) -> None:
    said = run(recorder.url, *arguments)
    assert set(recorder.hosts) == {recorder.url.removeprefix("http://")}, said


@pytest.mark.parametrize("form", ["--endpoint-url={}", "--endpoint-url {}"])
def test_an_endpoint_that_the_user_names_is_taken(
    environment: None, recorder: Recorder, form: str
) -> None:
    run("http://localhost:9", "sqs", "list-queues", *form.format(recorder.url).split())
    assert recorder.hosts == [recorder.url.removeprefix("http://")]
