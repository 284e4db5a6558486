"""The console's server: who is answered, and with what."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.responses import Response
from starlette.testclient import TestClient
from starlette.types import Receive, Scope, Send

from local_cloud.console.app import ASSETS, Endpoints, create_app
from local_cloud.console.security import SecurityHeaders

NOWHERE = "http://127.0.0.1:9"
WEB = ASSETS.with_name("web")


@pytest.fixture
def console(tmp_path: Path) -> Iterator[TestClient]:
    endpoints = Endpoints(NOWHERE, NOWHERE, NOWHERE, "ws://localhost:8080")
    app = create_app(endpoints, ["localhost"], tmp_path)
    with TestClient(app, base_url="http://localhost") as client:
        yield client


def test_the_built_pages_are_those_of_the_sources() -> None:
    files = [
        *(p for folder in ("src", "public") for p in (WEB / folder).rglob("*") if p.is_file()),
        *(
            WEB / name
            for name in ("index.html", "package.json", "vite.config.ts", "vite.report.config.ts")
        ),
    ]
    digest = hashlib.sha256()
    for path in sorted(files, key=lambda p: p.relative_to(WEB).as_posix()):
        digest.update(path.relative_to(WEB).as_posix().encode() + path.read_bytes())
    built = (ASSETS / "sources.sha256").read_text().strip()
    assert built == digest.hexdigest(), f"build again: cd {WEB} && npm ci && npm run build"


def test_a_page_may_load_the_consoles_own_files_only(console: TestClient) -> None:
    policy = console.get("/").headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "script-src 'self';" in policy
    assert "connect-src 'self' ws://localhost:8080" in policy
    assert "frame-ancestors 'none'" in policy


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"X-Console": "1", "Origin": "http://evil.example"}, 403),
        ({"X-Console": "1", "Sec-Fetch-Site": "cross-site"}, 403),
        ({}, 403),
        ({"X-Console": "1", "Host": "evil.example"}, 403),
    ],
)
def test_another_site_starts_nothing(
    console: TestClient, headers: dict[str, str], status: int
) -> None:
    answer = console.post("/api/aws/stepfunctions/start_execution", headers=headers, json={})
    assert answer.status_code == status


@pytest.mark.parametrize(
    ("path", "status", "words"),
    [
        ("/api/aws/iam/create_user", 404, "does not call"),
        ("/api/aws/dynamodb/delete_table", 404, "does not call"),
        ("/api/aws/dynamodb/_make_api_call", 404, "does not call"),
        ("/api/aws/dynamodb/list_tables", 503, "does not answer"),
    ],
)
def test_only_listed_calls_are_made(
    console: TestClient, path: str, status: int, words: str
) -> None:
    answer = console.post(path, headers={"X-Console": "1"}, json={})
    assert (answer.status_code, words in answer.json()["error"]) == (status, True)


@pytest.mark.parametrize("body", [b"{", b"[]"])
def test_arguments_that_are_no_object_are_refused(console: TestClient, body: bytes) -> None:
    path = "/api/aws/dynamodb/list_tables"
    answer = console.post(path, headers={"X-Console": "1"}, content=body)
    assert answer.status_code == 400


@pytest.mark.parametrize("name", ["", "../x", "a b", "x" * 65])
def test_a_dataset_has_a_plain_name(console: TestClient, name: str) -> None:
    answer = console.post(
        "/api/datasets", params={"name": name}, headers={"X-Console": "1"}, content=b"a,b"
    )
    assert answer.status_code == 400


def test_saved_inputs_are_files(console: TestClient, tmp_path: Path) -> None:
    folder = tmp_path / "state-machines" / "orders"
    folder.mkdir(parents=True)
    (folder / "large.json").write_text('{"items": [1]}')
    (folder / "broken.json").write_text("{")
    answer = console.get("/api/inputs/state-machines/orders").json()
    assert answer["inputs"] == {"large": {"items": [1]}}
    assert "broken.json" in answer["problems"][0]
    assert console.get("/api/inputs/functions/none").json() == {"inputs": {}, "problems": []}
    assert console.get("/api/inputs/secrets/orders").status_code == 404
    assert console.get("/api/inputs/functions/%2e%2e").status_code == 404


def test_a_gateway_that_does_not_answer_is_named(console: TestClient) -> None:
    for page in ("connections", "messages?after=3"):
        answer = console.get(f"/api/{page}")
        assert answer.status_code == 503
        assert NOWHERE in answer.json()["error"]


def test_a_header_that_would_be_two_is_not_sent() -> None:
    async def answers(scope: Scope, receive: Receive, send: Send) -> None:
        await Response(headers={"X-A": "1\r\nX-Forged: 1"})(scope, receive, send)

    client = TestClient(SecurityHeaders(answers, "ws://localhost"), raise_server_exceptions=False)
    answer = client.get("/")
    assert answer.status_code == 500
    assert "x-forged" not in answer.headers
