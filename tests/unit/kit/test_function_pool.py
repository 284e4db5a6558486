"""A function's workers, with a fake clock and workers that are no processes."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from local_cloud.lambda_endpoint.capacity import (
    ACCOUNT,
    CONCURRENT_EXECUTIONS,
    PAUSE_SECONDS,
    RESERVED,
    Capacity,
    TooManyRequests,
)
from local_cloud.lambda_endpoint.execution_environment import Invocation, Outcome
from local_cloud.lambda_endpoint.function_pool import IDLE_SECONDS, FunctionPool
from local_cloud.lambda_endpoint.functions import Function
from local_cloud.lambda_endpoint.packages import InstallError
from local_cloud.lambda_endpoint.server import LambdaEndpoint, Settings
from tests.integration.processes import write
from tests.unit.virtual_time import now, run

START_SECONDS, WORK_SECONDS = 2.0, 1.0


@dataclass(eq=False)
class Worker:
    """Answers with the code that it found when it started.

    It reads what it was sent ahead when it has answered, unless that was taken back before.
    """

    function: Function
    fails: Outcome | None = None
    alive: bool = True
    idle_since: float = 0.0
    init_seconds: float = START_SECONDS
    code: str = ""
    answered: int = 0
    ahead: list[str] = field(default_factory=list)
    #: What it has run, or begun to run.
    ran: list[str] = field(default_factory=list)
    work_seconds: float = WORK_SECONDS
    #: Whether it has not read yet what it is to run: nothing behind that can be taken back.
    unread: bool = False
    done: Callable[[Outcome], None] = lambda outcome: None

    def __post_init__(self) -> None:
        self.exited: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    async def start(self) -> None:
        self.code = (self.function.code / "index.py").read_text()

    async def wait_ready(self) -> Outcome | None:
        await asyncio.sleep(START_SECONDS)
        return self.fails

    def begin(
        self, invocation: Invocation, done: Callable[[Outcome], None], *, sent: bool = False
    ) -> None:
        self.done = done
        if not sent:
            self._run(invocation.request_id)

    def _run(self, request_id: str) -> None:
        self.ran.append(request_id)
        asyncio.get_running_loop().call_later(self.work_seconds, self._end)

    def _end(self) -> None:
        if not self.alive:
            return
        self.answered += 1
        if self.ahead:
            self._run(self.ahead.pop(0))
        self.done(Outcome(self.code.encode()))

    def send_ahead(self, invocation: Invocation) -> bool:
        self.ahead.append(invocation.request_id)
        return True

    def take_back(self) -> str | None:
        return self.ahead.pop(0) if self.ahead and not self.unread else None

    def die(self, *, unread: bool = False) -> None:
        """End in the middle of what it does, or before it has read that."""
        self.stop()
        if unread:
            self.ahead.insert(0, self.ran.pop())
        self.done(Outcome(b"it died", "Unhandled"))

    def stop(self) -> None:
        self.alive = False
        if not self.exited.done():
            self.exited.set_result(0)

    async def close(self) -> None:
        self.stop()


@dataclass
class Bench:
    """A pool, its function's folder, and every worker that it has made."""

    folder: Path
    capacity: Capacity = field(default_factory=lambda: Capacity(workers=100))
    reserved: int | None = None
    failures: list[Outcome] = field(default_factory=list)
    workers: list[Worker] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.edit("one")
        self.function = Function(
            *("f", "F", "us-east-1", "index.handler", "python3.13", "", self.folder, ()),
            timeout=3,
            memory=128,
            environment={},
            reserved_concurrency=self.reserved,
            configured_at=1,
        )

    def edit(self, code: str) -> None:
        (self.folder / "index.py").write_text(code)

    def pool(self) -> FunctionPool:
        return FunctionPool(self.function, self.folder, self.folder, self._make, self.capacity)

    def _make(self, function: Function, packages: Sequence[Path]) -> Any:
        worker = Worker(function, self.failures.pop(0) if self.failures else None)
        self.workers.append(worker)
        return worker

    @property
    def alive(self) -> list[Worker]:
        return [worker for worker in self.workers if worker.alive]


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


NUMBERS = itertools.count()


def invocation() -> Invocation:
    return Invocation(f"id {next(NUMBERS)}", b"{}")


async def said(pool: FunctionPool) -> str:
    return (await pool.submit(invocation())).payload.decode()


def submit(pool: FunctionPool, names: str) -> list[asyncio.Future[Outcome]]:
    return [pool.submit(Invocation(name, b"{}")) for name in names]


