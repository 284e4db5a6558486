"""Carries functions' log lines to the terminal and to CloudWatch Logs, in order.

https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutLogEvents.html
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
import time
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

if TYPE_CHECKING:
    from mypy_boto3_logs import CloudWatchLogsClient

FLUSH_SECONDS = 0.1
RETRY_SECONDS = 1.0
# Of a batch: 10,000 events and 1 MB with 26 bytes of overhead for each event.
MAX_BATCH_EVENTS = 10_000
MAX_BATCH_BYTES = 1_000_000
# Held back while CloudWatch Logs does not answer; older lines are dropped first.
MAX_WAITING_EVENTS = 50_000


@dataclass
class LogStream:
    """The lines of one execution environment that have not been delivered yet.

    Args:
        label: stands before a line on the terminal; without one it is not printed.
    """

    group: str
    name: str
    label: str
    shipper: LogShipper
    waiting: deque[tuple[int, str]] = field(
        default_factory=lambda: deque(maxlen=MAX_WAITING_EVENTS)
    )
    created: bool = False
    closed: bool = False

    def write(self, line: str) -> None:
        """Take one line; it is delivered soon after."""
        if self.label:
            self.shipper.print(f"{self.label} | {line}\n")
        if line:  # CloudWatch Logs takes no empty message
            self.waiting.append((int(time.time() * 1000), line))
            self.shipper.has_work.set()


def stream_name(environment: str) -> str:
    """Return the name of the log stream that an execution environment begins today."""
    return f"{time.strftime('%Y/%m/%d', time.gmtime())}/[$LATEST]{environment}"


class LogShipper:
    """Delivers the waiting lines of every stream, a batch at a time.

    Args:
        client: a CloudWatch Logs client, or ``None`` to print to the terminal only.
    """

    def __init__(self, client: CloudWatchLogsClient | None) -> None:
        self.client = client
        self.streams: list[LogStream] = []
        self.has_work = asyncio.Event()
        self._printed: list[str] = []

    def open(self, group: str, stream: str, label: str = "") -> LogStream:
        log = LogStream(group, stream, label, self)
        self.streams.append(log)
        return log

    def close(self, stream: LogStream) -> None:
        """Forget a stream once what it holds has been delivered."""
        stream.closed = True
        self.has_work.set()

    def print(self, text: str) -> None:
        if not self._printed:
            asyncio.get_running_loop().call_soon(self._print_all)
        self._printed.append(text)

    def _print_all(self) -> None:
        sys.stdout.write("".join(self._printed))
        sys.stdout.flush()
        self._printed.clear()

    async def run(self) -> None:
        """Deliver until cancelled."""
        while True:
            await self.has_work.wait()
            self.has_work.clear()
            await asyncio.sleep(FLUSH_SECONDS)  # gathers a batch
            if not await self.flush():
                await asyncio.sleep(RETRY_SECONDS)
                self.has_work.set()

    async def flush(self) -> bool:
        """Deliver what is waiting; return whether all of it arrived."""
        if self.client is None:
            self.streams = [stream for stream in self.streams if not stream.closed]
            for stream in self.streams:
                stream.waiting.clear()
            return True
        loop = asyncio.get_running_loop()
        for stream in list(self.streams):
            while stream.waiting:
                batch = _next_batch(stream.waiting)
                try:
                    await loop.run_in_executor(None, self._put, stream, batch)
                except (ClientError, BotoCoreError):
                    return False
                for _ in batch:
                    with contextlib.suppress(IndexError):  # dropped meanwhile: it was full
                        stream.waiting.popleft()
            if stream.closed:
                self.streams.remove(stream)
        return True

    def _put(self, stream: LogStream, batch: list[tuple[int, str]]) -> None:
        assert self.client is not None
        if not stream.created:
            self._create(stream)
        try:
            self.client.put_log_events(
                logGroupName=stream.group,
                logStreamName=stream.name,
                logEvents=[{"timestamp": ts, "message": text} for ts, text in batch],
            )
        except self.client.exceptions.ResourceNotFoundException:
            stream.created = False  # the engine was reset; the next try makes it anew
            raise

    def _create(self, stream: LogStream) -> None:
        assert self.client is not None
        with contextlib.suppress(self.client.exceptions.ResourceAlreadyExistsException):
            self.client.create_log_group(logGroupName=stream.group)
        with contextlib.suppress(self.client.exceptions.ResourceAlreadyExistsException):
            self.client.create_log_stream(logGroupName=stream.group, logStreamName=stream.name)
        stream.created = True


def _next_batch(waiting: deque[tuple[int, str]]) -> list[tuple[int, str]]:
    batch: list[tuple[int, str]] = []
    size = 0
    for event in waiting:
        size += len(event[1].encode()) + 26
        if batch and (size > MAX_BATCH_BYTES or len(batch) == MAX_BATCH_EVENTS):
            break
        batch.append(event)
    return batch
