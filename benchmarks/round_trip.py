"""One message through a WebSocket and a function and back: alone, and for many clients."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Sequence
from functools import partial

from websockets.asyncio.client import ClientConnection, connect

from benchmarks.figures import percentiles, say
from benchmarks.rest import undisturbed

CLIENTS = 20
MESSAGES = 1000
WARM_UP = 100


async def measure(name: str, url: str, message: str, target: str = "local-cloud") -> None:
    """Send ``message`` and wait for its answer, again and again; print the figures."""
    for clients, count in ((1, MESSAGES), (CLIENTS, 2 * MESSAGES // CLIENTS)):
        sockets = [await connect(url, compression=None, proxy=None) for _ in range(clients)]
        try:
            await _exchange_all(sockets, message, WARM_UP if clients == 1 else count // 2)
            (times, seconds), stolen = await undisturbed(
                partial(_exchange_all, sockets, message, count)
            )
        finally:
            await asyncio.gather(*(socket.close() for socket in sockets))
        say(
            name,
            target=target,
            clients=clients,
            messages=len(times),
            **percentiles(times),
            messages_per_second=round(len(times) / seconds, 1),
            stolen_percent=stolen,
        )


async def _exchange_all(
    sockets: Sequence[ClientConnection], message: str, count: int
) -> tuple[list[float], float]:
    """Send ``count`` messages by each; return what each took, and all together, in seconds."""
    began = time.perf_counter()
    per_client = await asyncio.gather(*(_exchange(socket, message, count) for socket in sockets))
    return [t for times in per_client for t in times], time.perf_counter() - began


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