def test_of_more_invocations_at_once_than_are_reserved_the_rest_is_refused(tmp_path: Path) -> None:
    bench = Bench(tmp_path, reserved=1)

    async def work() -> list[Any]:
        pool = bench.pool()
        results = await asyncio.gather(*(said(pool) for _ in range(5)), return_exceptions=True)
        return [*results, await said(pool)]

    results = run(work())
    assert [r for r in results if isinstance(r, str)] == ["one", "one"]
    assert [type(r) for r in results[1:5]] == [TooManyRequests] * 4
    assert {r.reason for r in results[1:5]} == {RESERVED}
    assert len(bench.workers) == 1


def test_a_reserved_concurrency_of_none_at_all_refuses_everything(tmp_path: Path) -> None:
    bench = Bench(tmp_path, reserved=0)

    async def work() -> None:
        with pytest.raises(TooManyRequests):
            await said(bench.pool())

    run(work())


def test_a_caller_that_goes_away_frees_its_place_when_the_function_is_done(tmp_path: Path) -> None:
    bench = Bench(tmp_path, reserved=1)

    async def work() -> str:
        pool = bench.pool()
        caller = asyncio.create_task(said(pool))
        await asyncio.sleep(START_SECONDS + WORK_SECONDS / 2)
        caller.cancel()
        await asyncio.sleep(0)
        with pytest.raises(TooManyRequests):
            await said(pool)
        await asyncio.sleep(WORK_SECONDS)
        return await said(pool)

    assert run(work()) == "one"


def test_a_worker_that_was_starting_when_the_code_changed_serves_nothing(bench: Bench) -> None:
    async def work() -> list[str]:
        pool = bench.pool()
        first = asyncio.create_task(said(pool))
        await asyncio.sleep(START_SECONDS / 2)
        bench.edit("two, longer")
        return [await first, await said(pool)]

    assert run(work()) == ["two, longer", "two, longer"]
    assert [worker.code for worker in bench.alive] == ["two, longer"]


def test_a_start_that_failed_while_the_code_changed_is_tried_with_the_new_code(
    bench: Bench,
) -> None:
    bench.failures.append(Outcome(b"broken", "Unhandled"))

    async def work() -> str:
        pool = bench.pool()
        first = asyncio.create_task(said(pool))
        await asyncio.sleep(START_SECONDS / 2)
        bench.edit("mended, and longer")
        return await first

    assert run(work()) == "mended, and longer"


def test_a_function_that_changes_its_own_folder_at_each_start_is_served(bench: Bench) -> None:
    async def work() -> str:
        pool = bench.pool()
        make = pool.make

        def make_and_write(function: Function, packages: Sequence[Path]) -> Any:
            bench.edit("x" * (len(bench.workers) + 1))
            worker: Any = make(function, packages)
            start = worker.start

            async def start_and_write() -> None:
                await start()
                bench.edit("y" * (len(bench.workers) + 10))

            worker.start = start_and_write
            return worker

        pool.make = make_and_write
        return await said(pool)

    assert run(work())
    assert len(bench.workers) < 6


def test_a_pool_that_is_replaced_serves_those_who_wait_and_keeps_no_worker(bench: Bench) -> None:
    async def work() -> list[str]:
        pool = bench.pool()
        waiting = asyncio.create_task(said(pool))
        await asyncio.sleep(START_SECONDS / 2)
        pool.retire()
        answers = [await waiting]
        await asyncio.sleep(START_SECONDS + 1)
        return answers

    assert run(work()) == ["one"]
    assert bench.alive == []


def test_a_pool_that_is_replaced_while_a_worker_warms_up_keeps_none(bench: Bench) -> None:
    async def work() -> None:
        pool = bench.pool()
        pool.warm_up()
        await asyncio.sleep(START_SECONDS / 2)
        pool.retire()
        await asyncio.sleep(START_SECONDS)

    run(work())
    assert len(bench.workers) == 1
    assert bench.alive == []


def test_a_busy_worker_ends_its_work_before_it_is_replaced(bench: Bench) -> None:
    async def work() -> list[str]:
        pool = bench.pool()
        busy = asyncio.create_task(said(pool))
        await asyncio.sleep(START_SECONDS + WORK_SECONDS / 2)
        bench.edit("two, longer")
        await asyncio.sleep(0.01)  # the loop is told of it, as of an edit by somebody else
        return [await said(pool), await busy]

    assert run(work()) == ["two, longer", "one"]
    assert [worker.code for worker in bench.alive] == ["two, longer"]


