"""How much memory processes take."""

from __future__ import annotations

import psutil

from local_cloud.processes import family


def resident_mb(pid: int) -> float:
    """Return the resident memory of a process and all below it."""
    return sum(resident_bytes(member) for member in family(pid)) / 2**20


def resident_bytes(process: psutil.Process) -> int:
    """Return resident memory; a page that n processes share counts as 1/n where Linux says so.

    A process that has ended takes none.
    """
    try:
        memory = process.memory_full_info()
    except psutil.NoSuchProcess:
        return 0
    return int(getattr(memory, "pss", memory.uss))
