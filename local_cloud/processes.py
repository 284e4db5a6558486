"""Processes that are not this one's children, waited for."""

from __future__ import annotations

import time
from collections.abc import Iterable

import psutil

POLL_SECONDS = 0.02


def wait_gone(processes: Iterable[psutil.Process], seconds: float) -> list[psutil.Process]:
    """Wait until processes have ended; return those that have not by then.

    ``psutil.wait_procs`` fails where one ends at the moment that it is looked at.
    """
    until = time.monotonic() + seconds
    alive = list(processes)
    while alive := [process for process in alive if _is_alive(process)]:
        if time.monotonic() > until:
            break
        time.sleep(POLL_SECONDS)  # the process of somebody else tells nobody
    return alive


def _is_alive(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