def test_a_comment_in_the_template_makes_no_other_function(bench: Bench) -> None:
    assert replace(bench.function, configured_at=2) == bench.function
    assert replace(bench.function, timeout=4) != bench.function


def test_a_burst_shares_workers_and_scales_out_as_fast_as_a_start_takes(bench: Bench) -> None:
    async def work() -> float:
        pool = bench.pool()
        await said(pool)
        began = now()
        await asyncio.gather(*(said(pool) for _ in range(8)))
        return now() - began

    # One after the other they would take 8 seconds.
    assert run(work()) <= START_SECONDS * 2 + WORK_SECONDS * 2
    assert 1 < len(bench.workers) <= 8


def test_idle_workers_are_stopped_but_for_those_that_are_kept(bench: Bench) -> None:
    async def work() -> None:
        pool = bench.pool()
        await asyncio.gather(*(said(pool) for _ in range(4)))
        pool.reap(keep=1)
        before = len(bench.alive)
        await asyncio.sleep(IDLE_SECONDS + 1)
        pool.reap(keep=1)
        assert (before > 1, len(bench.alive)) == (True, 1)
        pool.reap(keep=0)
        assert bench.alive == []

    run(work())


def test_a_worker_that_died_is_replaced(bench: Bench) -> None:
    async def work() -> str:
        pool = bench.pool()
        await said(pool)
        bench.workers[0].alive = False
        return await said(pool)

    assert run(work()) == "one"
    assert len(bench.workers) == 2


def test_a_failed_start_is_told_to_the_one_who_waits_and_the_next_one_is_tried(
    bench: Bench,
) -> None:
    bench.failures.append(Outcome(b"broken", "Unhandled"))

    async def work() -> list[str]:
        pool = bench.pool()
        return [await said(pool), await said(pool)]

    assert run(work()) == ["broken", "one"]


def test_closing_stops_every_worker(bench: Bench) -> None:
    async def work() -> None:
        pool = bench.pool()
        await said(pool)
        await pool.close()

    run(work())
    assert bench.alive == []


def test_a_worker_that_is_sent_more_ahead_runs_each_once_and_in_order(bench: Bench) -> None:
    async def work() -> list[str]:
        pool = bench.pool()
        await said(pool)
        bench.workers[0].work_seconds = 0.01
        answers = submit(pool, "abcdefghij")
        await asyncio.sleep(0.015)
        ahead = list(bench.workers[0].ahead)
        await asyncio.gather(*answers)
        return ahead

    assert run(work()) == list("cdef")
    assert [worker.ran[1:] for worker in bench.workers] == [list("abcdefghij")]


def test_what_lies_ahead_at_a_slow_worker_is_run_by_others(bench: Bench) -> None:
    async def work() -> list[bool]:
        pool = bench.pool()
        await said(pool)
        answers = submit(pool, "abcdefgh")
        bench.workers[0].work_seconds = 1000.0  # of what comes behind the first
        await asyncio.sleep(WORK_SECONDS + 0.01)
        assert bench.workers[0].ahead == list("cdef")
        await asyncio.sleep(2 * START_SECONDS + 8 * WORK_SECONDS)
        return [answer.done() for answer in answers]

    assert run(work()) == [letter != "b" for letter in "abcdefgh"]
    ran = [name for worker in bench.workers for name in worker.ran if len(name) == 1]
    assert sorted(ran) == list("abcdefgh")


def test_a_free_worker_runs_what_could_not_be_taken_back_at_once(bench: Bench) -> None:
    async def work() -> list[bool]:
        pool = bench.pool()
        await said(pool)
        answers = submit(pool, "abc")
        bench.workers[0].work_seconds = 1000.0  # of what comes behind the first
        bench.workers[0].unread = True
        await asyncio.sleep(WORK_SECONDS + 2 * START_SECONDS)
        assert bench.workers[0].ahead == ["c"]
        assert len(bench.workers) > 1
        bench.workers[0].unread = False
        await asyncio.sleep(2 * WORK_SECONDS)
        return [answer.done() for answer in answers]

    assert run(work()) == [True, False, True]


@pytest.mark.parametrize(("unread", "ran"), [(False, ["a", "b"]), (True, ["a"])])
def test_what_lay_ahead_at_a_worker_that_died_is_run_by_another(
    bench: Bench, unread: bool, ran: list[str]
) -> None:
    async def work() -> list[str]:
        pool = bench.pool()
        await said(pool)
        answers = submit(pool, "abcd")
        await asyncio.sleep(WORK_SECONDS + 0.01)
        bench.workers[0].die(unread=unread)
        return [outcome.payload.decode() for outcome in await asyncio.gather(*answers)]

    assert run(work()) == ["one", "it died", "one", "one"]
    assert bench.workers[0].ran[1:] == ran
    assert sorted(name for worker in bench.workers[1:] for name in worker.ran) == ["c", "d"]


