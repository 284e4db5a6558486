"""Metrics on their way to CloudWatch: none twice, none lost while the engine is away."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qs

from local_aws.aws_api import EngineAway
from local_aws.http_message import Response
from websocket_gateway.core.metrics import Metrics
from websocket_gateway.metric_delivery import MAX_METRICS, MetricDelivery


@dataclass
class Engine:
    """Takes batches, or is away for those whose number is in ``away``."""

    away: set[int] = field(default_factory=set)
    calls: int = 0
    taken: list[dict[str, str]] = field(default_factory=list)

    async def post(self, service: str, body: bytes, headers: Mapping[str, str]) -> Response:
        self.calls += 1
        if self.calls in self.away:
            raise EngineAway("away")
        form = {name: values[0] for name, values in parse_qs(body.decode()).items()}
        number = 1
        while f"MetricData.member.{number}.MetricName" in form:
            prefix = f"MetricData.member.{number}."
            self.taken.append(
                {k.removeprefix(prefix): v for k, v in form.items() if k.startswith(prefix)}
            )
            number += 1
        return Response(200)


def test_a_batch_that_failed_is_sent_again_and_no_other() -> None:
    engine, metrics = Engine(away={2}), Metrics()
    delivery = MetricDelivery(engine, metrics, 60)
    for number in range(MAX_METRICS + 10):
        metrics.count("MessageCount", ("api", "dev", f"r{number:03}"))
    assert asyncio.run(delivery.flush()) is False
    assert len(engine.taken) == MAX_METRICS
    assert asyncio.run(delivery.flush()) is True
    routes = [datum["Dimensions.member.3.Value"] for datum in engine.taken]
    assert sorted(routes) == [f"r{number:03}" for number in range(MAX_METRICS + 10)]


def test_what_was_measured_meanwhile_is_added_to_what_waits() -> None:
    engine, metrics = Engine(away={1}), Metrics()
    delivery = MetricDelivery(engine, metrics, 60)
    metrics.latency(("api", "dev", "say"), 5.0)
    metrics.count("MessageCount", ("api", "dev", ""))
    asyncio.run(delivery.flush())
    metrics.latency(("api", "dev", "say"), 2.0)
    metrics.count("MessageCount", ("api", "dev", ""))
    asyncio.run(delivery.flush())
    latency, count = sorted(engine.taken, key=lambda datum: datum["MetricName"])
    assert latency["StatisticValues.SampleCount"] == "2"
    assert latency["StatisticValues.Minimum"] == "2.000"
    assert latency["StatisticValues.Maximum"] == "5.000"
    assert count["Value"] == "2"
    assert "Dimensions.member.3.Name" not in count, "what belongs to no route names none"
