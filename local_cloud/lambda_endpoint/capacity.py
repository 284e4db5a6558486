"""How much runs at once: the account's concurrent executions, and this machine's workers.

An invocation counts as a concurrent execution from when it is asked for, since on AWS it would run
at once; here it waits until there is a worker for it.
https://docs.aws.amazon.com/lambda/latest/dg/lambda-concurrency.html
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import resource
from pathlib import Path
from typing import Protocol

import psutil

from local_aws.fair_share import may_take

#: The quota of an account that has asked for no more.
CONCURRENT_EXECUTIONS = 1000
RESERVED = "ReservedFunctionConcurrentInvocationLimitExceeded"
ACCOUNT = "ConcurrentInvocationLimitExceeded"

#: A worker's memory, of what is available at the start; and what is to be left when one begins.
WORKER_BYTES, LEFT_BYTES = 64 << 20, 512 << 20
#: Files that the endpoint has open for a worker, and for everything else.
WORKER_FILES, OTHER_FILES = 8, 1500
FEWEST_WORKERS = 8
#: How long no further worker is started when the system has refused to start one.
PAUSE_SECONDS = 1.0


class TooManyRequests(RuntimeError):
    """A limit of concurrent executions is reached; ``reason`` is AWS's name for which."""

    def __init__(self, reason: str) -> None:
        super().__init__("Rate Exceeded.")
        self.reason = reason


class Pool(Protocol):
    """The workers of one function, as a share of this machine's."""

    #: How many there are, with those that start and those that end.
    workers: int

    def scale_out(self) -> None:
        """Start workers for what has waited long enough, if there may be more now."""

    def idle_since(self) -> float | None:
        """Return since when a worker has been idle that may be ended, of the longest idle one."""

    def end_idle(self) -> None:
        """End that worker."""


class Capacity:
    """What all functions of an endpoint share.

    Args:
        executions: concurrent ones that the account may have.
        workers: that this machine may have; by default what its memory, and the files that this
            process may open, allow. Each function may always have one, so there may be more.
    """

    def __init__(self, executions: int = CONCURRENT_EXECUTIONS, workers: int | None = None) -> None:
        self.executions = executions
        self.most = workers_of_machine() if workers is None else workers
        self.most_starting = max(4, 2 * (os.cpu_count() or 1))
        #: Concurrent executions of the functions that have none reserved.
        self.unreserved = 0
        self.reserved = 0
        self._reservations: dict[Pool, tuple[str, int]] = {}
        self.count = 0
        self.starting = 0
        self._pools: set[Pool] = set()
        #: Those that were refused a worker that they had use for.
        self._wanting: set[Pool] = set()
        self._resume: asyncio.TimerHandle | None = None

    # Concurrent executions

    def reserve(self, pool: Pool, function: str, executions: int | None) -> None:
        """Take a function's executions out of what others share: of all its versions, once."""
        if executions is None:
            self._reservations.pop(pool, None)
        else:
            self._reservations[pool] = (function, executions)
        self.reserved = sum(dict(self._reservations.values()).values())

    def begin(self) -> None:
        """Count a concurrent execution of a function that has none reserved.

        Raises:
            TooManyRequests: the account has as many as it may.
        """
        if self.unreserved >= self.executions - self.reserved:
            raise TooManyRequests(ACCOUNT)
        self.unreserved += 1

    def end(self) -> None:
        """Count it no more."""
        self.unreserved -= 1

    # Workers

    def may_start(self, pool: Pool) -> bool:
        """Return whether a function may start another worker.

        If not, its pool is told to scale out when that may have changed.
        """
        self._wanting.discard(pool)
        if not pool.workers:
            return True
        if (
            self._resume is None
            and self.starting < self.most_starting
            and may_take(pool.workers, self.most - self.count)
            and memory_available() >= LEFT_BYTES
        ):
            return True
        self._wanting.add(pool)
        if self.starting < self.most_starting:  # room is what lacks
            self._end_one(pool)
        return False

    def _end_one(self, wanting: Pool) -> None:
        """End the worker of another function that has been idle longest."""
        idle = [
            (since, id(pool), pool)
            for pool in self._pools
            if pool is not wanting and (since := pool.idle_since()) is not None
        ]
        if idle:
            min(idle)[2].end_idle()

    def worker_starts(self, pool: Pool) -> None:
        """Count a worker from now on."""
        self._pools.add(pool)
        self.count += 1
        self.starting += 1
        pool.workers += 1

    def start_ended(self) -> None:
        """Note that a start has come to its end, whichever that was."""
        self.starting -= 1
        self._offer()

    def worker_ended(self, pool: Pool) -> None:
        """Count a worker no more."""
        self.count -= 1
        pool.workers -= 1
        if not pool.workers:
            self._pools.discard(pool)
        self._offer()

    def pause(self) -> None:
        """Start nothing for a while but what a function cannot do without: the system refused."""
        if self._resume is None:
            loop = asyncio.get_running_loop()
            self._resume = loop.call_later(PAUSE_SECONDS, self._go_on)

    def _go_on(self) -> None:
        self._resume = None
        self._offer()

    def _offer(self) -> None:
        """Let those scale out that could not: who has the fewest workers first."""
        for pool in sorted(self._wanting, key=lambda one: one.workers):
            pool.scale_out()

    def forget(self, pool: Pool) -> None:
        """Offer a pool nothing any more."""
        self._wanting.discard(pool)

    def close(self) -> None:
        """Offer nobody anything any more."""
        self._wanting.clear()
        if self._resume is not None:
            self._resume.cancel()


def workers_of_machine() -> int:
    """Return how many workers the memory and this process's files are enough for."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    by_files = (
        CONCURRENT_EXECUTIONS
        if soft == resource.RLIM_INFINITY
        else (soft - OTHER_FILES) // WORKER_FILES
    )
    by_memory = (memory_available() - LEFT_BYTES) // WORKER_BYTES
    return max(FEWEST_WORKERS, min(by_memory, by_files, CONCURRENT_EXECUTIONS))


def memory_available() -> int:
    """Return the bytes that processes can still take: of the machine, or of its container."""
    available = int(psutil.virtual_memory().available)
    # https://docs.kernel.org/admin-guide/cgroup-v2.html#memory-interface-files
    with contextlib.suppress(OSError, ValueError):
        most = int(_CGROUP.joinpath("memory.max").read_text())  # "max" where there is none
        used = int(_CGROUP.joinpath("memory.current").read_text())
        cached = _inactive_file(_CGROUP.joinpath("memory.stat").read_text())
        available = min(available, most - used + cached)
    return available


_CGROUP = Path("/sys/fs/cgroup")


def _inactive_file(statistics: str) -> int:
    """Return the bytes of cached files, which the kernel gives up first."""
    for line in statistics.splitlines():
        name, _, value = line.partition(" ")
        if name == "inactive_file":
            return int(value)
    return 0
