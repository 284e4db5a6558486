"""The loop looks again, where it would sleep, as long as events are close to each other."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any, cast

import pytest

from local_aws.busy_poll import BusyPoll


class Loop:
    """Takes callbacks, and runs them when told to."""

    def __init__(self) -> None:
        self.callbacks: list[tuple[Callable[..., None], tuple[Any, ...]]] = []

    def call_soon(self, callback: Callable[..., None], *arguments: Any) -> None:
        self.callbacks.append((callback, arguments))

    def turn(self) -> bool:
        """Run what is to be run; return whether there is something to be run in the next turn."""
        due, self.callbacks = self.callbacks, []
        for callback, arguments in due:
            callback(*arguments)
        return bool(self.callbacks)


class World:
    """A loop, a clock and what looks."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
        self.now = 100.0
        monkeypatch.setattr(time, "monotonic", lambda: self.now)
        self.poll = BusyPoll(seconds)
        self.loop = Loop()

    def event(self, after: float, loop: Loop | None = None) -> None:
        self.now += after
        self.poll.seen(cast(asyncio.AbstractEventLoop, loop or self.loop))

    def is_awake(self, after: float) -> bool:
        self.now += after
        return self.loop.turn()


def test_events_that_are_far_from_each_other_let_it_sleep(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(monkeypatch, 1.0)
    for _ in range(3):
        world.event(after=1.5)
        assert not world.is_awake(after=0.0)


def test_it_is_awake_for_the_time_behind_the_last_of_events_that_are_close(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = World(monkeypatch, 1.0)
    for _ in range(3):
        world.event(after=0.5)
    assert len(world.loop.callbacks) == 1
    assert [world.is_awake(after=0.4) for _ in range(3)] == [True, True, False]
    world.event(after=0.1)  # too late for the last one
    assert not world.is_awake(after=0.0)
    world.event(after=0.1)
    assert world.is_awake(after=0.0)


def test_where_it_is_to_sleep_at_once_it_does(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(monkeypatch, 0.0)
    for _ in range(3):
        world.event(after=0.0)
        assert not world.loop.callbacks


def test_a_loop_that_has_ended_keeps_no_other_one_asleep(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(monkeypatch, 1.0)
    ended, world.loop = world.loop, Loop()
    for _ in range(2):
        world.event(after=0.1, loop=ended)
    world.event(after=0.1)
    assert world.is_awake(after=0.1)
    assert not ended.turn()
