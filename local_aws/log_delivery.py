"""Delivers lines to CloudWatch Logs in the engine, in order, a batch at a time.

https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutLogEvents.html
"""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections import Counter, deque
from collections.abc import Callable, Mapping

from local_aws.aws_api import Api, EngineAway
from local_aws.http_message import Response

LOG = logging.getLogger(__name__)

#: Seconds in which a batch gathers, and after which one that did not arrive is tried again.
GATHER_SECONDS, RETRY_SECONDS = 0.1, 1.0
# Of a batch: 10,000 events and 1 MB with 26 bytes of overhead for each event.
MAX_BATCH_EVENTS = 10_000 - 1  # and one that tells of lines that are missing
MAX_BATCH_BYTES = 1_000_000
#: Of a stream, held back while the engine is away; older lines are dropped first, and the log says
#: how many.
MAX_WAITING_EVENTS = 50_000

#: A line and its time, in milliseconds since 1970.
Event = tuple[int, str]
#: A log stream's group and name.
Stream = tuple[str, str]


class LogDelivery:
    """Takes lines at any time, and delivers them while :meth:`run` runs.

    Args:
        api: where they go; without one they go nowhere.
        clock: seconds since 1970.
    """

    def __init__(self, api: Api | None, clock: Callable[[], float] = time.time) -> None:
        self.api = api
        self.clock = clock
        #: Streams with lines that have not been delivered yet, and no others.
        self.waiting: dict[Stream, deque[Event]] = {}
        self._created: set[Stream] = set()
        #: How many lines of a stream were dropped, where the log does not say so yet.
        self._left_out: Counter[Stream] = Counter()
        self._has_work = asyncio.Event()
        self._delivering = asyncio.Lock()

    def write(self, group: str, stream: str, line: str) -> None:
        """Take one line."""
        if self.api is None or not line:  # CloudWatch Logs takes no empty message
            return
        events = self.waiting.get((group, stream))
        if events is None:
            events = self.waiting[group, stream] = deque()
        events.append((int(self.clock() * 1000), line))
        while len(events) > MAX_WAITING_EVENTS:
            events.popleft()
            if not self._left_out[group, stream]:
                LOG.warning("the first lines of %s are left out: the engine is away", group)
            self._left_out[group, stream] += 1
        self._has_work.set()

    async def run(self) -> None:
        """Deliver until cancelled."""
        while True:
            await self._has_work.wait()
            self._has_work.clear()
            await asyncio.sleep(GATHER_SECONDS)
            if not await self.flush():
                await asyncio.sleep(RETRY_SECONDS)
                self._has_work.set()

    async def flush(self) -> bool:
        """Deliver what is waiting; return whether all of it arrived."""
        async with self._delivering:
            for stream in list(self.waiting):
                while events := self.waiting.get(stream):
                    batch = _next_batch(events)
                    if not await self._deliver(stream, batch):
                        return False
                self.waiting.pop(stream, None)
        return True

    async def _deliver(self, stream: Stream, batch: list[Event]) -> bool:
        """Put a batch; when the engine is away, put it back to the front."""
        arrived = False
        left_out = self._left_out[stream]
        # In their place, with the time of what comes next: a stream's events are in order.
        words = f"{left_out} lines were left out here: the engine was away, and more were waiting"
        told = [(batch[0][0], words)] if left_out else []
        try:
            arrived = await self._put(stream, [*told, *batch])
            if arrived:
                self._left_out[stream] -= left_out
            return arrived
        except EngineAway:
            return False
        finally:
            if not arrived:
                self.waiting.setdefault(stream, deque()).extendleft(reversed(batch))

    async def _put(self, stream: Stream, batch: list[Event]) -> bool:
        group, name = stream
        names = {"logGroupName": group, "logStreamName": name}
        events = [{"timestamp": at, "message": line} for at, line in batch]
        # An engine that was emptied knows the stream no more: once again, with a new one.
        for _ in range(2):
            if stream not in self._created:
                await self._call("CreateLogGroup", {"logGroupName": group})
                await self._call("CreateLogStream", names)
                self._created.add(stream)
            answer = await self._call("PutLogEvents", {**names, "logEvents": events})
            if answer.status == 200:
                return True
            self._created.discard(stream)
            if answer.status >= 500:
                return False
            if b"ResourceNotFoundException" not in answer.body:
                break
        # Another try would be refused, too, and hold up what comes after it.
        said = answer.body[:200].decode(errors="replace")
        LOG.warning("%d lines of %s are refused: %s", len(batch), group, said)
        return True

    async def _call(self, operation: str, body: Mapping[str, object]) -> Response:
        assert self.api is not None
        headers = {
            "Content-Type": "application/x-amz-json-1.1",
            "X-Amz-Target": f"Logs_20140328.{operation}",
        }
        return await self.api.post("logs", json.dumps(body).encode(), headers)


def _next_batch(events: deque[Event]) -> list[Event]:
    """Take the first events, as many as one call may carry."""
    batch: list[Event] = []
    size = 0
    while events:
        size += len(events[0][1].encode()) + 26
        if batch and (size > MAX_BATCH_BYTES or len(batch) == MAX_BATCH_EVENTS):
            break
        batch.append(events.popleft())
    return batch
