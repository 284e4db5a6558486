"""What is kept of an execution is one thing, whoever asks for it first."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import Any

import pytest

from local_cloud.engine.state.services.stepfunctions import keep

EXECUTIONS = 300


@pytest.fixture(autouse=True)
def hurry() -> Iterator[None]:
    """Have threads take turns all the time."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


def test_who_starts_an_execution_and_who_writes_it_keep_the_same() -> None:
    barrier = threading.Barrier(3, timeout=10)
    executions: list[Any] = [
        SimpleNamespace(**{f"field_{n}": n for n in range(200)}) for _ in range(EXECUTIONS)
    ]

    def kept() -> list[int]:
        found = []
        for execution in executions:
            barrier.wait()
            found.append(id(keep(execution)))
        return found

    def runs() -> None:
        for execution in executions:
            barrier.wait()
            for number in range(20):
                setattr(execution, f"more_{number}", number)

    with ThreadPoolExecutor(3) as threads:
        first, second = threads.submit(kept), threads.submit(kept)
        threads.submit(runs).result(60)
        assert first.result(60) == second.result(60)
