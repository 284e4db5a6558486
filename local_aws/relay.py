"""Passes connections on to another address, byte for byte."""

from __future__ import annotations

import asyncio
import contextlib

from local_aws.background import start_task

BLOCK_BYTES = 65536


async def join(
    client: tuple[asyncio.StreamReader, asyncio.StreamWriter],
    server: tuple[asyncio.StreamReader, asyncio.StreamWriter],
) -> None:
    """Carry what each side says to the other, until one of them closes; both are closed then."""
    pipes = [
        start_task(_pipe(client[0], server[1]), "a relay"),
        start_task(_pipe(server[0], client[1]), "a relay"),
    ]
    try:
        await asyncio.wait(pipes, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for pipe in pipes:
            pipe.cancel()
        for _, writer in (client, server):
            writer.close()


async def relay(port: int, to: str) -> asyncio.Server:
    """Listen on a port of 127.0.0.1 for what is answered elsewhere.

    Args:
        to: ``host:port``; where nobody listens, a client's connection is closed.

    Raises:
        OSError: the port is taken.
    """
    host, _, there = to.rpartition(":")

    async def pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            server = await asyncio.open_connection(host, int(there))
        except OSError:
            writer.close()
            return
        await join((reader, writer), server)

    return await asyncio.start_server(pass_on, "127.0.0.1", port)


async def _pipe(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(ConnectionError):
        while data := await reader.read(BLOCK_BYTES):
            writer.write(data)
            await writer.drain()
