"""Waits until what was started is at rest: else what starts behind its answers is measured, too."""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Iterable

import psutil

#: Of a second, what processes take that have nothing to do; how long it may take to get there.
AT_REST, SETTLE_SECONDS = 0.08, 60


def settle(pids: Iterable[int]) -> None:
    """Wait until these processes and all below them take hardly any processor time.

    Raises:
        RuntimeError: they are not at rest within a minute.
    """
    pids = tuple(pids)
    before = -math.inf
    for _ in range(SETTLE_SECONDS):
        spent = sum(map(_processor_seconds, pids))
        if spent - before < AT_REST:
            return
        before = spent
        time.sleep(1)
    raise RuntimeError(f"not at rest after {SETTLE_SECONDS} s")


def _processor_seconds(pid: int) -> float:
    """Return what a process and all below it have taken."""
    process = psutil.Process(pid)
    spent = 0.0
    for member in (process, *process.children(recursive=True)):
        with contextlib.suppress(psutil.NoSuchProcess):
            spent += sum(member.cpu_times()[:2])
    return spent
