"""Invocations and errors of functions as CloudWatch metrics, some at a time.

https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html
"""

from __future__ import annotations

import logging
import threading
from collections import Counter
from typing import NamedTuple

from localstack.aws.connect import connect_to

from local_aws.background import start_thread

LOG = logging.getLogger(__name__)
SECONDS = 1.0


class Function(NamedTuple):
    """Whose metrics these are."""

    account: str
    region: str
    name: str


class Metrics:
    """Counts, and sends what was counted once a second, from a thread of its own."""

    def __init__(self) -> None:
        self._counts: Counter[tuple[Function, str]] = Counter()
        self._lock = threading.Lock()
        self._some = threading.Event()
        start_thread(self._run, "lambda-metrics")

    def count(self, function: Function, *, failed: bool) -> None:
        with self._lock:
            self._counts[function, "Invocations"] += 1
            self._counts[function, "Errors"] += failed
        self._some.set()

    def _run(self) -> None:
        pause = threading.Event()
        while True:
            self._some.wait()
            pause.wait(SECONDS)  # what comes meanwhile is sent along
            self._some.clear()
            with self._lock:
                counts, self._counts = self._counts, Counter()
            for (function, name), count in counts.items():
                self._send(function, name, count)

    def _send(self, function: Function, name: str, count: int) -> None:
        client = connect_to(
            aws_access_key_id=function.account, region_name=function.region
        ).cloudwatch
        dimensions = [{"Name": "FunctionName", "Value": function.name}]
        data = {"MetricName": name, "Dimensions": dimensions, "Value": count, "Unit": "Count"}
        try:
            client.put_metric_data(Namespace="AWS/Lambda", MetricData=[data])
        except Exception as error:  # noqa: BLE001 - those of others are sent all the same
            LOG.warning("metrics of %s: %r", function.name, error)
