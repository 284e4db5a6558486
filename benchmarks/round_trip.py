"""One message through a WebSocket and a function and back: alone, and for many clients."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Mapping, Sequence
from functools import partial
from statistics import median

from websockets.asyncio.client import ClientConnection, connect

from benchmarks.figures import percentiles, say
from benchmarks.rest import undisturbed

CLIENTS = 20
MESSAGES = 1000
WARM_UP = 100
#: How often each of those is measured that are compared.
ROUNDS = 5


async def measure(name: str, url: str, message: str, target: str = "local-cloud") -> None:
    """Send ``message`` and wait for its answer, again and again; print the figures."""
    await measure_in_turn(name, {target: url}, message, rounds=1)


async def measure_in_turn(name: str, targets: Mapping[str, str], message: str, rounds: int) -> None:
    """Measure several, each for a moment and in turn; print the medians of their rounds.

    What a virtual machine gives changes within minutes: one after the other, they would not be
    compared on the same one.

    Args:
        targets: their URLs, by their names.
    """
    for clients, count in ((1, MESSAGES), (CLIENTS, 2 * MESSAGES // CLIENTS)):
        opened = {target: await _open(url, clients) for target, url in targets.items()}
        found: dict[str, list[dict[str, float]]] = {target: [] for target in targets}
        try:
            for sockets in opened.values():
                await _exchange_all(sockets, message, WARM_UP if clients == 1 else count // 2)
            for _ in range(rounds):
                for target, sockets in opened.items():
                    found[target].append(await _figures(sockets, message, count))
        finally:
            for sockets in opened.values():
                await asyncio.gather(*(socket.close() for socket in sockets))
        for target, figures in found.items():
            medians = {key: round(median(one[key] for one in figures), 2) for key in figures[0]}
            messages = {"clients": clients, "messages": count * clients}
            in_turn = {"rounds": rounds} if rounds > 1 else {}
            say(name, target=target, **messages, **in_turn, **medians)


async def _open(url: str, clients: int) -> list[ClientConnection]:
    return [await connect(url, compression=None, proxy=None) for _ in range(clients)]


async def _figures(
    sockets: Sequence[ClientConnection], message: str, count: int
) -> dict[str, float]:
    (times, seconds), stolen = await undisturbed(partial(_exchange_all, sockets, message, count))
    return {
        **percentiles(times),
        "messages_per_second": len(times) / seconds,
        "stolen_percent": stolen,
    }


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
