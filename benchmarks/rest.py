"""What else takes the processors: what starts behind its answers, and the host's other guests."""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence

import psutil

from local_cloud.processes import family

#: Of a second, what processes take that have nothing to do; how long it may take to get there.
AT_REST, SETTLE_SECONDS = 0.08, 60
#: Of the processors' time, what the host may take away from a figure; how often it is measured, as
#: long as that has taken no longer than this.
MOST_STOLEN, MOST_TRIES, TRY_SECONDS = 0.02, 5, 10.0


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


async def undisturbed[T](work: Callable[[], Awaitable[T]]) -> tuple[T, float]:
    """Do it again until the host of this virtual machine has taken hardly anything meanwhile.

    Returns:
        What the least disturbed of at most five returned, and the percentage that was stolen.
    """
    best: tuple[T, float] | None = None
    began = time.perf_counter()
    for _ in range(MOST_TRIES):
        before = psutil.cpu_times()
        result = await work()
        stolen = _stolen(before, psutil.cpu_times())
        if best is None or stolen < best[1]:
            best = result, stolen
        if stolen <= MOST_STOLEN or time.perf_counter() - began > TRY_SECONDS:
            break
    assert best is not None
    return best[0], round(best[1] * 100, 1)


def _stolen(before: Sequence[float], after: Sequence[float]) -> float:
    """Return the share of the time that ``steal`` of ``/proc/stat`` counts, where there is one."""
    took = getattr(after, "steal", 0.0) - getattr(before, "steal", 0.0)
    return took / ((sum(after) - sum(before)) or 1.0)


def _processor_seconds(pid: int) -> float:
    """Return what a process and all below it have taken."""
    spent = 0.0
    for member in family(pid):
        with contextlib.suppress(psutil.NoSuchProcess):
            spent += sum(member.cpu_times()[:2])
    return spent
