"""The two ends of the socket by which a Python worker takes invocations and answers them."""

from __future__ import annotations

import asyncio
import os
import socket
import struct

import pytest

from local_cloud.lambda_endpoint.python.wire import Wire
from local_cloud.lambda_endpoint.wire import ERROR, NEXT, RESPONSE, WireProtocol

type Told = list[tuple[bytes, str, bytes, bool]]

HEADERS = ("id", "99", "arn", "trace", "")


async def both(work: bytes, size: int) -> tuple[Told, dict[str, str | int]]:
    """Have a worker answer one invocation with ``size`` bytes, print, and fail another."""
    output, printed = os.pipe()
    ours, theirs = socket.socketpair()
    told: Told = []
    enough = asyncio.Event()

    def hear(kind: bytes, head: str, payload: bytes, output: bool) -> None:
        told.append((kind, head, payload, output))
        if kind in (NEXT, RESPONSE):
            protocol.send(HEADERS, work)
        if len(told) == 3:
            enough.set()

    _, protocol = await asyncio.get_running_loop().create_unix_connection(
        lambda: WireProtocol(hear, lambda: None), sock=ours
    )
    found: dict[str, str | int] = {}

    def worker() -> None:
        wire = Wire(theirs.detach(), printed)
        payload, headers = wire.next()
        assert payload == work
        found.update(headers)
        wire.post_invocation_result("id", b"x" * size, "application/json", None)
        assert wire.next()[0] == work
        os.write(printed, b"a line\n")
        wire.post_error("id", '{"errorType": "No"}', "", None)

    await asyncio.gather(asyncio.to_thread(worker), asyncio.wait_for(enough.wait(), 10))
    protocol.close()
    os.close(output)
    os.close(printed)
    return told, found


@pytest.mark.parametrize("size", [0, 1, 70_000, 6 * 1024 * 1024])
def test_an_invocation_goes_over_and_its_answer_comes_back(size: int) -> None:
    work = b'{"n": 1}' + b" " * size
    told, headers = asyncio.run(both(work, size))
    assert told == [
        (NEXT, "", b"", True),
        (RESPONSE, "id", b"x" * size, False),
        (ERROR, "id", b'{"errorType": "No"}', True),
    ]
    assert headers == {
        "Lambda-Runtime-Aws-Request-Id": "id",
        "Lambda-Runtime-Deadline-Ms": 99,
        "Lambda-Runtime-Invoked-Function-Arn": "arn",
        "Lambda-Runtime-Trace-Id": "trace",
        "Content-Type": "application/json",
    }


def test_frames_are_read_however_they_are_cut() -> None:
    frame = struct.pack(">cII", b"R", 2, 3) + b"idabc"
    for step in (1, 2, 5, 9, 100):
        told: Told = []
        protocol = WireProtocol(lambda *one, into=told: into.append(one), lambda: None)
        data = frame * 3
        for place in range(0, len(data), step):
            protocol.data_received(data[place : place + step])
        assert told == [(RESPONSE, "id", b"abc", True)] * 3
