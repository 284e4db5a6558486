"""Mixed load for a long while: memory stays flat, and nothing is left of what has ended."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import random
import time

import psutil
import websockets
from websockets.asyncio.client import connect

from benchmarks.echo_gateway import SIGNED, echo_gateway
from benchmarks.figures import say
from local_aws.http1 import HttpClient

MINUTES = float(os.environ.get("SOAK_MINUTES", "24"))
CLIENTS = 50


def run() -> None:
    """Run the load for ``SOAK_MINUTES`` (24); print memory, files and connections each minute."""
    with echo_gateway("--connection-duration", "120") as (port, process):
        asyncio.run(_soak(port, process))


async def _soak(port: int, process: psutil.Process) -> None:
    end = time.monotonic() + MINUTES * 60
    counts = {"messages": 0, "connections": 0, "failures": 0}
    load = [asyncio.create_task(_client(port, end, counts)) for _ in range(CLIENTS)]
    while time.monotonic() < end:
        await asyncio.sleep(min(60, MINUTES * 60 / 4))
        _report(process, await _open(port), counts)
    for ended in await asyncio.gather(*load, return_exceptions=True):
        if isinstance(ended, BaseException):
            raise ended
    await asyncio.sleep(3)  # the last $disconnect
    _report(process, await _open(port), counts, at_the_end=True)


def _report(
    process: psutil.Process, connections: int, counts: dict[str, int], at_the_end: bool = False
) -> None:
    say(
        "gateway.soak",
        target="local-cloud",
        at_the_end=at_the_end,
        rss_mb=round(process.memory_info().rss / 2**20, 1),
        open_files=process.num_fds(),
        open_connections=connections,
        **counts,
    )


async def _open(port: int) -> int:
    client = HttpClient(f"http://127.0.0.1:{port}")
    health = json.loads((await client.request("GET", "/_gateway/health")).body)
    client.close()
    return int(health["connections"])


async def _client(port: int, end: float, counts: dict[str, int]) -> None:
    """Connect, echo, be posted to, and leave in one of the ways that clients leave."""
    http = HttpClient(f"http://127.0.0.1:{port}")
    while time.monotonic() < end:
        ways = ["close", "abort", "delete", "binary", "too large", "stay"]
        way = random.choice(ways)  # noqa: S311 - a load, not a secret
        with contextlib.suppress(websockets.exceptions.ConnectionClosed, ConnectionError):
            async with connect(f"ws://127.0.0.1:{port}", proxy=None) as socket:
                counts["connections"] += 1
                for _ in range(random.randint(1, 40)):  # noqa: S311
                    text = json.dumps({"action": "echo", "text": "x" * random.randint(0, 20_000)})  # noqa: S311
                    await socket.send(text)
                    answer = await socket.recv()
                    counts["messages"] += 1
                    counts["failures"] += answer != text
                    await asyncio.sleep(random.random() / 2)  # noqa: S311
                if way == "abort":
                    socket.transport.abort()
                elif way == "binary":
                    await socket.send(b"x")
                    await socket.recv()
                elif way == "too large":
                    await socket.send("x" * 33_000)
                    await socket.recv()
                elif way == "stay":
                    await asyncio.sleep(random.random() * 20)  # noqa: S311
                elif way == "delete":
                    await http.request("DELETE", "/dev/@connections/AAAAAAAAAAAAAAA=", b"", SIGNED)
    http.close()
