"""What is written at once comes whole and in its order, beside what a transport writes itself."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
import uvloop

from local_aws.write_now import write_now

Run = Callable[[Coroutine[Any, Any, bytes]], bytes]
BIG = bytes(range(256)) * 20_000  # more than a socket takes at once


async def _send() -> bytes:
    ours, theirs = socket.socketpair()
    reader, writer = await asyncio.open_connection(sock=theirs)
    transport, _ = await asyncio.get_running_loop().create_connection(asyncio.Protocol, sock=ours)
    place = transport.get_extra_info("socket").fileno()
    transport.write(b"first ")
    write_now(transport, place, b"second ")
    await asyncio.sleep(0.01)
    write_now(transport, place, b"third ")
    write_now(transport, place, BIG)
    write_now(transport, place, b" last")
    transport.close()
    write_now(transport, place, b"never")
    found = await asyncio.wait_for(reader.read(), 10)
    writer.close()
    return found


@pytest.mark.parametrize("run", [asyncio.run, uvloop.run])
def test_all_comes_in_its_order(run: Run) -> None:
    assert run(_send()) == b"first second third " + BIG + b" last"


class _Noticed(asyncio.Protocol):
    def __init__(self) -> None:
        self.lost = asyncio.Event()

    def connection_lost(self, exc: Exception | None) -> None:
        self.lost.set()


async def _send_to_nobody() -> bytes:
    ours, theirs = socket.socketpair()
    transport, protocol = await asyncio.get_running_loop().create_connection(_Noticed, sock=ours)
    theirs.close()
    write_now(transport, transport.get_extra_info("socket").fileno(), b"x")
    await asyncio.wait_for(protocol.lost.wait(), 10)
    return b""


@pytest.mark.parametrize("run", [asyncio.run, uvloop.run])
def test_who_is_gone_is_noticed_by_the_transport(run: Run) -> None:
    assert run(_send_to_nobody()) == b""
