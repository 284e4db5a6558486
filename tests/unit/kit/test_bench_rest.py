"""A figure that the host of a virtual machine has disturbed is measured again."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from types import SimpleNamespace
from typing import NamedTuple

import pytest

from benchmarks import rest


class Times(NamedTuple):
    """What :func:`psutil.cpu_times` says, in seconds since the machine's start."""

    user: float
    idle: float
    steal: float


def measured(monkeypatch: pytest.MonkeyPatch, shares: Iterable[float]) -> tuple[int, float]:
    """Measure for as long as it takes, where of each second this share is stolen."""
    spent = {"user": 0.0, "steal": 0.0}
    to_come, tries = iter(shares), iter(range(1, 100))

    async def work() -> int:
        stolen = next(to_come)
        spent["user"] += 1 - stolen
        spent["steal"] += stolen
        return next(tries)

    def times() -> Times:
        return Times(idle=0.0, **spent)

    monkeypatch.setattr(rest, "psutil", SimpleNamespace(cpu_times=times))
    return asyncio.run(rest.undisturbed(work))


def test_what_nobody_disturbs_is_measured_once(monkeypatch: pytest.MonkeyPatch) -> None:
    assert measured(monkeypatch, [0.01, 0.0]) == (1, 1.0)


def test_what_is_disturbed_is_measured_again(monkeypatch: pytest.MonkeyPatch) -> None:
    assert measured(monkeypatch, [0.5, 0.3, 0.0, 0.0]) == (3, 0.0)


def test_of_five_that_are_all_disturbed_the_least_one_counts(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert measured(monkeypatch, [0.5, 0.3, 0.2, 0.4, 0.6, 0.0]) == (3, 20.0)
