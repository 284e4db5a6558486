"""The gateway with a function that only echoes: what the two together cost."""

from __future__ import annotations

import asyncio
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

import httpx
import psutil
from websockets.asyncio.client import ClientConnection, connect

from benchmarks.figures import percentiles, say
from benchmarks.round_trip import measure
from local_cloud.port_check import free_ports
from tests.integration.processes import started

TEMPLATE = Path(__file__).with_name("echo") / "template.yaml"
POSTS = 1000
IDLE_CONNECTIONS = 5000
OPENED_AT_ONCE = 100


def run() -> None:
    """Measure an echo, ``@connections`` posts, and idle connections with a broadcast."""
    ports = free_ports()
    template = ("--template", str(TEMPLATE))
    quiet = subprocess.DEVNULL
    with (
        tempfile.TemporaryDirectory() as cache,
        started(
            "local_cloud.lambda_endpoint",
            ports.functions,
            "/health",
            *(*template, "--cache", cache),
            stdout=quiet,
        ),
        started(
            "websocket_gateway",
            ports.gateway,
            "/_gateway/health",
            *(*template, "--lambda-endpoint", f"http://127.0.0.1:{ports.functions}"),
            *("--new-connections-per-second", "100000"),
            stdout=quiet,
        ) as gateway,
    ):
        url = f"127.0.0.1:{ports.gateway}"
        asyncio.run(measure("gateway.echo", f"ws://{url}", '{"action": "echo"}'))
        asyncio.run(_connections(url, gateway.pid))


async def _connections(address: str, pid: int) -> None:
    base = f"http://{address}/dev/@connections"
    # The gateway checks that a request is signed, not by whom: it has no users of its own.
    signed = {"Authorization": "AWS4-HMAC-SHA256 Credential=test"}
    async with httpx.AsyncClient(headers=signed, trust_env=False, timeout=60) as client:
        began = time.perf_counter()
        sockets: list[ClientConnection] = []
        while len(sockets) < IDLE_CONNECTIONS:
            opened = (
                connect(f"ws://{address}", compression=None, proxy=None, ping_interval=None)
                for _ in range(OPENED_AT_ONCE)
            )
            sockets += await asyncio.gather(*opened)
        seconds = time.perf_counter() - began
        identifiers = await _identifiers(client, address)
        say(
            "gateway.connections",
            connections=len(sockets),
            connects_per_second=round(len(sockets) / seconds),
            rss_mb=round(psutil.Process(pid).memory_info().rss / 2**20),
        )
        times = []
        for _ in range(POSTS):
            began = time.perf_counter()
            await client.post(f"{base}/{identifiers[0]}", content=b"x" * 1024)
            times.append(time.perf_counter() - began)
        say("gateway.post", posts=POSTS, **percentiles(times))
        began = time.perf_counter()
        everyone = asyncio.Semaphore(OPENED_AT_ONCE)

        async def post(identifier: str) -> None:
            async with everyone:
                await client.post(f"{base}/{identifier}", content=b"y" * 1024)

        await asyncio.gather(*(post(identifier) for identifier in identifiers))
        say(
            "gateway.broadcast",
            connections=len(identifiers),
            seconds=round(time.perf_counter() - began, 2),
        )
        for socket in sockets:
            socket.transport.abort()


async def _identifiers(client: httpx.AsyncClient, address: str) -> list[Any]:
    answer = await client.get(f"http://{address}/_gateway/connections")
    return [connection["connectionId"] for connection in answer.json()["connections"]]
