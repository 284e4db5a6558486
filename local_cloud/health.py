"""How the running cloud is: who answers, how much memory it takes."""

from __future__ import annotations

import time
from typing import Any

import httpx
import psutil

from local_cloud.installation import State
from local_cloud.parts import Part


def look(state: State, parts: dict[str, Part]) -> dict[str, Any]:
    """Return a report of every part: healthy, pid, port, restarts, resident memory in MB."""
    report: dict[str, Any] = {
        "running": True,
        "ready": state.ready,
        "uptime_seconds": time.time() - state.started_at,
        "parts": {
            name: {
                "port": part.port,
                "healthy": _answers(part.health_url),
                "pid": state.parts.get(name),
                "restarts": state.restarts.get(name, 0),
                "memory_mb": _resident_mb(state.parts.get(name)),
            }
            for name, part in parts.items()
        },
    }
    report["healthy"] = all(part["healthy"] for part in report["parts"].values())
    own = _resident_bytes(psutil.Process(state.pid)) / 2**20
    report["memory_mb"] = own + sum(part["memory_mb"] for part in report["parts"].values())
    return report


def _answers(url: str) -> bool:
    try:
        return httpx.get(url, timeout=2, trust_env=False).status_code == 200
    except httpx.HTTPError:
        return False


def _resident_mb(pid: int | None) -> float:
    """Return the resident memory of a process and all below it."""
    if pid is None:
        return 0.0
    total = 0
    try:
        process = psutil.Process(pid)
        family = [process, *process.children(recursive=True)]
    except psutil.NoSuchProcess:
        return 0.0
    for member in family:
        try:
            total += _resident_bytes(member)
        except psutil.NoSuchProcess:
            continue
    return total / 2**20


def _resident_bytes(process: psutil.Process) -> int:
    """Return resident memory; a page that n processes share counts as 1/n where Linux says so."""
    memory = process.memory_full_info()
    return int(getattr(memory, "pss", memory.uss))
