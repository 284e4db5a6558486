"""Kills and stops the parts of a cloud in the middle of analyses, and looks what is lost.

The cloud is one of its own, in a folder that is removed if all went well. Beside the analyses
somebody writes to DynamoDB and S3, and remembers what was answered.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import os
import random
import shutil
import signal
import socket
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import psutil
from botocore.exceptions import BotoCoreError, ClientError

from local_cloud import daemon
from local_cloud.analysis import Analysis, AnalysisLost
from local_cloud.client import Message, client_at, demo_login, log_in
from local_cloud.installation import Home, Ports, State
from local_cloud.port_check import free_ports

#: What dies, and at which message of an analysis.
PARTS = ("engine", "lambda", "gateway", "console", "workers")
PHASES = ("accepted", "progress", "llm.delta", "tool.started", "tool.finished", "prompt")
KILL, STOP = "SIGKILL", "SIGSTOP"
STOPPED_SECONDS = 5.0
ANALYSIS_SECONDS = 180.0
BACK_SECONDS = 90.0
_QUESTION = {"question": "What did the programme do to 1978 earnings?", "dataset": "nsw"}
_TABLE = _BUCKET = "chaos"
_KEYS = 40


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


def plan(runs: int, seed: int) -> list[Fault]:
    """Return the faults of a seed: every part, action and phase as often as any other."""
    everything = [
        Fault(part, action, phase)
        for part, action, phase in itertools.product(PARTS, (KILL, STOP), PHASES)
    ]
    chosen: list[Fault] = []
    chance = random.Random(seed)  # noqa: S311 - to be repeated, not to be secret
    while len(chosen) < runs:
        chance.shuffle(everything)
        chosen += everything
    return chosen[:runs]


def run(runs: int, seed: int, report: Callable[[int, Run], None]) -> tuple[list[str], Path | None]:
    """Run it.

    Args:
        report: is told of each run, with its number.

    Returns:
        What was left behind when all had stopped; the folder of its parts' logs, which is kept
        if anything was wrong.

    Raises:
        PartFailed: the cloud does not start.
    """
    home, ports = Home(Path(tempfile.mkdtemp(prefix="chaos-"))), free_ports()
    keep = False
    try:
        daemon.start(home, ports, lambda _: None)
        family = _family(home)
        try:
            with Writer(ports) as writer:
                done = []
                for number, fault in enumerate(plan(runs, seed), 1):
                    done.append(_one(home, ports, fault, writer))
                    report(number, done[-1])
                    family |= _family(home)
        finally:
            _stop(home)
        left = _left(home, ports, family)
        keep = bool(left) or any(run.wrong for run in done)
        return left, home.logs if keep else None
    finally:
        if not keep:
            shutil.rmtree(home.path)


def _one(home: Home, ports: Ports, fault: Fault, writer: Writer) -> Run:
    made = Run(fault)
    began, before = time.monotonic(), writer.count
    try:
        messages = asyncio.run(_analyse(home, ports, fault))
        made.wrong += _wrong_messages(messages)
    except (AnalysisLost, TimeoutError) as error:
        made.wrong.append(f"the analysis did not end: {error or type(error).__name__}")
    made.seconds = time.monotonic() - began
    made.wrong += writer.missing()
    made.writes = writer.count - before
    return made


async def _analyse(home: Home, ports: Ports, fault: Fault) -> list[Message]:
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
                    continued += _cause(home, pending)
                    pending = None
                if message["type"] == "prompt":
                    await analysis.reply(message, "randomised")
    finally:
        await asyncio.gather(*continued)
    return seen


def _cause(home: Home, fault: Fault) -> list[asyncio.Task[None]]:
    """Kill or stop a part; what is stopped goes on after a while."""
    state = State.read(home)
    assert state is not None, "the supervisor is gone"
    if fault.part == "workers":
        processes = psutil.Process(state.parts["lambda"]).children(recursive=True)
    else:
        processes = _with_children(state.parts[fault.part])
    number = signal.SIGKILL if fault.action == KILL else signal.SIGSTOP
    _send(processes, number)
    if fault.action == KILL:
        return []

    async def go_on() -> None:
        await asyncio.sleep(STOPPED_SECONDS)
        _send(processes, signal.SIGCONT)

    return [asyncio.get_running_loop().create_task(go_on())]


def _with_children(pid: int) -> list[psutil.Process]:
    with contextlib.suppress(psutil.NoSuchProcess):
        process = psutil.Process(pid)
        return [process, *process.children(recursive=True)]
    return []


def _send(processes: list[psutil.Process], number: signal.Signals) -> None:
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.send_signal(number)


def _wrong_messages(messages: list[Message]) -> list[str]:
    wrong = []
    last = messages[-1] if messages else {}
    if last.get("type") != "finished" or last.get("status") != "SUCCEEDED":
        wrong.append(f"the analysis ended with {last.get('status') or last.get('code')}")
    numbers = [message["seq"] for message in messages if "seq" in message]
    if numbers != list(range(1, len(numbers) + 1)):
        wrong.append(f"events are missing, doubled or out of order: {numbers}")
    return wrong


class Writer:
    """Writes numbers to DynamoDB and S3, one after the other, and remembers what was answered."""

    def __init__(self, ports: Ports) -> None:
        # Nothing is tried again: what was answered, was answered the first time.
        self._dynamodb = client_at("dynamodb", ports.engine_url, attempts=1)
        self._s3 = client_at("s3", ports.engine_url, attempts=1)
        self._answered: dict[str, int] = {}
        self._tried: dict[str, int] = {}
        self._ended = threading.Event()
        self._paused = threading.Lock()
        self.count = 0
        self._dynamodb.create_table(
            TableName=_TABLE,
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
        )
        self._s3.create_bucket(Bucket=_BUCKET)
        self._thread = threading.Thread(target=self._write, name="writer")

    def __enter__(self) -> Writer:
        """Begin."""
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """End."""
        self._ended.set()
        self._thread.join()

    def _write(self) -> None:
        for number in itertools.count(1):
            if self._ended.wait(0.01):
                return
            key = str(number % _KEYS)
            with self._paused:
                self._tried[key] = number
                try:
                    if number % 2:
                        self._dynamodb.put_item(
                            TableName=_TABLE, Item={"id": {"S": key}, "n": {"N": str(number)}}
                        )
                    else:
                        self._s3.put_object(Bucket=_BUCKET, Key=key, Body=str(number).encode())
                except (BotoCoreError, ClientError):
                    continue
                self._answered[key] = number
                self.count += 1

    def missing(self) -> list[str]:
        """Return what was answered and is not there."""
        with self._paused:
            return [
                f"write {number} of {key!r} was answered, and {found} is there"
                for key, number in self._answered.items()
                if not number <= (found := self._read(key)) <= self._tried[key]
            ]

    def _read(self, key: str) -> int:
        until = time.monotonic() + BACK_SECONDS
        while True:
            try:
                if int(key) % 2:
                    item = self._dynamodb.get_item(TableName=_TABLE, Key={"id": {"S": key}})
                    return int(item["Item"]["n"]["N"]) if "Item" in item else 0
                return int(self._s3.get_object(Bucket=_BUCKET, Key=key)["Body"].read())
            except ClientError as error:
                if error.response["Error"]["Code"] in ("NoSuchKey", "ResourceNotFoundException"):
                    return 0
                raise
            except BotoCoreError:
                if time.monotonic() > until:
                    raise
                time.sleep(0.2)  # an engine that is back tells nobody


def _family(home: Home) -> set[psutil.Process]:
    state = State.read(home)
    return set(_with_children(state.pid)) if state is not None else set()


def _stop(home: Home) -> None:
    state = State.read(home)
    if state is not None:
        process = psutil.Process(state.pid)
        process.terminate()
        process.wait(BACK_SECONDS)


def _left(home: Home, ports: Ports, family: set[psutil.Process]) -> list[str]:
    _, alive = psutil.wait_procs(list(family), timeout=15)
    left = [f"process {process.pid}: {' '.join(process.cmdline()[:6])}" for process in alive]
    for port in asdict(ports).values():
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                left.append(f"port {port} is taken")
    expected = {"data", "logs", home.signing_key.name}
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
