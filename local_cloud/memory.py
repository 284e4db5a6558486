"""How much memory processes take."""

from __future__ import annotations

import psutil


def resident_mb(pid: int) -> float:
    """Return the resident memory of a process and all below it."""
    try:
        process = psutil.Process(pid)
        family = [process, *process.children(recursive=True)]
    except psutil.NoSuchProcess:
        return 0.0
    total = 0
    for member in family:
        try:
            total += resident_bytes(member)
        except psutil.NoSuchProcess:
            continue
    return total / 2**20


def resident_bytes(process: psutil.Process) -> int:
    """Return resident memory; a page that n processes share counts as 1/n where Linux says so."""
    memory = process.memory_full_info()
    return int(getattr(memory, "pss", memory.uss))
