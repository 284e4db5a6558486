"""The gateway with a function that only echoes: what the two together cost."""

from __future__ import annotations

import asyncio
import json
import time

import psutil

from benchmarks import peers
from benchmarks.echo_gateway import SIGNED, echo_gateway
from benchmarks.figures import percentiles, say
from benchmarks.floors import floors
from benchmarks.idle_clients import IdleClients, open_files
from benchmarks.rest import settle
from benchmarks.round_trip import measure
from local_aws.http1 import HttpClient

MESSAGE = json.dumps({"action": "echo", "text": "x" * 32})
POSTS = 1000
IDLE_CONNECTIONS = 10_000
MANY_CONNECTIONS = 100_000
POSTED_AT_ONCE = 50
#: Clients that a model's answer streams to at once, and the pieces that each is sent.
STREAMS, DELTAS = 50, 400
DELTA = json.dumps(
    {"type": "llm.delta", "analysisId": "a" * 26, "seq": 1, "text": "piece"}
).encode()


def run(*, beside_peers: bool) -> None:
    """Measure an echo beside its floors and peers; posts, idle connections, a broadcast."""
    floors(MESSAGE)
    with echo_gateway("--new-connections-per-second", "100000") as (port, process):
        settle([process.pid])
        url = f"ws://127.0.0.1:{port}"
        if beside_peers:
            peers.run(MESSAGE, url)
        else:
            asyncio.run(measure("gateway.echo", url, MESSAGE))
        asyncio.run(_connections(port, process))


def many() -> None:
    """Measure the memory of as many idle connections as this user may have (``ulimit -Hn``)."""
    count = open_files(MANY_CONNECTIONS)
    with echo_gateway("--new-connections-per-second", "100000") as (port, process):
        before = process.memory_info().rss
        with IdleClients(port, count) as idle:
            _say_idle(idle, process, before_mb=round(before / 2**20))


def _say_idle(idle: IdleClients, process: psutil.Process, **more: object) -> None:
    say(
        "gateway.connections",
        target="local-cloud",
        connections=idle.count,
        connects_per_second=round(idle.count / idle.seconds),
        rss_mb=round(process.memory_info().rss / 2**20),
        **more,
    )


async def _connections(port: int, process: psutil.Process) -> None:
    with IdleClients(port, IDLE_CONNECTIONS) as idle:
        _say_idle(idle, process)
        client = HttpClient(f"http://127.0.0.1:{port}")
        opened = json.loads((await client.request("GET", "/_gateway/connections")).body)
        names = [connection["connectionId"] for connection in opened["connections"]]
        times = []
        for _ in range(POSTS):
            began = time.perf_counter()
            await client.request("POST", _path(names[0]), b"x" * 1024, SIGNED)
            times.append(time.perf_counter() - began)
        say("gateway.post", target="local-cloud", posts=POSTS, **percentiles(times))
        idle.forget_what_came()
        began = time.perf_counter()
        await _post_to(names, client, b"y" * 1024)
        idle.wait_for(1024)
        say(
            "gateway.broadcast",
            target="local-cloud",
            connections=len(names),
            seconds=round(time.perf_counter() - began, 2),
        )
        idle.forget_what_came()
        began = time.perf_counter()
        streams = names[:STREAMS]
        await _post_to([*streams] * DELTAS, client, DELTA)
        seconds = time.perf_counter() - began
        say(
            "gateway.deltas",
            target="local-cloud",
            connections=STREAMS,
            bytes=len(DELTA),
            a_second=round(STREAMS * DELTAS / seconds),
            a_second_each=round(DELTAS / seconds),
        )
        client.close()


async def _post_to(names: list[str], client: HttpClient, body: bytes) -> None:
    queue = iter(names)

    async def post() -> None:
        for name in queue:
            await client.request("POST", _path(name), body, SIGNED)

    await asyncio.gather(*(post() for _ in range(POSTED_AT_ONCE)))


def _path(name: str) -> str:
    return f"/dev/@connections/{name}"
