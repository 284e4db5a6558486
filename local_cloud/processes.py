"""Processes that are not this one's children: each may end at the moment that it is looked at."""

from __future__ import annotations

import contextlib
import signal
import time
from collections.abc import Iterable

import psutil

POLL_SECONDS = 0.02


def found(pid: int) -> list[psutil.Process]:
    """Return the process with this number: one, or none where there is no such process."""
    with contextlib.suppress(psutil.NoSuchProcess):
        return [psutil.Process(pid)]
    return []


def children(pid: int, recursive: bool = False) -> list[psutil.Process]:
    """Return the processes that a process has started; with ``recursive`` those below them, too."""
    with contextlib.suppress(psutil.NoSuchProcess):
        return psutil.Process(pid).children(recursive)
    return []


def family(pid: int) -> list[psutil.Process]:
    """Return a process and all below it; none where there is no such process."""
    return [*found(pid), *children(pid, recursive=True)]


def is_alive(process: psutil.Process) -> bool:
    """Return whether a process runs still: one that has ended and was not waited for does not."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def command_line(process: psutil.Process) -> list[str]:
    """Return the words that a process was started with; none once it has ended."""
    with contextlib.suppress(psutil.NoSuchProcess):
        return process.cmdline()
    return []


def send(processes: Iterable[psutil.Process], number: signal.Signals) -> None:
    """Send a signal to those that are still there."""
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.send_signal(number)


def wait_gone(processes: Iterable[psutil.Process], seconds: float) -> list[psutil.Process]:
    """Wait until processes have ended; return those that have not by then.

    ``psutil.wait_procs`` fails where one ends at the moment that it is looked at.
    """
    until = time.monotonic() + seconds
    alive = list(processes)
    while alive := [process for process in alive if is_alive(process)]:
        if time.monotonic() > until:
            break
        time.sleep(POLL_SECONDS)  # the process of somebody else tells nobody
    return alive
