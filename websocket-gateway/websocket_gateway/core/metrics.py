"""The metrics that API Gateway publishes for WebSocket APIs, under its own names.

``MessageCount`` counts messages from clients and to clients; one that ``@connections`` sends
belongs to no route.

https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-websocket-api-logging.html
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

COUNTERS = ("ConnectCount", "MessageCount", "IntegrationError", "ClientError", "ExecutionError")
LATENCY = "IntegrationLatency"
#: Upper bounds of the latency histogram, in milliseconds.
BUCKETS = (1, 2, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10_000, 29_000)

#: API id, stage and route key; the last is empty where there is no route.
Dimensions = tuple[str, str, str]


@dataclass
class Statistics:
    """How many values there were, and their sum, least and greatest."""

    count: int = 0
    total: float = 0.0
    smallest: float = float("inf")
    largest: float = float("-inf")

    def add(self, value: float) -> None:
        self.count += 1
        self.total += value
        if value < self.smallest:
            self.smallest = value
        if value > self.largest:
            self.largest = value

    def merge(self, other: Statistics) -> None:
        self.count += other.count
        self.total += other.total
        self.smallest = min(self.smallest, other.smallest)
        self.largest = max(self.largest, other.largest)


#: What was measured in an interval, by metric and dimensions: counts have a total alone.
Interval = dict[tuple[str, Dimensions], Statistics]


@dataclass
class Latency:
    """A distribution of milliseconds."""

    counts: list[int] = field(default_factory=lambda: [0] * (len(BUCKETS) + 1))
    count: int = 0
    total: float = 0.0

    def add(self, milliseconds: float) -> None:
        index = 0
        while index < len(BUCKETS) and milliseconds > BUCKETS[index]:
            index += 1
        self.counts[index] += 1
        self.count += 1
        self.total += milliseconds


class Metrics:
    """Counts since the start, and of the interval that :meth:`drain` ends."""

    def __init__(self) -> None:
        self.counters: dict[str, dict[Dimensions, int]] = {name: {} for name in COUNTERS}
        self.latencies: dict[Dimensions, Latency] = {}
        #: What the counters were, and what the latencies have been, since the interval began.
        self._drained: dict[tuple[str, Dimensions], int] = {}
        self._window: dict[Dimensions, Statistics] = {}

    def count(self, name: str, dimensions: Dimensions) -> None:
        """Count one event of a metric."""
        values = self.counters[name]
        values[dimensions] = values.get(dimensions, 0) + 1

    def latency(self, dimensions: Dimensions, milliseconds: float) -> None:
        """Record how long an integration took."""
        found = self.latencies.get(dimensions)
        if found is None:
            found = self.latencies[dimensions] = Latency()
        found.add(milliseconds)
        window = self._window.get(dimensions)
        if window is None:
            window = self._window[dimensions] = Statistics()
        window.add(milliseconds)

    def drain(self) -> Interval:
        """Return what was measured since the last time, and begin a new interval."""
        interval: Interval = {(LATENCY, d): window for d, window in self._window.items()}
        self._window = {}
        for name, values in self.counters.items():
            for dimensions, value in values.items():
                new = value - self._drained.get((name, dimensions), 0)
                if new:
                    self._drained[name, dimensions] = value
                    interval[name, dimensions] = Statistics(1, new)
        return interval

    def prometheus(self, connections: int) -> str:
        """Return everything in Prometheus' text format 0.0.4."""
        return "\n".join(self._lines(connections)) + "\n"

    def _lines(self, connections: int) -> Iterator[str]:
        for name, values in self.counters.items():
            yield f"# TYPE {name} counter"
            for dimensions, value in values.items():
                yield f"{name}{{{_labels(dimensions)}}} {value}"
        yield f"# HELP {LATENCY} Milliseconds between the request to an integration and its answer."
        yield f"# TYPE {LATENCY} histogram"
        for dimensions, latency in self.latencies.items():
            labels, cumulated = _labels(dimensions), 0
            for bound, count in zip((*BUCKETS, "+Inf"), latency.counts, strict=True):
                cumulated += count
                yield f'{LATENCY}_bucket{{{labels},le="{bound}"}} {cumulated}'
            yield f"{LATENCY}_sum{{{labels}}} {latency.total:.3f}"
            yield f"{LATENCY}_count{{{labels}}} {latency.count}"
        yield "# TYPE Connections gauge"
        yield f"Connections {connections}"


def _labels(dimensions: Dimensions) -> str:
    pairs = zip(("ApiId", "Stage", "Route"), dimensions, strict=True)
    return ",".join(f'{name}="{_escaped(value)}"' for name, value in pairs)


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
