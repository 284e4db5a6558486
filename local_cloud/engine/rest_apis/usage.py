"""What usage plans leave to a key: how fast, and how much within a day, a week or a month.

https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-api-usage-plans.html
https://docs.aws.amazon.com/apigateway/latest/api/API_QuotaSettings.html
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

from local_aws.throttle import TokenBucket

#: A second and at once: what an account has, where a plan says one of the two alone.
ACCOUNT_RATE, ACCOUNT_BURST = 10_000.0, 5_000
#: Days by which usage is told.
MOST_DAYS = 90


class Throttled(Exception):
    """Too many requests come at once: 429."""


class QuotaExceeded(Exception):
    """A key has had what its plan gives it in this period: 429."""


@dataclass
class _Counted:
    """What a key has used of a plan."""

    first_period: date
    period: date
    used: int = 0
    #: What ``UpdateUsage`` has said is left of the period, less what was used since.
    remaining: int | None = None
    days: dict[date, tuple[int, int]] = field(default_factory=dict)


class Usage:
    """Counts the requests of keys, from the start of the engine on."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._buckets: dict[tuple[str, ...], tuple[float, int, TokenBucket]] = {}
        self._counted: dict[tuple[str, str], _Counted] = {}

    def admit(self, name: tuple[str, ...], throttle: Mapping[str, Any] | None, now: float) -> None:
        """Take a token of a bucket; a limit that has changed begins anew.

        Args:
            name: of the bucket.
            throttle: ``rateLimit`` and ``burstLimit``.
            now: seconds, of a clock that does not go back.

        Raises:
            Throttled: there is none.
        """
        limits = limits_of(throttle)
        if limits is None:
            return
        with self._lock:
            known = self._buckets.get(name)
            if known is None or known[:2] != limits:
                known = self._buckets[name] = (*limits, TokenBucket(*limits))
            if not known[2].admits(now):
                raise Throttled

    def count(self, plan: str, key: str, quota: Mapping[str, Any] | None, now: datetime) -> None:
        """Count a request.

        Raises:
            QuotaExceeded: it is one too many, and not counted.
        """
        today = now.astimezone(UTC).date()
        with self._lock:
            counted = self._of(plan, key, quota, today)
            left = _left(counted, quota)
            if left is not None and left <= 0:
                raise QuotaExceeded
            counted.used += 1
            if counted.remaining is not None:
                counted.remaining -= 1
            used_today = counted.days.get(today, (0, 0))[0] + 1
            counted.days[today] = used_today, -1 if left is None else left - 1
            while len(counted.days) > MOST_DAYS:
                del counted.days[min(counted.days)]

    def set_remaining(
        self, plan: str, key: str, quota: Mapping[str, Any] | None, left: int, now: datetime
    ) -> None:
        """Say how many requests are left of a key's period."""
        today = now.astimezone(UTC).date()
        with self._lock:
            counted = self._of(plan, key, quota, today)
            counted.remaining = left
            counted.days[today] = counted.days.get(today, (0, 0))[0], left

    def told(
        self, plan: str, key: str, quota: Mapping[str, Any] | None, first: date, last: date
    ) -> list[list[int]]:
        """Return a key's used and remaining requests on each day, both included."""
        with self._lock:
            counted = self._of(plan, key, quota, last)
            left = _left(counted, quota)
            rest = -1 if left is None else left
            days = [first + timedelta(n) for n in range((last - first).days + 1)]
            return [list(counted.days.get(day, (0, rest))) for day in days]

    def _of(self, plan: str, key: str, quota: Mapping[str, Any] | None, today: date) -> _Counted:
        period = period_of(str((quota or {}).get("period") or "DAY"), today)
        counted = self._counted.setdefault((plan, key), _Counted(period, period))
        if counted.period != period:
            counted.period, counted.used, counted.remaining = period, 0, None
        return counted


def limits_of(throttle: Mapping[str, Any] | None) -> tuple[float, int] | None:
    """Return rate and burst of a throttle, ``None`` where there is none."""
    rate, burst = (throttle or {}).get("rateLimit"), (throttle or {}).get("burstLimit")
    # Zero is how LocalStack tells a limit that nobody has set.
    if not float(rate or 0) and not int(float(burst or 0)):
        return None
    return float(rate or ACCOUNT_RATE), int(float(burst or ACCOUNT_BURST))


def period_of(period: str, today: date) -> date:
    """Return the day on which a period began: weeks begin on Sundays."""
    if period == "MONTH":
        return today.replace(day=1)
    if period == "WEEK":
        return today - timedelta(today.isoweekday() % 7)
    return today


def _left(counted: _Counted, quota: Mapping[str, Any] | None) -> int | None:
    """Return how many requests are left, ``None`` where there is no limit."""
    if counted.remaining is not None:
        return counted.remaining
    limit = (quota or {}).get("limit")
    if limit in (None, ""):
        return None
    # An offset is taken from the first period alone.
    offset = int((quota or {}).get("offset") or 0) if counted.period == counted.first_period else 0
    return int(limit or 0) - offset - counted.used
