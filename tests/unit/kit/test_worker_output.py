"""Each line that a worker prints is told while the invocation runs that printed it."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any

import pytest
import uvloop

from local_cloud.lambda_endpoint.worker_output import LONGEST_LINE, WorkerOutput


@dataclass
class Worker:
    """What it has printed, and the answers of it that nobody has heard."""

    answers: list[Callable[[], None]] = field(default_factory=list)
    said: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.output = WorkerOutput(self.said.append, self._hear)

    def _hear(self) -> bool:
        if self.answers:
            self.answers.pop(0)()
            return True
        return False

    def prints(self, text: str) -> None:
        os.write(self.output.write_end, text.encode())

    def begins(self, request_id: str) -> None:
        self.said.append(f"START {request_id}")
        self.output.begin(request_id)

    def ends(self, request_id: str, *, then: str) -> None:
        """Take an answer that says that output waits, and go on with the next invocation."""
        self.output.read_to_end()
        self.said.append(f"END {request_id}")
        self.begins(then)

    def close(self) -> list[str]:
        self.output.launched()
        self.output.close()
        return self.said


def told(work: Callable[[Worker], None]) -> list[str]:
    async def run() -> list[str]:
        worker = Worker()
        worker.begins("one")
        work(worker)
        return worker.close()

    return asyncio.run(run())


def test_what_two_invocations_have_printed_is_parted_at_the_mark() -> None:
    def work(worker: Worker) -> None:
        worker.prints("a\nb\n\0one\nc\nd")
        worker.ends("one", then="two")
        worker.prints("e\n")
        worker.output.read()

    assert told(work) == ["START one", "a", "b", "END one", "START two", "c", "de"]


@pytest.mark.parametrize(
    ("read", "unread"),
    [([], "a\n\0one\nb\n\0two\nc\n"), (["a\n\0one\n", "b\n\0two\nc\n"], "")],
    ids=["at once", "before an answer"],
)
def test_of_three_each_has_its_own_whenever_it_is_read(read: list[str], unread: str) -> None:
    def work(worker: Worker) -> None:
        for text in read:
            worker.prints(text)
            worker.output.read()
        worker.prints(unread)
        worker.ends("one", then="two")
        worker.ends("two", then="three")

    assert told(work) == [
        *("START one", "a", "END one", "START two", "b", "END two", "START three", "c")
    ]


def test_a_mark_that_was_read_before_the_answer_is_not_waited_for() -> None:
    def work(worker: Worker) -> None:
        worker.prints("a\n\0one\n")
        worker.output.read()
        worker.prints("b\n")  # by the next one, before the answer is heard
        worker.ends("one", then="two")
        worker.output.read()

    assert told(work) == ["START one", "a", "END one", "START two", "b"]


def test_what_is_printed_while_nothing_runs_is_told_at_once() -> None:
    def work(worker: Worker) -> None:
        worker.prints("a\n\0one\nb\n")
        worker.output.read()
        worker.said.append("END one")
        worker.output.idle()
        worker.prints("c\n")
        worker.output.read()

    assert told(work) == ["START one", "a", "END one", "b", "c"]


def test_an_answer_is_heard_before_what_was_printed_after_it() -> None:
    def work(worker: Worker) -> None:
        def answer() -> None:  # all that it had printed was read by then
            worker.said.append("END one")
            worker.begins("two")

        worker.prints("a\n")
        worker.output.read()
        worker.answers.append(answer)
        worker.prints("b\n")
        worker.output.read()

    assert told(work) == ["START one", "a", "END one", "START two", "b"]


def test_a_zero_byte_that_is_no_mark_is_a_functions_own() -> None:
    def work(worker: Worker) -> None:
        worker.prints("a\0two\nb\n")
        worker.output.read()

    assert told(work) == ["START one", "a\0two", "b"]


def test_the_beginning_of_a_line_is_taken_for_one_at_the_end() -> None:
    def work(worker: Worker) -> None:
        worker.prints("a\nhalf")
        worker.output.read()
        worker.said.append(worker.output.take_partial())
        assert not worker.output.take_partial()

    assert told(work) == ["START one", "a", "half"]


@pytest.mark.parametrize("run", [asyncio.run, uvloop.run])
def test_output_that_is_closed_is_not_looked_at_again(
    run: Callable[[Coroutine[Any, Any, None]], None],
) -> None:
    async def work() -> None:
        worker = Worker()
        read, looked, closed = worker.output.read_once, 0, asyncio.Event()

        def look() -> bool:
            nonlocal looked
            looked += 1
            any_there = read()
            if not any_there:
                closed.set()
            return any_there

        worker.output.read_once = look  # type: ignore[method-assign]
        worker.prints("last\n")
        worker.output.launched()
        await asyncio.wait_for(closed.wait(), 10)
        for _ in range(10):
            await asyncio.sleep(0)  # in which it would be looked at again, each time
        assert (worker.said, looked) == (["last"], 2)
        worker.output.close()

    run(work())


def test_a_line_without_an_end_is_told_in_pieces() -> None:
    async def run() -> list[str]:
        worker = Worker()
        for _ in range(3 * LONGEST_LINE // 32_768):
            worker.prints("x" * 32_768)
            worker.output.read()
        worker.prints("y\nz\n")
        worker.output.read()
        return worker.close()

    said = asyncio.run(run())
    assert "".join(said[:-1]) == "x" * (len("".join(said[:-1])) - 1) + "y"
    assert [len(line) for line in said[:2]] == [LONGEST_LINE] * 2
    assert said[-1] == "z"


def test_others_have_their_turn_while_a_worker_prints_without_end() -> None:
    lines = 2000

    async def run() -> int:
        worker = Worker()
        begun, done = asyncio.Event(), asyncio.Event()

        def print_again(line: str) -> None:
            worker.said.append(line)
            begun.set()
            if len(worker.said) < lines:
                worker.prints("again\n")
            else:
                done.set()

        worker.output.say = print_again
        worker.prints("first\n")
        await asyncio.wait_for(begun.wait(), 60)
        told_so_far = len(worker.said)
        await asyncio.wait_for(done.wait(), 60)
        worker.close()
        return told_so_far

    assert asyncio.run(run()) < lines
