"""Of whatever runs aside, somebody hears the end."""

from __future__ import annotations

import ast
import asyncio
import logging
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from local_aws import background
from local_aws.background import keep_running, start_task, start_thread

ROOT = Path(__file__).parents[3]
PACKAGES = ("local_aws", "local_cloud", "websocket-gateway/websocket_gateway")
#: What begins a task or a thread.
BEGIN = {
    *("create_task", "ensure_future", "run_in_executor", "Task"),
    *("Thread", "Timer", "start_new_thread", "start_worker_thread"),
}
#: Where that is not by the helper, how often, and who hears of the end.
OTHERS = {
    "local_aws/background.py": (2, "the helper"),
    "local_aws/http1.py": (1, "of each request; it catches all and answers"),
    "websocket-gateway/websocket_gateway/server.py": (1, "of each message; it catches all"),
    "local_cloud/engine/http_port/server.py": (1, "of each connection; it catches all"),
    "local_cloud/engine/stacks/provider.py": (1, "LocalStack's; it catches all"),
    "local_cloud/supervisor.py": (8, "awaited where they are begun"),
    "local_cloud/chaos/runs.py": (1, "awaited by who has caused the fault"),
    "local_cloud/chaos/writer.py": (1, "joined by its own context"),
    "local_cloud/lifeline.py": (1, "before anything else is imported"),
}


def begun(tree: ast.AST) -> Iterator[ast.Call]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            function = node.func
            name = getattr(function, "attr", None) or getattr(function, "id", None)
            of = getattr(getattr(function, "value", None), "id", None)
            if name in BEGIN and of != "group":  # asyncio's group hears of the end of its tasks
                yield node


def test_all_that_runs_aside_is_begun_by_the_helper() -> None:
    found = Counter[str]()
    for package in PACKAGES:
        for path in (ROOT / package).rglob("*.py"):
            place = path.relative_to(ROOT).as_posix()
            if count := len(list(begun(ast.parse(path.read_text())))):
                found[place] = count
    assert dict(found) == {place: count for place, (count, _) in OTHERS.items()}, (
        "begin it with local_aws.background, which has somebody hear of its end"
    )


def test_a_task_that_fails_is_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    async def fail() -> None:
        raise ValueError("no good")

    async def work() -> None:
        await asyncio.wait([start_task(fail(), "the work")])

    asyncio.run(work())
    assert "the work has failed" in caplog.text
    assert "no good" in caplog.text


def test_what_is_to_run_for_ever_begins_again(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(background, "AGAIN_SECONDS", 0.0)
    begins: list[int] = []

    async def fail_twice() -> None:
        begins.append(len(begins))
        if len(begins) < 3:
            raise ValueError("no good")

    async def work() -> None:
        await keep_running(fail_twice, "the work")

    asyncio.run(work())
    assert len(begins) == 3
    assert caplog.text.count("the work has failed, and begins again") == 2


def test_a_thread_that_fails_is_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    def fail(words: str) -> None:
        raise ValueError(words)

    with caplog.at_level(logging.ERROR):
        start_thread(fail, "the work", "no good").join()
    assert "the work has failed" in caplog.text
    assert "no good" in caplog.text


def test_a_part_ends_that_cannot_live_without_what_has_failed() -> None:
    code = """
import threading
from local_aws.background import start_thread

def fail():
    raise ValueError("no good")

start_thread(fail, "the work", vital=True)
threading.Event().wait()
"""
    ended = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False
    )
    assert ended.returncode == -15
    assert "no good" in ended.stderr
