"""``awslocal logs tail``: its times and its lines."""

from __future__ import annotations

import pytest

from local_cloud.awslocal.tail import format_event, since_to_milliseconds

EVENT = {"timestamp": 1_700_000_000_123, "logStreamName": "s", "message": '{"a": 1}'}


@pytest.mark.parametrize(
    ("since", "milliseconds"),
    [
        ("10s", 990_000),
        ("1m", 940_000),
        ("1970-01-01T00:00:05", 5_000),
        ("1970-01-01T01:00:05+01:00", 5_000),
    ],
)
def test_since_is_a_span_or_a_moment(since: str, milliseconds: int) -> None:
    assert since_to_milliseconds(since, now=1000.0) == milliseconds


@pytest.mark.parametrize("since", ["", "ten minutes", "10y"])
def test_any_other_since_is_refused(since: str) -> None:
    with pytest.raises(ValueError, match="--since"):
        since_to_milliseconds(since, now=1000.0)


@pytest.mark.parametrize(
    ("style", "line"),
    [
        ("detailed", '2023-11-14T22:13:20.123000+00:00 s {"a": 1}'),
        ("short", '2023-11-14T22:13:20 {"a": 1}'),
        ("json", '2023-11-14T22:13:20 {\n    "a": 1\n}'),
    ],
)
def test_an_event_is_a_line_of_the_chosen_form(style: str, line: str) -> None:
    assert format_event(EVENT, style) == line
