"""Futures that take too long, watched by one timer."""

from __future__ import annotations

import asyncio

import pytest

from local_aws.deadlines import Deadlines


def test_a_future_that_is_not_done_in_time_raises() -> None:
    async def wait() -> None:
        loop = asyncio.get_running_loop()
        deadlines = Deadlines(0.01)
        late, done, later = (loop.create_future() for _ in range(3))
        for future in (late, done):
            deadlines.watch(future)
        done.set_result("an answer")
        with pytest.raises(TimeoutError):
            await late
        assert await done == "an answer"
        deadlines.watch(later)
        with pytest.raises(TimeoutError):
            await later

    asyncio.run(asyncio.wait_for(wait(), 10))


def test_each_has_its_whole_time() -> None:
    async def wait() -> None:
        loop = asyncio.get_running_loop()
        deadlines = Deadlines(0.05)
        first, second = loop.create_future(), loop.create_future()
        deadlines.watch(first)
        loop.call_later(0.03, deadlines.watch, second)
        with pytest.raises(TimeoutError):
            await first
        assert not second.done()
        with pytest.raises(TimeoutError):
            await second

    asyncio.run(asyncio.wait_for(wait(), 10))


def test_what_is_done_is_not_kept_behind_one_that_takes_long() -> None:
    async def wait() -> None:
        loop = asyncio.get_running_loop()
        deadlines = Deadlines(60)
        deadlines.watch(loop.create_future())
        for _ in range(10_000):
            future = loop.create_future()
            deadlines.watch(future)
            future.set_result(None)
        assert len(deadlines._waiting) < 100

    asyncio.run(wait())