def test_what_a_worker_that_died_had_read_ahead_is_not_run_twice(bench: Bench) -> None:
    async def work() -> list[Outcome]:
        pool = bench.pool()
        await said(pool)
        answers = submit(pool, "abcd")
        await asyncio.sleep(WORK_SECONDS + 0.01)
        bench.workers[0].ahead.pop(0)  # it has answered, which nobody has heard
        bench.workers[0].die()
        return await asyncio.gather(*answers)

    outcomes = run(work())
    assert [outcome.function_error for outcome in outcomes] == [None, *["Unhandled"] * 2, None]
    assert b"Runtime.ExitError" in outcomes[2].payload
    assert [name for worker in bench.workers[1:] for name in worker.ran] == ["d"]


def test_what_lies_ahead_when_the_code_changes_is_run_by_the_new_code(bench: Bench) -> None:
    async def work() -> list[str]:
        pool = bench.pool()
        await said(pool)
        answers = submit(pool, "abcd")
        await asyncio.sleep(WORK_SECONDS + 0.01)
        bench.edit("two, longer")
        await asyncio.sleep(0.01)
        answers += submit(pool, "e")
        return [outcome.payload.decode() for outcome in await asyncio.gather(*answers)]

    assert run(work()) == ["one", "one", *["two, longer"] * 3]
    assert [worker.code for worker in bench.alive] == ["two, longer"] * len(bench.alive)


def test_of_more_invocations_than_the_account_may_have_the_rest_is_refused(bench: Bench) -> None:
    async def work() -> list[Any]:
        pool = bench.pool()
        answers = [pool.submit(invocation()) for _ in range(CONCURRENT_EXECUTIONS + 2)]
        return [*await asyncio.gather(*answers, return_exceptions=True), await said(pool)]

    results = run(work())
    refused = [result for result in results if isinstance(result, TooManyRequests)]
    assert [error.reason for error in refused] == [ACCOUNT] * 2
    assert len(results) - len(refused) == CONCURRENT_EXECUTIONS + 1


def test_what_one_function_has_reserved_no_other_one_may_take(tmp_path: Path) -> None:
    capacity = Capacity(10, workers=10)
    benches = [Bench(tmp_path, capacity, reserved=8), Bench(tmp_path, capacity)]

    async def work() -> list[list[bool]]:
        pools = [bench.pool() for bench in benches]
        answers = [[pool.submit(invocation()) for _ in range(9)] for pool in pools]
        ran = [
            [
                not isinstance(r, TooManyRequests)
                for r in await asyncio.gather(*a, return_exceptions=True)
            ]
            for a in answers
        ]
        pools[0].retire()  # and its reservation goes with it
        more = [pools[1].submit(invocation()) for _ in range(9)]
        await asyncio.gather(*more)
        return ran

    assert [sum(ran) for ran in run(work())] == [8, 2]


def test_a_burst_is_answered_by_as_many_workers_as_the_machine_may_have(tmp_path: Path) -> None:
    bench = Bench(tmp_path, Capacity(workers=5))

    async def work() -> list[Outcome]:
        pool = bench.pool()
        return await asyncio.gather(*(pool.submit(invocation()) for _ in range(500)))

    assert len(run(work())) == 500
    assert len(bench.workers) <= 5
    ran = [name for worker in bench.workers for name in worker.ran]
    assert len(ran) == len(set(ran)) == 500, "each has run once"


def test_a_slow_function_leaves_workers_for_the_others(tmp_path: Path) -> None:
    capacity = Capacity(workers=10)
    slow, quick = Bench(tmp_path, capacity), Bench(tmp_path, capacity)

    async def work() -> tuple[float, list[int]]:
        pools = slow.pool(), quick.pool()
        make = pools[0].make

        def make_slow(function: Function, packages: Sequence[Path]) -> Any:
            worker: Any = make(function, packages)
            worker.work_seconds = 10_000.0
            return worker

        pools[0].make = make_slow
        for _ in range(200):
            pools[0].submit(invocation())
        await asyncio.sleep(100 * START_SECONDS)
        began = now()
        await asyncio.gather(*(pools[1].submit(invocation()) for _ in range(20)))
        took = now() - began
        for pool in pools:
            await pool.close()
        return took, [pool.workers for pool in pools]

    took, _ = run(work())
    assert 5 <= len(slow.workers) <= 8
    assert len(quick.workers) >= 2
    assert took < 20 * WORK_SECONDS


