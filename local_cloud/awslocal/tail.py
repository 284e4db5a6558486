"""``awslocal logs tail``, as version 2 of the AWS CLI has it.

https://docs.aws.amazon.com/cli/latest/reference/logs/tail.html
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from awscli.customizations.commands import BasicCommand

from local_aws.printable import printable

POLL_SECONDS = 1.0
_SINCE = re.compile(r"(\d+)([smhdw])")
_UNIT_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}


def since_to_milliseconds(since: str, now: float) -> int:
    """Return the moment that ``--since`` names, in milliseconds since 1970.

    Args:
        since: ``10m``, ``2h``, … before ``now``, or an ISO 8601 timestamp.
        now: in seconds since 1970.

    Raises:
        ValueError: it is neither.
    """
    if match := _SINCE.fullmatch(since):
        return int((now - int(match[1]) * _UNIT_SECONDS[match[2]]) * 1000)
    try:
        moment = datetime.fromisoformat(since)
    except ValueError as error:
        raise ValueError(f"--since {since!r}: expected 10m, 2h, 1d or a timestamp") from error
    return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1000)


def format_event(event: Mapping[str, Any], style: str) -> str:
    """Return a log event as one line: ``detailed`` with its stream, ``short``, or ``json``."""
    moment = datetime.fromtimestamp(event["timestamp"] / 1000, UTC)
    message = str(event["message"])
    if style == "json":
        try:
            message = json.dumps(json.loads(message), indent=4)
        except ValueError:
            message = str(event["message"])
    if style == "detailed":
        return f"{moment.isoformat(timespec='microseconds')} {event['logStreamName']} {message}"
    return f"{moment.replace(tzinfo=None).isoformat(timespec='seconds')} {message}"


class TailCommand(BasicCommand):  # type: ignore[misc]
    """``logs tail``, which version 1 of the AWS CLI lacks."""

    NAME = "tail"
    DESCRIPTION = "Prints a log group's recent events, and with --follow those that come."
    ARG_TABLE = (
        {"name": "group_name", "positional_arg": True, "help_text": "The log group."},
        {"name": "since", "default": "10m", "help_text": "10m, 2h, 1d or a timestamp."},
        {"name": "follow", "action": "store_true", "help_text": "Go on as events come."},
        {"name": "format", "default": "detailed", "choices": ["detailed", "short", "json"]},
        {"name": "filter-pattern", "help_text": "A CloudWatch Logs filter pattern."},
        {"name": "log-stream-names", "nargs": "+", "help_text": "Only these streams."},
    )

    def _run_main(self, parsed_args: Any, parsed_globals: Any) -> int:
        client = self._session.create_client(
            "logs",
            region_name=parsed_globals.region,
            endpoint_url=parsed_globals.endpoint_url,
            verify=parsed_globals.verify_ssl,
        )
        query: dict[str, Any] = {"logGroupName": parsed_args.group_name}
        if parsed_args.filter_pattern:
            query["filterPattern"] = parsed_args.filter_pattern
        if parsed_args.log_stream_names:
            query["logStreamNames"] = parsed_args.log_stream_names
        start = since_to_milliseconds(parsed_args.since, time.time())
        for event in _events(client, query, start, follow=parsed_args.follow):
            print(printable(format_event(event, parsed_args.format)), flush=True)
        return 0


def _events(
    client: Any, query: dict[str, Any], start: int, *, follow: bool
) -> Iterator[dict[str, Any]]:
    pages = client.get_paginator("filter_log_events")
    seen: set[str] = set()
    while True:
        found = [
            event
            for page in pages.paginate(**query, startTime=start)
            for event in page["events"]
            if event["eventId"] not in seen
        ]
        # Within a millisecond, ids keep the order in which the events were written.
        found.sort(key=lambda event: (event["timestamp"], event["eventId"]))
        yield from found
        if not follow:
            return
        if found:  # events of the same millisecond may still come
            start = found[-1]["timestamp"]
            seen = {event["eventId"] for event in found if event["timestamp"] == start}
        time.sleep(POLL_SECONDS)


def add_tail(command_table: dict[str, Any], session: Any, **_: object) -> None:
    """Give ``logs`` the command, when the AWS CLI builds its table of them."""
    command_table.setdefault("tail", TailCommand(session))
