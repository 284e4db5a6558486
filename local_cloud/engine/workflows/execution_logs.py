"""Logs of executions: data that CloudWatch Logs would not take are cut, and said to be.

https://docs.aws.amazon.com/step-functions/latest/dg/cw-logs.html#cloudwatch-payload
"""

from __future__ import annotations

import bisect
import json
from collections.abc import Mapping
from typing import Any

from localstack.services.stepfunctions.asl.eval.event.logging import CloudWatchLoggingSession

MAX_ESCAPED_BYTES = 248 * 1024


def cut_long_data() -> None:
    """Have LocalStack's logging cut an input or output that is too long, as AWS does."""
    theirs = CloudWatchLoggingSession.publish_history_log

    def publish(self: CloudWatchLoggingSession, history_log: Mapping[str, Any]) -> None:
        details = history_log.get("details") or {}
        theirs(self, {**history_log, "details": shortened(details)} if details else history_log)

    CloudWatchLoggingSession.publish_history_log = publish


def shortened(details: Mapping[str, Any]) -> dict[str, Any]:
    """Return the details of an event with its input and output cut where they are too long."""
    found = dict(details)
    for name in ("input", "output"):
        data = found.get(name)
        if isinstance(data, str) and len(kept := cut(data)) < len(data):
            found |= {name: kept, f"{name}Details": {"truncated": True}}
    return found


def cut(data: str, limit: int = MAX_ESCAPED_BYTES) -> str:
    """Return as much of the beginning as has, escaped as JSON, at most so many bytes."""
    if _escaped_bytes(data) <= limit:
        return data
    sizes = range(len(data))
    fitting = bisect.bisect_right(sizes, limit, key=lambda size: _escaped_bytes(data[:size]))
    return data[: fitting - 1]  # the size 0 is one of those that fit


def _escaped_bytes(data: str) -> int:
    return len(json.dumps(data, ensure_ascii=False).encode(errors="surrogatepass")) - 2
