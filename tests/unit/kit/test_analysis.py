"""A client that meets a cloud in trouble: which refusals pass, and how long they are waited for."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from http import HTTPStatus

import pytest
from typer.testing import CliRunner
from websockets.asyncio.server import ServerConnection, serve
from websockets.http11 import Request, Response

from local_cloud import analysis as module
from local_cloud.analysis import Analysis, AnalysisLost
from local_cloud.cli import app
from local_cloud.client import Message

FIELDS = {"question": "Why?", "dataset": "nsw"}


@asynccontextmanager
async def gateway(*statuses: int) -> AsyncIterator[str]:
    """Serve upgrades: each of these answers once, then an agent that finishes at once."""
    waiting = list(statuses)

    def refuse(socket: ServerConnection, request: Request) -> Response | None:
        return socket.respond(HTTPStatus(waiting.pop(0)), "") if waiting else None

    async def agent(socket: ServerConnection) -> None:
        async for text in socket:
            if json.loads(text)["action"] == "analyze":
                done = {"type": "finished", "analysisId": "a", "seq": 1, "status": "SUCCEEDED"}
                await socket.send(json.dumps(done))

    async with serve(agent, "127.0.0.1", 0, process_request=refuse) as server:
        yield f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}"


def seen(*statuses: int) -> list[Message]:
    async def work() -> list[Message]:
        async with gateway(*statuses) as url:
            return [message async for message in Analysis(url, lambda: "token", FIELDS).messages()]

    return asyncio.run(work())


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "RETRY_SECONDS", 0.01)
    monkeypatch.setattr(module, "REFUSED_SECONDS", 0.2)


@pytest.mark.parametrize("status", [500, 502, 503, 429])
def test_a_refusal_of_a_part_that_restarts_passes(status: int) -> None:
    assert [m["type"] for m in seen(status, status, status)] == ["finished"]


def test_a_refusal_for_good_is_not_tried_for_ever() -> None:
    with pytest.raises(AnalysisLost, match="refused"):
        seen(*[401] * 1000)


def test_a_gateway_that_never_comes_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "RECONNECT_SECONDS", 0.2)

    async def work() -> None:
        async for _ in Analysis("ws://127.0.0.1:9", lambda: "token", FIELDS).messages():
            pass

    with pytest.raises(AnalysisLost, match="did not come back"):
        asyncio.run(work())


@pytest.mark.parametrize(
    ("arguments", "environment", "status", "code"),
    [
        (["--dataset", "mine"], {}, 2, "NoQuestion"),
        ([], {"ENGINE_PORT": "http"}, 2, "InvalidSetting"),
    ],
)
def test_a_demo_that_cannot_run_prints_its_one_object(
    arguments: list[str],
    environment: dict[str, str],
    status: int,
    code: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    home = {"LOCAL_CLOUD_HOME": str(tmp_path_factory.mktemp("home"))}
    done = CliRunner().invoke(app, ["demo", "--json", *arguments], env={**home, **environment})
    assert done.exit_code == status
    (line,) = done.stdout.splitlines()
    answer = json.loads(line)
    assert (answer["status"], answer["code"]) == ("FAILED", code)
    assert answer["summary"]
    assert "./local-cloud" in answer["remedy"]
