"""Puts metrics and access logs to CloudWatch in the engine, a batch at a time.

Spoken over the gateway's own HTTP client: an SDK would double the memory of the process for
three calls.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricData.html
https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutLogEvents.html
"""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from collections import deque
from collections.abc import Mapping
from urllib.parse import urlencode

import orjson

from local_aws.account import REGION
from local_aws.http1 import ConnectionFailed, HttpClient
from websocket_gateway.core.metrics import COUNTERS, LATENCY, Dimensions, Metrics

LOG = logging.getLogger(__name__)
NAMESPACE = "AWS/ApiGateway"
LOG_SECONDS = 1.0
MAX_WAITING_LINES = 10_000
MAX_BATCH = 1000
MAX_METRICS = 150


class CloudWatch:
    """Delivers while it runs; what the engine does not take is tried again.

    Args:
        endpoint: ``http://host:port`` of the engine.
        metrics_seconds: how often metrics are put. On AWS it is once a minute.
    """

    def __init__(self, endpoint: str, metrics_seconds: float) -> None:
        self.http = HttpClient(endpoint)
        self.metrics_seconds = metrics_seconds
        self.lines: dict[str, deque[tuple[int, str]]] = {}
        self.stream = f"{time.strftime('%Y/%m/%d', time.gmtime())}/{secrets.token_hex(8)}"
        self.created: set[str] = set()
        self._has_lines = asyncio.Event()
        self._sent: dict[tuple[str, Dimensions], float] = {}

    def log(self, group: str, line: str) -> None:
        """Take one access log line."""
        waiting = self.lines.setdefault(group, deque(maxlen=MAX_WAITING_LINES))
        waiting.append((time.time_ns() // 1_000_000, line))
        self._has_lines.set()

    async def deliver_logs(self) -> None:
        """Put log lines until cancelled."""
        while True:
            await self._has_lines.wait()
            self._has_lines.clear()
            await asyncio.sleep(LOG_SECONDS)  # gathers a batch
            for group, waiting in list(self.lines.items()):  # more come while it delivers
                while waiting:
                    batch = [waiting[i] for i in range(min(MAX_BATCH, len(waiting)))]
                    if not await self._put_lines(group, batch):
                        self._has_lines.set()
                        break
                    for _ in batch:
                        waiting.popleft()

    async def deliver_metrics(self, metrics: Metrics) -> None:
        """Put what has been counted since, again and again, until cancelled."""
        while True:
            await asyncio.sleep(self.metrics_seconds)
            await self.put_metrics(metrics)

    async def put_metrics(self, metrics: Metrics) -> None:
        """Put what has been counted since the last time."""
        data: list[dict[str, str]] = []
        sent: dict[tuple[str, Dimensions], float] = {}
        for name in COUNTERS:
            for dimensions, value in metrics.counters[name].items():
                new = value - self._sent.get((name, dimensions), 0)
                if new:
                    data.append({**_named(name, dimensions), "Value": str(new), "Unit": "Count"})
                    sent[name, dimensions] = value
        for dimensions, latency in metrics.latencies.items():
            count = latency.count - self._sent.get(("count", dimensions), 0)
            if count:
                total = latency.total - self._sent.get(("total", dimensions), 0)
                statistics = {
                    "StatisticValues.SampleCount": str(count),
                    "StatisticValues.Sum": f"{total:.3f}",
                    "StatisticValues.Minimum": f"{latency.smallest:.3f}",
                    "StatisticValues.Maximum": f"{latency.largest:.3f}",
                }
                data.append({**_named(LATENCY, dimensions), **statistics, "Unit": "Milliseconds"})
                sent["count", dimensions] = latency.count
                sent["total", dimensions] = latency.total
        for start in range(0, len(data), MAX_METRICS):
            form = {"Action": "PutMetricData", "Version": "2010-08-01", "Namespace": NAMESPACE}
            for number, datum in enumerate(data[start : start + MAX_METRICS], 1):
                form |= {f"MetricData.member.{number}.{k}": v for k, v in datum.items()}
            body = urlencode(form).encode()
            kind = "application/x-www-form-urlencoded; charset=utf-8"
            if not await self._post("monitoring", body, {"Content-Type": kind}):
                return
        self._sent.update(sent)

    async def _put_lines(self, group: str, batch: list[tuple[int, str]]) -> bool:
        names = {"logGroupName": group, "logStreamName": self.stream}
        if group not in self.created:
            await self._logs("CreateLogGroup", {"logGroupName": group})
            if not await self._logs("CreateLogStream", names):
                return False
            self.created.add(group)
        events = [{"timestamp": at, "message": line} for at, line in batch]
        if await self._logs("PutLogEvents", {**names, "logEvents": events}):
            return True
        self.created.discard(group)  # the engine was reset; the next try makes it anew
        return False

    async def _logs(self, operation: str, body: Mapping[str, object]) -> bool:
        headers = {
            "Content-Type": "application/x-amz-json-1.1",
            "X-Amz-Target": f"Logs_20140328.{operation}",
        }
        return await self._post("logs", orjson.dumps(body), headers)

    async def _post(self, service: str, body: bytes, headers: dict[str, str]) -> bool:
        """Return whether the engine took it."""
        scope = f"{time.strftime('%Y%m%d', time.gmtime())}/{REGION}/{service}/aws4_request"
        # The engine looks at whose request it is, not at the signature.
        headers["Authorization"] = (
            f"AWS4-HMAC-SHA256 Credential=test/{scope}, SignedHeaders=host, Signature=0"
        )
        try:
            async with asyncio.timeout(10):
                answer = await self.http.request("POST", "/", body, headers)
        except (ConnectionFailed, TimeoutError):
            return False  # the engine is down or starting: the next turn tries again
        return answer.status == 200 or b"ResourceAlreadyExistsException" in answer.body


def _named(name: str, dimensions: Dimensions) -> dict[str, str]:
    datum = {"MetricName": name}
    for number, pair in enumerate(zip(("ApiId", "Stage", "Route"), dimensions, strict=True), 1):
        datum[f"Dimensions.member.{number}.Name"] = pair[0]
        datum[f"Dimensions.member.{number}.Value"] = pair[1]
    return datum
