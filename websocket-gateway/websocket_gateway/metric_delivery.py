"""Puts the gateway's metrics to CloudWatch in the engine, an interval at a time.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricData.html
"""

from __future__ import annotations

import asyncio
from itertools import islice
from urllib.parse import urlencode

from local_aws.aws_api import Api, EngineAway
from websocket_gateway.core.metrics import LATENCY, Dimensions, Interval, Metrics, Statistics

NAMESPACE = "AWS/ApiGateway"
MAX_METRICS = 150


class MetricDelivery:
    """Delivers while it runs; what the engine did not take is part of the next interval.

    Args:
        seconds: how often metrics are put. On AWS it is once a minute.
    """

    def __init__(self, api: Api, metrics: Metrics, seconds: float) -> None:
        self.api = api
        self.metrics = metrics
        self.seconds = seconds
        self.waiting: Interval = {}

    async def run(self) -> None:
        """Deliver until cancelled."""
        while True:
            await asyncio.sleep(self.seconds)
            await self.flush()

    async def flush(self) -> bool:
        """Put what was measured since the last time; return whether all of it arrived."""
        self._hold(self.metrics.drain())
        while self.waiting:
            batch = {key: self.waiting.pop(key) for key in list(islice(self.waiting, MAX_METRICS))}
            arrived = False
            try:
                arrived = await self._put(batch)
            finally:
                if not arrived:
                    self._hold(batch)
            if not arrived:
                return False
        return True

    def _hold(self, interval: Interval) -> None:
        for key, statistics in interval.items():
            self.waiting.setdefault(key, Statistics()).merge(statistics)

    async def _put(self, batch: Interval) -> bool:
        form = {"Action": "PutMetricData", "Version": "2010-08-01", "Namespace": NAMESPACE}
        for number, ((name, dimensions), statistics) in enumerate(batch.items(), 1):
            datum = _datum(name, dimensions, statistics)
            form |= {f"MetricData.member.{number}.{k}": v for k, v in datum.items()}
        kind = "application/x-www-form-urlencoded; charset=utf-8"
        try:
            answer = await self.api.post(
                "monitoring", urlencode(form).encode(), {"Content-Type": kind}
            )
        except EngineAway:
            return False
        return answer.status == 200


def _datum(name: str, dimensions: Dimensions, statistics: Statistics) -> dict[str, str]:
    datum = {"MetricName": name}
    if name == LATENCY:
        datum |= {
            "StatisticValues.SampleCount": str(statistics.count),
            "StatisticValues.Sum": f"{statistics.total:.3f}",
            "StatisticValues.Minimum": f"{statistics.smallest:.3f}",
            "StatisticValues.Maximum": f"{statistics.largest:.3f}",
            "Unit": "Milliseconds",
        }
    else:
        datum |= {"Value": f"{statistics.total:.0f}", "Unit": "Count"}
    named = zip(("ApiId", "Stage", "Route"), dimensions, strict=True)
    for number, (key, value) in enumerate(((k, v) for k, v in named if v), 1):
        datum[f"Dimensions.member.{number}.Name"] = key
        datum[f"Dimensions.member.{number}.Value"] = value
    return datum
