"""What an echo costs at least here: a WebSocket echo, a socket to a worker, an invocation."""

from __future__ import annotations

import asyncio
import sys
import tempfile
import time
from pathlib import Path

import uvloop
from websockets.asyncio.server import ServerConnection, serve

from benchmarks.echo_gateway import TEMPLATE
from benchmarks.figures import percentiles, say
from benchmarks.round_trip import measure
from local_aws.random_bytes import new_uuid
from local_cloud.lambda_endpoint import wire
from local_cloud.lambda_endpoint.execution_environment import Invocation
from local_cloud.lambda_endpoint.server import LambdaEndpoint, Settings

INVOCATIONS = 1000
WORKER = """
import os, sys, wire
worker = wire.Wire(int(sys.argv[1]), os.pipe()[1])
while True:
    payload, _ = worker.next()
    worker.post_invocation_result("id", payload, "application/json")
"""


def floors(message: str) -> None:
    """Measure each."""
    asyncio.run(_websockets(message))
    uvloop.run(_wire())
    with tempfile.TemporaryDirectory() as cache:
        uvloop.run(_invocations(Path(cache), message))


async def _websockets(message: str) -> None:
    async def echo(client: ServerConnection) -> None:
        async for text in client:
            await client.send(text)

    async with serve(echo, "127.0.0.1", 0, compression=None) as server:
        port = server.sockets[0].getsockname()[1]
        await measure("floor.websockets", f"ws://127.0.0.1:{port}", message, target="websockets")


async def _wire() -> None:
    """Measure the socket of a worker that answers without ``awslambdaric``."""
    heard: asyncio.Queue[bytes] = asyncio.Queue()
    end = wire.WireEnd(lambda kind, *_: heard.put_nowait(kind), lambda: None)
    worker = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", WORKER, str(end.theirs)),
        cwd=Path(wire.__file__).with_name("python"),
        pass_fds=(end.theirs,),
    )
    end.launched()
    await heard.get()
    times = []
    for _ in range(INVOCATIONS):
        began = time.perf_counter()
        end.send(("id", "1", "arn", "trace", ""), b'{"body": "x"}')
        await heard.get()
        times.append(time.perf_counter() - began)
    say("floor.wire", target="socketpair", invocations=INVOCATIONS, **percentiles(times))
    end.close()
    await worker.wait()


async def _invocations(cache: Path, message: str) -> None:
    endpoint = LambdaEndpoint(Settings(TEMPLATE, "127.0.0.1", 0, cache, 1000, None, {}, eager=True))
    await endpoint.open()
    endpoint.logs.write = lambda *line: None  # type: ignore[method-assign]
    pool = endpoint.pools["echo"]
    times = []
    payload = b'{"body": "x"}'
    for _ in range(INVOCATIONS):
        began = time.perf_counter()
        await pool.submit(Invocation(new_uuid(), payload))
        times.append(time.perf_counter() - began)
    say("floor.invoke", target="awslambdaric", invocations=INVOCATIONS, **percentiles(times))
    await endpoint.close()
