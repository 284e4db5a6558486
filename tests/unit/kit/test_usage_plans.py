"""What usage plans leave to a key, counted by a clock of the test's."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from local_cloud.engine.rest_apis.usage import QuotaExceeded, Throttled, Usage, period_of

MONDAY = datetime(2026, 11, 30, 12, tzinfo=UTC)


def test_a_throttle_admits_its_burst_and_then_its_rate() -> None:
    usage, throttle = Usage(), {"rateLimit": 2, "burstLimit": 3}
    for _ in range(3):
        usage.admit(("plan", "key"), throttle, 100.0)
    with pytest.raises(Throttled):
        usage.admit(("plan", "key"), throttle, 100.0)
    usage.admit(("plan", "another"), throttle, 100.0)
    usage.admit(("plan", "key"), throttle, 100.5)
    with pytest.raises(Throttled):
        usage.admit(("plan", "key"), throttle, 100.5)


@pytest.mark.parametrize("throttle", [None, {}, {"rateLimit": 0.0, "burstLimit": 0}])
def test_without_limits_everything_is_admitted(throttle: dict[str, float] | None) -> None:
    usage = Usage()
    for _ in range(20_000):
        usage.admit(("plan",), throttle, 0.0)


@pytest.mark.parametrize(
    ("period", "next_period"),
    [("DAY", timedelta(days=1)), ("WEEK", timedelta(days=6)), ("MONTH", timedelta(days=1))],
)
def test_a_quota_counts_within_its_period(period: str, next_period: timedelta) -> None:
    usage, quota = Usage(), {"limit": "2", "period": period}
    for _ in range(2):
        usage.count("plan", "key", quota, MONDAY)
    with pytest.raises(QuotaExceeded):
        usage.count("plan", "key", quota, MONDAY)
    usage.count("plan", "another", quota, MONDAY)
    usage.count("plan", "key", quota, MONDAY + next_period)


def test_an_offset_is_taken_from_the_first_period_alone() -> None:
    usage, quota = Usage(), {"limit": 3, "offset": 2, "period": "DAY"}
    usage.count("plan", "key", quota, MONDAY)
    with pytest.raises(QuotaExceeded):
        usage.count("plan", "key", quota, MONDAY)
    for _ in range(3):
        usage.count("plan", "key", quota, MONDAY + timedelta(days=1))


def test_what_is_left_is_told_and_can_be_set() -> None:
    usage, quota = Usage(), {"limit": 5, "period": "DAY"}
    for _ in range(2):
        usage.count("plan", "key", quota, MONDAY)
    today = MONDAY.date()
    assert usage.told("plan", "key", quota, today, today) == [[2, 3]]
    usage.set_remaining("plan", "key", quota, 1, MONDAY)
    usage.count("plan", "key", quota, MONDAY)
    with pytest.raises(QuotaExceeded):
        usage.count("plan", "key", quota, MONDAY)
    assert usage.told("plan", "key", quota, today, today) == [[3, 0]]


def test_a_week_begins_on_its_sunday() -> None:
    assert period_of("WEEK", date(2026, 11, 28)) == date(2026, 11, 22)
    assert period_of("WEEK", date(2026, 11, 29)) == date(2026, 11, 29)
    assert period_of("MONTH", date(2026, 11, 30)) == date(2026, 11, 1)
