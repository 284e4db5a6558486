"""One message through a WebSocket and a function and back: alone, and for many clients."""

from __future__ import annotations

import asyncio
import sys
import time

from websockets.asyncio.client import ClientConnection, connect

from benchmarks.figures import percentiles, say

CLIENTS = 20
MESSAGES = 1000
WARM_UP = 100


async def measure(name: str, url: str, message: str, target: str = "local-cloud") -> None:
    """Send ``message`` and wait for its answer, again and again; print the figures."""
    async with connect(url, compression=None, proxy=None) as socket:
        await _exchange(socket, message, WARM_UP)
        began = time.perf_counter()
        times = await _exchange(socket, message, MESSAGES)
        _say(name, target, 1, times, time.perf_counter() - began)
    sockets = [await connect(url, compression=None, proxy=None) for _ in range(CLIENTS)]
    try:
        share = MESSAGES // CLIENTS
        await asyncio.gather(*(_exchange(socket, message, share) for socket in sockets))
        began = time.perf_counter()
        per_client = await asyncio.gather(
            *(_exchange(socket, message, share * 2) for socket in sockets)
        )
        answered = [t for times in per_client for t in times]
        _say(name, target, CLIENTS, answered, time.perf_counter() - began)
    finally:
        await asyncio.gather(*(socket.close() for socket in sockets))


async def _exchange(socket: ClientConnection, message: str, count: int) -> list[float]:
    times = []
    for _ in range(count):
        began = time.perf_counter()
        await socket.send(message)
        answer = await socket.recv()
        times.append(time.perf_counter() - began)
        if "Too Many Requests" in str(answer):
            sys.exit(f"the gateway does not pass messages on: {answer!r}")
    return times


def _say(name: str, target: str, clients: int, times: list[float], seconds: float) -> None:
    say(
        name,
        target=target,
        clients=clients,
        messages=len(times),
        **percentiles(times),
        messages_per_second=round(len(times) / seconds, 1),
    )
