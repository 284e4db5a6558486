"""What a worker prints is told in the turn of the invocation that printed it, in every order."""

from __future__ import annotations

import asyncio
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from local_cloud.lambda_endpoint.execution_environment import ExecutionEnvironment, Invocation
from local_cloud.lambda_endpoint.functions import Function
from local_cloud.lambda_endpoint.python.wire import Wire


@dataclass
class Process:
    """This one, in the place of a worker's; it ends when it is told to."""

    pid: int = field(default_factory=os.getpid)
    returncode: int | None = None
    ended: asyncio.Event = field(default_factory=asyncio.Event)

    def kill(self) -> None:
        self.ended.set()

    async def wait(self) -> int:
        await self.ended.wait()
        return 0


@dataclass
class Logs:
    """Every line."""

    lines: list[str] = field(default_factory=list)
    awaited: tuple[str, asyncio.Event] | None = None

    def write(self, function: str, group: str, stream: str, line: str) -> None:
        self.lines.append(line)
        if self.awaited is not None and self.awaited[0] == line:
            self.awaited[1].set()


class Played(ExecutionEnvironment):
    """Its worker is played by the test, with the worker's own end of the wire."""

    async def _launch(self, environment: dict[str, str], output: int) -> Any:
        assert self._wire is not None
        self.printing = os.dup(output)
        self.worker = Wire(os.dup(self._wire.theirs), os.dup(output))
        return Process()

    def work(self, *lines: str) -> None:
        """Take an invocation, print, and answer."""
        _, headers = self.worker.next()
        for line in lines:
            os.write(self.printing, f"{line}\n".encode())
        request_id = str(headers["Lambda-Runtime-Aws-Request-Id"])
        self.worker.post_invocation_result(request_id, b"{}", "application/json")


def told(lines: list[str]) -> list[str]:
    """Return the lines without what REPORT says, and with short words for START and END."""
    return [
        f"{line.split()[0]} {line.split()[2]}" if line.startswith(("START", "END")) else line
        for line in lines
        if not line.startswith("REPORT")
    ]


async def started(logs: Logs, folder: Path) -> Played:
    function = Function(
        *("probe", "Probe", "us-east-1", "index.handler", "python3.13", ""),
        *(folder, (), 3, 128, {}, None),
    )
    environment = Played(function, (), logs)  # type: ignore[arg-type]
    await environment.start()
    return environment


@pytest.mark.parametrize("tail", [False, True])
def test_the_lines_of_those_sent_ahead_wait_for_their_turn(tmp_path: Path, *, tail: bool) -> None:
    """One is answered, and before its last lines are looked for, three others have been run."""
    logs = Logs()

    async def play() -> None:
        environment = await started(logs, tmp_path)
        first, second, third, fourth = (
            Invocation(request_id=name, payload=b"{}", wants_tail=tail and name == "1")
            for name in "1234"
        )
        finished = asyncio.Event()

        def go_on() -> None:
            environment.begin(
                second, lambda _: environment.begin(third, then_the_fourth, sent=True)
            )
            assert environment.send_ahead(third)
            assert environment.send_ahead(fourth)
            environment.work("b")
            environment.work("c", "c")
            environment.work("d")
            environment._hear_next()  # the second's answer, as when its output is read

        def then_the_fourth(_: object) -> None:
            environment.begin(fourth, lambda _: finished.set(), sent=True)

        def when_answered(_: object) -> None:
            asyncio.get_running_loop().call_soon(go_on)

        environment.begin(first, when_answered)
        environment.work("a")
        await asyncio.wait_for(finished.wait(), 10)
        await environment.close()

    asyncio.run(play())
    assert told(logs.lines) == [
        *("START 1", "a", "END 1", "START 2", "b", "END 2"),
        *("START 3", "c", "c", "END 3", "START 4", "d", "END 4"),
    ]


def test_what_a_thread_prints_behind_an_answer_is_told_before_the_next_one(tmp_path: Path) -> None:
    logs = Logs()

    async def play() -> None:
        environment = await started(logs, tmp_path)
        environment.begin(Invocation(request_id="1", payload=b"{}"), lambda _: None)
        environment.work("a")
        os.write(environment.printing, b"late\n")
        logs.awaited = ("late", asyncio.Event())
        await logs.awaited[1].wait()
        await environment.close()

    asyncio.run(asyncio.wait_for(play(), 10))
    assert told(logs.lines) == ["START 1", "a", "END 1", "late"]
