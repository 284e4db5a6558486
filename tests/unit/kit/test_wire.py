"""The two ends of the socket by which a Python worker takes invocations and answers them."""

from __future__ import annotations

import asyncio
import os
import socket
import struct
import time

import pytest

from local_cloud.lambda_endpoint.python.wire import Wire
from local_cloud.lambda_endpoint.wire import CAN_TAKE_BACK, ERROR, NEXT, PACKET, RESPONSE, WireEnd

type Told = list[tuple[bytes, str, bytes, bool]]

HEADERS = ("id", "99", "arn", "trace", "")


async def both(work: bytes, size: int) -> tuple[Told, dict[str, str | int]]:
    """Have a worker answer one invocation with ``size`` bytes, print, and fail another."""
    output, printed = os.pipe()
    told: Told = []
    enough = asyncio.Event()

    def hear(kind: bytes, head: str, payload: bytes, output: bool) -> None:
        request_id, _, microseconds = head.partition("\n")
        assert int(microseconds or 0) >= 0
        told.append((kind, request_id, payload, output))
        if kind in (NEXT, RESPONSE):
            end.send(HEADERS, work)
        if len(told) == 3:
            enough.set()

    end = WireEnd(hear, lambda: None)
    found: dict[str, str | int] = {}

    def worker() -> None:
        wire = Wire(os.dup(end.theirs), printed)
        payload, headers = wire.next()
        assert payload == work
        found.update(headers)
        wire.post_invocation_result("id", b"x" * size, "application/json", None)
        assert wire.next()[0] == work
        os.write(printed, b"a line\n")
        wire.post_error("id", '{"errorType": "No"}', "", None)

    await asyncio.gather(asyncio.to_thread(worker), asyncio.wait_for(enough.wait(), 10))
    end.close()
    assert os.read(output, 1000) == b"a line\n\0id\n"
    os.close(output)
    os.close(printed)
    return told, found


@pytest.mark.parametrize("size", [0, 1, 70_000, 6 * 1024 * 1024])
def test_an_invocation_goes_over_and_its_answer_comes_back(size: int) -> None:
    work = b'{"n": 1}' + b" " * size
    began = time.time() * 1000
    told, headers = asyncio.run(both(work, size))
    deadline = headers.pop("Lambda-Runtime-Deadline-Ms")
    assert isinstance(deadline, int)
    assert began + 98 <= deadline <= time.time() * 1000 + 99
    assert told == [
        (NEXT, "", b"", True),
        (RESPONSE, "id", b"x" * size, False),
        (ERROR, "id", b'{"errorType": "No"}', True),
    ]
    assert headers == {
        "Lambda-Runtime-Aws-Request-Id": "id",
        "Lambda-Runtime-Invoked-Function-Arn": "arn",
        "Lambda-Runtime-Trace-Id": "trace",
        "Content-Type": "application/json",
    }


def test_frames_are_read_however_they_are_cut() -> None:
    frame = struct.pack(">cII", b"R", 2, 3) + b"idabc"
    for step in (1, 2, 5, 9, 100):
        told: Told = []

        async def read(told: Told = told, step: int = step) -> None:
            end = WireEnd(lambda *one: told.append(one), lambda: None)
            data = frame * 3
            for place in range(0, len(data), step):
                end.read(data[place : place + step])
            end.close()

        asyncio.run(read())
        assert told == [(RESPONSE, "id", b"abc", True)] * 3


@pytest.mark.skipif(not CAN_TAKE_BACK, reason="this system has no socket of packets")
def test_what_was_sent_ahead_is_read_by_the_worker_or_taken_back() -> None:
    async def work() -> None:
        heard: asyncio.Queue[bytes] = asyncio.Queue()
        end = WireEnd(lambda kind, *_: heard.put_nowait(kind), lambda: None)
        worker = Wire(os.dup(end.theirs), os.pipe()[1])
        end.send(("one", *HEADERS[1:]), b"{}")
        for request_id in ("two", "three", "four"):
            assert end.send_ahead((request_id, *HEADERS[1:]), b"{}")
        assert end.take_back("one") is None  # the worker is to run it, and has not read it yet
        assert worker.next()[1]["Lambda-Runtime-Aws-Request-Id"] == "one"
        assert end.take_back("one") == "two"
        worker.post_invocation_result("one", b"", "", None)
        assert worker.next()[1]["Lambda-Runtime-Aws-Request-Id"] == "three"
        assert end.take_back("three") == "four"
        assert end.take_back("three") is None
        end.close()
        assert end.take_back("three") is None

    asyncio.run(work())


@pytest.mark.skipif(not CAN_TAKE_BACK, reason="this system has no socket of packets")
def test_nothing_is_sent_ahead_that_could_be_read_in_part() -> None:
    async def work() -> list[bool]:
        end = WireEnd(lambda *_: None, lambda: None)
        end.send(HEADERS, b"{}")
        large = end.send_ahead(HEADERS, b" " * PACKET)
        end.send(HEADERS, b" " * PACKET)
        behind_a_large_one = end.send_ahead(HEADERS, b"{}")
        end.close()
        return [large, behind_a_large_one]

    assert asyncio.run(work()) == [False, False]


def test_a_worker_that_closes_its_end_is_lost() -> None:
    async def work() -> None:
        lost = asyncio.Event()
        end = WireEnd(lambda *_: None, lost.set)
        socket.socket(fileno=os.dup(end.theirs)).shutdown(socket.SHUT_RDWR)
        await asyncio.wait_for(lost.wait(), 10)
        assert not end.take()

    asyncio.run(work())