def test_an_idle_worker_makes_room_for_a_function_that_has_more_to_do(tmp_path: Path) -> None:
    capacity = Capacity(workers=4)
    before, after = Bench(tmp_path, capacity), Bench(tmp_path, capacity)

    async def work() -> None:
        pools = before.pool(), after.pool()
        await asyncio.gather(*(pools[0].submit(invocation()) for _ in range(50)))
        assert len(before.alive) >= 3
        await asyncio.gather(*(pools[1].submit(invocation()) for _ in range(50)))

    run(work())
    assert len(before.alive) < len(before.workers)
    assert len(after.workers) > 1
    assert capacity.count == len(before.alive) + len(after.alive)


def test_whatever_keeps_a_worker_from_starting_is_told_to_all_who_wait(bench: Bench) -> None:
    async def work() -> list[BaseException | Outcome]:
        pool = bench.pool()

        async def packages() -> list[Path]:
            raise UnicodeDecodeError("utf-8", b"\xff", 0, 1, "invalid start byte")

        pool.packages = packages  # type: ignore[method-assign]
        answers = [pool.submit(invocation()) for _ in range(3)]
        results = await asyncio.gather(*answers, return_exceptions=True)
        del pool.packages
        return [*results, await pool.submit(invocation())]

    *failed, at_last = run(work())
    assert [type(error) for error in failed] == [InstallError] * 3
    assert "UnicodeDecodeError" in str(failed[0])
    assert at_last == Outcome(b"one"), "and the next one is tried"
    assert bench.capacity.count == 1


def test_a_function_whose_packages_cannot_be_installed_keeps_no_other_from_starting(
    tmp_path: Path,
) -> None:
    write(
        tmp_path,
        template_dot_yaml=UNREADABLE,
        bad__index_dot_py="def handler(event, context): return 1",
        good__index_dot_py="def handler(event, context): return 1",
    )
    (tmp_path / "bad" / "requirements.txt").write_bytes("boto3\n".encode("utf-16"))
    settings = Settings(
        tmp_path / "template.yaml", "127.0.0.1", 0, tmp_path, 1000, None, {}, eager=False
    )

    async def work() -> None:
        endpoint = LambdaEndpoint(settings)
        endpoint.runtime = tmp_path
        endpoint._load()
        await asyncio.gather(*(endpoint._install(pool) for pool in endpoint.pools.values()))
        assert await endpoint.pools["good"].packages() == [tmp_path]
        answers = [endpoint.pools["bad"].submit(invocation()) for _ in range(3)]
        for error in await asyncio.gather(*answers, return_exceptions=True):
            assert isinstance(error, InstallError)
            assert str(tmp_path / "bad" / "requirements.txt") in str(error)
            assert "UTF-8" in str(error)

    asyncio.run(work())


UNREADABLE = """
Resources:
  Bad:
    Type: AWS::Serverless::Function
    Properties: {FunctionName: bad, CodeUri: bad/, Handler: index.handler, Runtime: python3.13}
  Good:
    Type: AWS::Serverless::Function
    Properties: {FunctionName: good, CodeUri: good/, Handler: index.handler, Runtime: python3.13}
"""


def test_where_the_system_starts_no_more_workers_those_there_are_answer(bench: Bench) -> None:
    async def work() -> list[Outcome]:
        pool = bench.pool()
        await said(pool)
        make = pool.make

        def refuse(function: Function, packages: Sequence[Path]) -> Any:
            raise OSError(11, "Resource temporarily unavailable")

        pool.make = refuse
        first = [pool.submit(invocation()) for _ in range(5)]
        answers = await asyncio.gather(*first)
        await asyncio.sleep(PAUSE_SECONDS)
        pool.make = make
        return answers + await asyncio.gather(*(pool.submit(invocation()) for _ in range(20)))

    assert {outcome.payload for outcome in run(work())} == {b"one"}
    assert len(bench.workers) > 1


def test_each_who_waits_is_told_where_the_system_starts_no_worker_at_all(bench: Bench) -> None:
    async def work() -> list[BaseException | Outcome]:
        pool = bench.pool()

        def refuse(function: Function, packages: Sequence[Path]) -> Any:
            raise OSError(11, "Resource temporarily unavailable")

        pool.make = refuse
        answers = [pool.submit(invocation()) for _ in range(20)]
        return await asyncio.gather(*answers, return_exceptions=True)

    assert {type(error) for error in run(work())} == {BlockingIOError}
    assert bench.capacity.count == 0
