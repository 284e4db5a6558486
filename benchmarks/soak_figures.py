"""What a long run is judged by: memory, files and threads of each part, minute by minute."""

from __future__ import annotations

import contextlib
import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field

import psutil

from local_cloud.installation import State
from local_cloud.processes import family

#: What may be more in the end than after warming up, in parts and in numbers.
GROWTH = {"rss_mb": (0.05, 8.0), "files": (0.1, 5.0), "threads": (0.05, 2.0)}


@dataclass(frozen=True)
class Part:
    """One part's own process. Of ``all`` that is the memory of everything together."""

    rss_mb: float
    files: int
    threads: int


@dataclass(frozen=True)
class Sample:
    """The cloud at one moment."""

    seconds: float
    parts: dict[str, Part]
    restarts: int = 0
    errors: int = 0
    done: dict[str, int] = field(default_factory=dict)


def look(state: State) -> dict[str, Part]:
    """Return the figures of a running cloud's parts, and of the supervisor."""
    found = {}
    everything = 0
    for process in family(state.pid):
        with contextlib.suppress(psutil.Error):
            everything += process.memory_info().rss
    for name, pid in {"supervisor": state.pid, **state.parts}.items():
        with contextlib.suppress(psutil.Error):  # it is being started again
            process = psutil.Process(pid)
            with process.oneshot():
                found[name] = Part(
                    round(process.memory_info().rss / 2**20, 1),
                    process.num_fds(),
                    process.num_threads(),
                )
    found["all"] = Part(round(everything / 2**20, 1), 0, 0)
    return found


def verdict(samples: Sequence[Sample], warm_seconds: float) -> list[str]:
    """Return in sentences what a run was not to show; none if it went well.

    The first third of what follows the warming up is compared with the last third, each by its
    median: one sample that is higher is no growth.

    Args:
        warm_seconds: of the beginning, in which everything may grow.
    """
    wrong = []
    last = samples[-1]
    if last.errors:
        wrong.append(f"{last.errors} errors")
    if last.restarts:
        wrong.append(f"{last.restarts} parts died and were started again")
    warm = [sample for sample in samples if sample.seconds >= warm_seconds]
    if len(warm) < 3:
        return [*wrong, f"too short: {len(warm)} samples after {warm_seconds:.0f} s"]
    third = len(warm) // 3
    for name in sorted({name for sample in warm for name in sample.parts}):
        for figure, (share, number) in GROWTH.items():
            values = [
                [getattr(sample.parts[name], figure) for sample in some if name in sample.parts]
                for some in (warm[:third], warm[-third:])
            ]
            if not all(values):
                wrong.append(f"{name} was not there")
                break
            before, after = map(statistics.median, values)
            if after > before * (1 + share) + number:
                wrong.append(f"{name}: {figure} grew from {before:g} to {after:g}")
    return wrong
