"""Lines on their way to CloudWatch Logs, with a fake clock and a fake engine."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from local_aws.aws_api import EngineAway
from local_aws.http_message import Response
from local_aws.log_delivery import MAX_BATCH_EVENTS, MAX_WAITING_EVENTS, LogDelivery
from tests.unit.virtual_time import now, run


@dataclass
class Engine:
    """CloudWatch Logs, as far as lines need it."""

    away: bool = False
    refuses: bytes = b""
    groups: set[str] = field(default_factory=set)
    streams: dict[tuple[str, str], list[tuple[int, str]]] = field(default_factory=dict)
    puts: int = 0

    async def post(self, service: str, body: bytes, headers: Mapping[str, str]) -> Response:
        await asyncio.sleep(0.01)
        if self.away:
            raise EngineAway("away")
        asked: dict[str, Any] = json.loads(body)
        operation = headers["X-Amz-Target"].partition(".")[2]
        key = (asked["logGroupName"], asked.get("logStreamName", ""))
        if operation == "CreateLogGroup":
            self.groups.add(key[0])
        elif operation == "CreateLogStream":
            self.streams.setdefault(key, [])
        elif self.refuses and self.refuses in body:
            return Response(400, b'{"__type": "InvalidParameterException"}')
        elif key not in self.streams:
            return Response(400, b'{"__type": "ResourceNotFoundException"}')
        else:
            self.puts += 1
            events = [(e["timestamp"], e["message"]) for e in asked["logEvents"]]
            self.streams[key] += events
        return Response(200)

    def lines(self, stream: str = "s", group: str = "g") -> list[str]:
        return [text for _, text in self.streams.get((group, stream), [])]


async def settle(delivery: LogDelivery, seconds: float = 5.0) -> None:
    """Let it deliver for a while."""
    task = asyncio.create_task(delivery.run())
    await asyncio.sleep(seconds)
    task.cancel()


def test_lines_arrive_in_order_in_as_few_calls_as_can_be() -> None:
    engine = Engine()

    async def work() -> None:
        delivery = LogDelivery(engine, now)
        for number in range(100):
            delivery.write("g", "s", str(number))
        await settle(delivery)
        assert delivery.waiting == {}

    run(work())
    assert engine.lines() == [str(number) for number in range(100)]
    assert engine.puts == 1


def test_a_line_that_comes_after_its_stream_was_delivered_arrives_too() -> None:
    engine = Engine()

    async def work() -> None:
        delivery = LogDelivery(engine, now)
        delivery.write("g", "s", "START")
        await settle(delivery)
        delivery.write("g", "s", "END")
        await settle(delivery)

    run(work())
    assert engine.lines() == ["START", "END"]


def test_an_engine_that_is_away_is_waited_for() -> None:
    engine = Engine(away=True)

    async def work() -> None:
        delivery = LogDelivery(engine, now)
        delivery.write("g", "s", "one")
        running = asyncio.create_task(delivery.run())
        await asyncio.sleep(30)
        delivery.write("g", "s", "two")
        engine.away = False
        await asyncio.sleep(5)
        running.cancel()

    run(work())
    assert engine.lines() == ["one", "two"]


def test_an_engine_that_was_emptied_gets_its_groups_again() -> None:
    engine = Engine()

    async def work() -> None:
        delivery = LogDelivery(engine, now)
        delivery.write("g", "s", "one")
        await settle(delivery)
        engine.groups.clear()
        engine.streams.clear()
        delivery.write("g", "s", "two")
        await settle(delivery)

    run(work())
    assert engine.lines() == ["two"]


def test_what_is_refused_holds_up_nothing() -> None:
    engine = Engine(refuses=b"bad")

    async def work() -> None:
        delivery = LogDelivery(engine, now)
        delivery.write("g", "s", "bad")
        delivery.write("g", "other", "good")
        await settle(delivery)
        assert delivery.waiting == {}

    run(work())
    assert engine.lines("other") == ["good"]


def test_batches_keep_within_what_a_call_may_carry() -> None:
    engine = Engine()

    async def work() -> None:
        delivery = LogDelivery(engine, now)
        for number in range(MAX_BATCH_EVENTS + 1):
            delivery.write("g", "s", str(number))
        for _ in range(12):
            delivery.write("g", "large", "x" * 100_000)
        await settle(delivery)

    run(work())
    assert len(engine.lines()) == MAX_BATCH_EVENTS + 1
    assert len(engine.lines("large")) == 12
    assert engine.puts == 4


def test_of_too_many_waiting_lines_the_oldest_go_and_the_log_says_how_many() -> None:
    engine = Engine(away=True)

    async def work() -> None:
        delivery = LogDelivery(engine, now)
        for number in range(MAX_WAITING_EVENTS + 5):
            delivery.write("g", "s", str(number))
        assert not await delivery.flush()
        delivery.write("g", "s", "last")
        engine.away = False
        await delivery.flush()
        delivery.write("g", "s", "later")
        await delivery.flush()

    run(work())
    first, *lines = engine.lines()
    assert first.startswith("6 lines were left out here")
    assert lines[0] == "6"
    assert lines[-2:] == ["last", "later"]
    assert len(lines) == MAX_WAITING_EVENTS + 1
    assert not any("left out" in line for line in lines), "it is said once"


def test_a_delivery_that_is_stopped_in_the_middle_loses_nothing() -> None:
    engine = Engine()

    async def work() -> None:
        delivery = LogDelivery(engine, now)
        delivery.write("g", "s", "one")
        running = asyncio.create_task(delivery.run())
        await asyncio.sleep(0.105)  # its first call is on its way
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        assert await delivery.flush()

    run(work())
    assert engine.lines() == ["one"]


def test_without_an_engine_nothing_is_kept() -> None:
    delivery = LogDelivery(None)
    delivery.write("g", "s", "line")
    assert delivery.waiting == {}
