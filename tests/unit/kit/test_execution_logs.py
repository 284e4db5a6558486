"""What the log of an execution has of data that are too long for CloudWatch Logs."""

from __future__ import annotations

import json

import pytest

from local_cloud.engine.workflows.execution_logs import MAX_ESCAPED_BYTES, cut, shortened


@pytest.mark.parametrize("one", ["a", '"', "é", "😀", "\n"])
def test_data_are_cut_where_they_would_be_too_long_escaped(one: str) -> None:
    size = len(json.dumps(one, ensure_ascii=False).encode()) - 2
    assert cut(one * 100, 50 * size) == one * 50
    assert cut(one * 50, 50 * size) == one * 50
    assert cut(one * 51, 50 * size + size - 1) == one * 50


def test_an_event_says_that_its_data_were_cut_and_the_history_keeps_them() -> None:
    details = {"name": "S", "input": "x" * 250_000, "inputDetails": {"truncated": False}}
    long = {**details, "input": "x" * (MAX_ESCAPED_BYTES + 1)}
    assert shortened(details) == details
    assert shortened(long) == {
        "name": "S",
        "input": "x" * MAX_ESCAPED_BYTES,
        "inputDetails": {"truncated": True},
    }
    assert len(long["input"]) == MAX_ESCAPED_BYTES + 1
    assert long["inputDetails"] == {"truncated": False}
