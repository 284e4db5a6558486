"""What it costs to write down what each message causes: the same with and without, in turn."""

from __future__ import annotations

import asyncio
import contextlib
import os
import statistics
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from websockets.asyncio.client import connect

from benchmarks.echo_gateway import echo_gateway
from benchmarks.figures import say
from benchmarks.gateway import MESSAGE
from benchmarks.whole_cloud import analyse_once, cloud
from local_aws.traces import FOLDER_VARIABLE
from local_cloud.installation import Home, State
from local_cloud.memory import resident_mb

ROUNDS, ECHOES, WARM_UP = 10, 500, 200
ANALYSES = 6


def run() -> None:
    """Measure an echo through the gateway and a function, and an analysis of the whole cloud."""
    with tempfile.TemporaryDirectory() as folder:
        _echoes(Path(folder))
        _analyses(Path(folder))


def _echoes(folder: Path) -> None:
    times: dict[bool, list[float]] = {True: [], False: []}
    with contextlib.ExitStack() as stack:
        ports = {}
        for traced in times:
            with _variable(str(folder / "echo") if traced else None):
                ports[traced], _ = stack.enter_context(echo_gateway())
        for _ in range(ROUNDS):
            for traced, port in ports.items():
                times[traced] += asyncio.run(_echo(f"ws://127.0.0.1:{port}"))
    _say("traces.echo", times)


@contextlib.contextmanager
def _variable(folder: str | None) -> Iterator[None]:
    before = os.environ.pop(FOLDER_VARIABLE, None)
    if folder is not None:
        os.environ[FOLDER_VARIABLE] = folder
    try:
        yield
    finally:
        os.environ.pop(FOLDER_VARIABLE, None)
        if before is not None:
            os.environ[FOLDER_VARIABLE] = before


async def _echo(url: str) -> list[float]:
    times = []
    async with connect(url, compression=None, proxy=None) as socket:
        for number in range(WARM_UP + ECHOES):
            began = time.perf_counter()
            await socket.send(MESSAGE)
            await socket.recv()
            if number >= WARM_UP:
                times.append(time.perf_counter() - began)
    return times


def _analyses(folder: Path) -> None:
    times: dict[bool, list[float]] = {True: [], False: []}
    off = ("--no-traces", "--permissions", "off")
    homes = {True: Home(folder / "with"), False: Home(folder / "without")}
    with cloud(homes[True]) as traced, cloud(homes[False], *off) as plain:
        ports = {True: traced, False: plain}
        for number in range(ANALYSES + 1):
            for kind, where in ports.items():
                seconds = analyse_once(where)
                if number:  # the first starts the workers
                    times[kind].append(seconds)
        memory = {kind: _memory(home) for kind, home in homes.items()}
    _say("traces.analysis", times, with_mb=memory[True], without_mb=memory[False])


def _memory(home: Home) -> int:
    state = State.read(home)
    assert state is not None
    return round(sum(resident_mb(pid) for pid in state.parts.values()))


def _say(name: str, times: dict[bool, list[float]], **more: object) -> None:
    traced, plain = (statistics.median(times[kind]) for kind in (True, False))
    say(
        name,
        runs=len(times[True]),
        with_ms=round(traced * 1000, 3),
        without_ms=round(plain * 1000, 3),
        ratio=round(traced / plain, 3),
        **more,
    )
