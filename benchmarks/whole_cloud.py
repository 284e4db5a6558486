"""The whole cloud as a user meets it: warm start, memory, one analysis, a ping."""

from __future__ import annotations

import asyncio
import contextlib
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

from benchmarks import commands, console
from benchmarks.figures import say
from benchmarks.round_trip import measure
from local_cloud.analysis import Analysis
from local_cloud.client import Message, aws_client, demo_login, log_in
from local_cloud.health import look
from local_cloud.installation import PROJECT, Home, Ports, State
from local_cloud.port_check import free_ports

ANALYSES = 5


def run(wanted: set[str]) -> None:
    """Start a cloud of its own on free ports, measure what is wanted, stop it."""
    began = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder, cloud(Home(Path(folder))) as ports:
        if "start" in wanted:
            up = time.perf_counter() - began
            asyncio.run(_until(ports, "accepted"))
            accepted = time.perf_counter() - began
            say("start", up_seconds=round(up, 2), up_to_accepted_seconds=round(accepted, 2))
        if "analysis" in wanted:
            _analyses(ports)
            _memory(Home(Path(folder)))
        if "ping" in wanted:
            _lift_throttling(ports)
            token = log_in(demo_login(ports), ports)
            url = f"{ports.websocket_url}?token={quote(token)}"
            asyncio.run(measure("ping", url, '{"action": "ping"}'))
        if "commands" in wanted:
            commands.run(Home(Path(folder)), ports)
        if "console" in wanted:
            console.measure(ports)


@contextlib.contextmanager
def cloud(home: Home, *options: str) -> Iterator[Ports]:
    """Run a cloud of its own on free ports.

    Args:
        options: of ``up``.
    """
    ports = free_ports()
    environment = {
        **os.environ,
        "LOCAL_CLOUD_HOME": str(home.path),
        **ports.as_environment(),
    }

    def command(*words: str) -> None:
        subprocess.run(
            [sys.executable, "-m", "local_cloud", *words],
            env=environment,
            cwd=PROJECT,
            check=True,
            stdout=subprocess.DEVNULL,
        )

    command("up", "-d", *options)
    try:
        yield ports
    finally:
        command("down")


async def _until(ports: Ports, wanted: str) -> tuple[Analysis, list[Message]]:
    analysis = Analysis(
        ports.websocket_url,
        lambda: log_in(demo_login(ports), ports),
        {"question": "What did the training programme do to 1978 earnings?", "dataset": "nsw"},
    )
    seen: list[Message] = []
    async for message in analysis.messages():
        seen.append(message)
        if message["type"] == "prompt":
            await analysis.reply(message, "randomised")
        if message["type"] == wanted:
            break
    return analysis, seen


def _lift_throttling(ports: Ports) -> None:
    """Let through more than the template's stage does, which would answer 429 otherwise."""
    client = aws_client("apigatewayv2", ports)
    (api,) = client.get_apis()["Items"]
    for stage in client.get_stages(ApiId=api["ApiId"])["Items"]:
        client.update_stage(
            ApiId=api["ApiId"],
            StageName=stage["StageName"],
            DefaultRouteSettings={"ThrottlingBurstLimit": 5000, "ThrottlingRateLimit": 10_000.0},
        )


def analyse_once(ports: Ports) -> float:
    """Run one analysis; return its seconds."""
    seconds, _ = _analysed(ports)
    return seconds


def _analysed(ports: Ports) -> tuple[float, int]:
    analysis, seen = asyncio.run(_until(ports, "finished"))
    if seen[-1].get("status") != "SUCCEEDED":
        sys.exit(f"the analysis did not succeed: {seen[-1]}")
    seconds = time.monotonic() - analysis.started
    return seconds, sum(message["type"] == "tool.finished" for message in seen)


def _analyses(ports: Ports) -> None:
    seconds = []
    for _ in range(ANALYSES):
        took, calls = _analysed(ports)
        seconds.append(took)
    say(
        "analysis",
        tool_calls=calls,
        runs=ANALYSES,
        first_seconds=round(seconds[0], 2),
        median_seconds=round(statistics.median(seconds), 2),
        max_seconds=round(max(seconds), 2),
    )


def _memory(home: Home) -> None:
    state = State.read(home)
    assert state is not None
    report = look(state, home)
    parts = {name: round(part["memory_mb"]) for name, part in report["parts"].items()}
    say("memory", resident_mb=round(report["memory_mb"]), **parts)
