"""How the running cloud is: who answers, how much memory it takes."""

from __future__ import annotations

import asyncio
import time
from typing import Any
from urllib.parse import urlsplit

from local_cloud.installation import Home, Ports, State
from local_cloud.make_mode import make_mode
from local_cloud.memory import resident_bytes
from local_cloud.parts import PartFailed, status_of
from local_cloud.processes import found

WAIT_SECONDS = 60.0
POLL_SECONDS = 0.05


def look(state: State, home: Home) -> dict[str, Any]:
    """Return a report of every part: healthy, pid, port, restarts, resident memory in MB."""
    mode = make_mode(state.mode, state.ports, home, state.options)
    parts = mode.parts()
    memory = mode.memory_mb(state.parts)
    report: dict[str, Any] = {
        "running": True,
        "mode": state.mode,
        "ready": state.ready,
        "uptime_seconds": time.time() - state.started_at,
        "parts": {
            part.name: {
                "port": urlsplit(part.health_url).port,
                "healthy": healthy,
                "pid": state.parts.get(part.name),
                "restarts": state.restarts.get(part.name, 0),
                "memory_mb": memory.get(part.name, 0.0),
            }
            for part, healthy in zip(parts, asyncio.run(_ready(parts)), strict=True)
        },
    }
    report["healthy"] = all(part["healthy"] for part in report["parts"].values())
    supervisor = sum(map(resident_bytes, found(state.pid))) / 2**20
    report["memory_mb"] = supervisor + sum(part["memory_mb"] for part in report["parts"].values())
    return report


def runs_by_hand(ports: Ports) -> bool:
    """Return whether a cloud that somebody else has started answers on these ports."""
    urls = (f"{ports.engine_url}/_localstack/health", f"{ports.gateway_url}/_gateway/health")
    return all(asyncio.run(status_of(url)) == 200 for url in urls)


def wait_for_parts(ports: Ports) -> None:
    """Wait until engine, Lambda endpoint and gateway answer: a stack needs all three.

    Raises:
        PartFailed: one does not.
    """
    urls = [
        f"{ports.engine_url}/_localstack/health",
        f"{ports.functions_url}/health",
        f"{ports.gateway_url}/_gateway/health",
    ]
    until = time.monotonic() + WAIT_SECONDS
    for url in urls:
        while asyncio.run(status_of(url)) != 200:
            if time.monotonic() > until:
                raise PartFailed(f"{url} does not answer. See: ./local-cloud status")
            time.sleep(POLL_SECONDS)  # another process is starting, which tells nobody


async def _ready(parts: list[Any]) -> list[bool]:
    return list(await asyncio.gather(*(part.is_ready() for part in parts)))
