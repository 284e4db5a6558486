"""Runs analyses, one part killed or stopped in each, and judges what came of them.

The cloud is one of its own, in a folder that is removed if all went well. Beside the analyses
somebody writes to DynamoDB and S3, and remembers what was answered.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import random
import shutil
import socket
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import psutil

from local_cloud import daemon
from local_cloud.analysis import Analysis, AnalysisLost
from local_cloud.chaos.victims import KILL, PARTS, STOP, Processes, Victims
from local_cloud.chaos.writer import BACK_SECONDS, Writer
from local_cloud.client import Message, demo_login, log_in
from local_cloud.installation import Home, Ports, State
from local_cloud.port_check import free_ports
from local_cloud.processes import command_line, family, wait_gone

#: At which message of an analysis.
PHASES = ("accepted", "progress", "llm.delta", "tool.started", "tool.finished", "prompt")
STOPPED_SECONDS = 5.0
ANALYSIS_SECONDS = 240.0
_QUESTION = {"question": "What did the programme do to 1978 earnings?", "dataset": "nsw"}


@dataclass(frozen=True)
class Fault:
    """What is done, to whom, when."""

    part: str
    action: str
    phase: str


@dataclass
class Run:
    """One analysis with a fault in it."""

    fault: Fault
    seconds: float = 0.0
    writes: int = 0
    #: What should not be.
    wrong: list[str] = field(default_factory=list)


def plan(runs: int, seed: int, mode: str = "embedded") -> list[Fault]:
    """Return the faults of a seed: every part, action and phase as often as any other."""
    everything = [
        Fault(part, action, phase)
        for part, action, phase in itertools.product(PARTS, (KILL, STOP), PHASES)
        # SAM does not replace a function's container that is killed.
        if (mode, part, action) != ("docker", "workers", KILL)
    ]
    chosen: list[Fault] = []
    chance = random.Random(seed)  # noqa: S311 - to be repeated, not to be secret
    while len(chosen) < runs:
        chance.shuffle(everything)
        chosen += everything
    return chosen[:runs]


def run(
    runs: int, seed: int, mode: str, report: Callable[[int, Run], None]
) -> tuple[list[str], Path | None]:
    """Run it.

    Args:
        mode: ``embedded`` or ``docker``.
        report: is told of each run, with its number.

    Returns:
        What was left behind when all had stopped; the folder of its parts' logs, which is kept
        if anything was wrong.

    Raises:
        PartFailed: the cloud does not start.
    """
    home, ports = Home(Path(tempfile.mkdtemp(prefix="chaos-"))), free_ports()
    victims = _victims(mode, home)
    keep = False
    try:
        daemon.start(home, ports, lambda _: None, mode)
        seen = _family(home)
        try:
            with Writer(ports) as writer:
                done = []
                for number, fault in enumerate(plan(runs, seed, mode), 1):
                    done.append(_one(victims, ports, fault, writer))
                    report(number, done[-1])
                    seen |= _family(home)
        finally:
            if (state := State.read(home)) is not None:
                daemon.stop(state, BACK_SECONDS)
        left = _left(home, ports, seen) + victims.left()
        keep = bool(left) or any(run.wrong for run in done)
        return left, home.logs if keep else None
    finally:
        if not keep:
            shutil.rmtree(home.path)


def _victims(mode: str, home: Home) -> Victims:
    if mode == "docker":
        from local_cloud.docker_mode.victims import Containers

        return Containers(home)
    return Processes(home)


def _one(victims: Victims, ports: Ports, fault: Fault, writer: Writer) -> Run:
    made = Run(fault)
    began, before = time.monotonic(), writer.count
    try:
        messages = asyncio.run(_analyse(victims, ports, fault))
        made.wrong += _wrong_messages(messages)
    except (AnalysisLost, TimeoutError) as error:
        made.wrong.append(f"the analysis did not end: {error or type(error).__name__}")
    made.seconds = time.monotonic() - began
    made.wrong += writer.missing()
    made.writes = writer.count - before
    return made


async def _analyse(victims: Victims, ports: Ports, fault: Fault) -> list[Message]:
    analysis = Analysis(
        ports.websocket_url, lambda: log_in(demo_login(ports), ports), dict(_QUESTION)
    )
    seen: list[Message] = []
    pending: Fault | None = fault
    continued: list[asyncio.Task[None]] = []
    try:
        async with asyncio.timeout(ANALYSIS_SECONDS):
            async for message in analysis.messages():
                seen.append(message)
                if pending is not None and message["type"] == pending.phase:
                    continued += _cause(victims, pending)
                    pending = None
                if message["type"] == "prompt":
                    await analysis.reply(message, "randomised")
    finally:
        await asyncio.gather(*continued)
    return seen


def _cause(victims: Victims, fault: Fault) -> list[asyncio.Task[None]]:
    """Kill or stop a part; what is stopped goes on after a while."""
    if fault.action == KILL:
        victims.kill(fault.part)
        return []
    go_on = victims.stop(fault.part)

    async def later() -> None:
        await asyncio.sleep(STOPPED_SECONDS)
        go_on()

    return [asyncio.get_running_loop().create_task(later())]


def _wrong_messages(messages: list[Message]) -> list[str]:
    wrong = []
    last = messages[-1] if messages else {}
    if last.get("type") != "finished" or last.get("status") != "SUCCEEDED":
        wrong.append(f"the analysis ended with {last.get('status') or last.get('code')}")
    numbers = [message["seq"] for message in messages if "seq" in message]
    if numbers != list(range(1, len(numbers) + 1)):
        wrong.append(f"events are missing, doubled or out of order: {numbers}")
    return wrong


def _family(home: Home) -> set[psutil.Process]:
    state = State.read(home)
    return set(family(state.pid)) if state is not None else set()


def _left(home: Home, ports: Ports, seen: set[psutil.Process]) -> list[str]:
    left = [
        f"process {process.pid}: {' '.join(command_line(process)[:6])}"
        for process in wait_gone(seen, 15)
    ]
    for port in asdict(ports).values():
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                left.append(f"port {port} is taken")
    kept = (home.data, home.logs, home.traces, home.signing_key, home.functions)
    expected = {"build.toml", *(path.name for path in kept)}
    left += [f"file {name}" for name in sorted(os.listdir(home.path)) if name not in expected]
    return left


def summed(runs: list[Run]) -> Iterator[dict[str, Any]]:
    """Yield the runs' figures by part and action."""
    for part, action in itertools.product(PARTS, (KILL, STOP)):
        some = [run for run in runs if (run.fault.part, run.fault.action) == (part, action)]
        if some:
            yield {
                "part": part,
                "action": action,
                "runs": len(some),
                "wrong": sum(bool(run.wrong) for run in some),
                "median_seconds": round(sorted(run.seconds for run in some)[len(some) // 2], 1),
                "longest_seconds": round(max(run.seconds for run in some), 1),
                "writes": sum(run.writes for run in some),
            }
