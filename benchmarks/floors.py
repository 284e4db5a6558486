"""What an echo costs at least here: a bare WebSocket echo, and a bare Lambda invocation."""

from __future__ import annotations

import asyncio
import tempfile
import time
import uuid
from pathlib import Path

import uvloop
from websockets.asyncio.server import ServerConnection, serve

from benchmarks.echo_gateway import TEMPLATE
from benchmarks.figures import percentiles, say
from benchmarks.round_trip import measure
from local_cloud.lambda_endpoint.execution_environment import Invocation
from local_cloud.lambda_endpoint.server import LambdaEndpoint, Settings

INVOCATIONS = 1000


def floors(message: str) -> None:
    """Measure both."""
    asyncio.run(_websockets(message))
    with tempfile.TemporaryDirectory() as cache:
        uvloop.run(_invocations(Path(cache), message))


async def _websockets(message: str) -> None:
    async def echo(socket: ServerConnection) -> None:
        async for text in socket:
            await socket.send(text)

    async with serve(echo, "127.0.0.1", 0, compression=None) as server:
        port = server.sockets[0].getsockname()[1]
        await measure("floor.websockets", f"ws://127.0.0.1:{port}", message, target="websockets")


async def _invocations(cache: Path, message: str) -> None:
    endpoint = LambdaEndpoint(Settings(TEMPLATE, "127.0.0.1", 0, cache, 100, None, {}, eager=True))
    await endpoint.open()
    endpoint.logs.write = lambda *line: None  # type: ignore[method-assign]
    pool = endpoint.pools["echo"]
    times = []
    payload = b'{"body": "x"}'
    for _ in range(INVOCATIONS):
        began = time.perf_counter()
        await pool.invoke(Invocation(str(uuid.uuid4()), payload))
        times.append(time.perf_counter() - began)
    say("floor.invoke", target="awslambdaric", invocations=INVOCATIONS, **percentiles(times))
    await endpoint.close()
