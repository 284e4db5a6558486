"""What a trace would have cost on AWS: requests, GB-seconds, transitions, messages and minutes.

The prices are in ``prices.json``, with their date. Storage, data transfer and logs are not counted,
and where a size is not known, the least that is charged is.
"""

from __future__ import annotations

import json
import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from importlib.resources import files
from typing import Any

MESSAGE_BYTES = 32 * 1024
READ_BYTES = 4 * 1024
EXPRESS_MB = 64
_WRITES = {"PutItem", "UpdateItem", "DeleteItem", "BatchWriteItem", "TransactWriteItems"}
_TRANSACTIONS = {"TransactWriteItems", "TransactGetItems"}
_S3_WRITES = ("Put", "Copy", "Create", "Upload", "Complete", "List", "Post")
#: Services whose every call has one price.
_SINGLE = {
    "secretsmanager": "Secrets Manager calls",
    "sqs": "SQS requests",
    "sns": "SNS publishes",
    "kms": "KMS requests",
}

Item = tuple[str, float]


@cache
def prices() -> dict[str, Any]:
    """Return the table of prices."""
    told: dict[str, Any] = json.loads(
        files("local_cloud").joinpath("prices.json").read_text("utf-8")
    )
    return told


def costs(spans: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """Return what the spans of a trace would have cost: the total and its items, in USD."""
    spans = list(spans)
    express = {s["execution"] for s in spans if s["kind"] == "execution" and _is_express(s)}
    amounts: defaultdict[str, float] = defaultdict(float)
    for span in spans:
        for name, amount in _items(span, express):
            amounts[name] += amount
    table = prices()["perMillion"]
    items = [
        {"what": name, "amount": round(amount, 6), "usd": amount * table[name] / 1e6}
        for name, amount in amounts.items()
    ]
    items.sort(key=lambda item: -item["usd"])
    return {
        "usd": sum(item["usd"] for item in items),
        "items": items,
        "asOf": prices()["asOf"],
        "region": prices()["region"],
    }


def _is_express(span: Mapping[str, Any]) -> bool:
    return span.get("type") == "EXPRESS"


def _items(span: Mapping[str, Any], express: set[str]) -> Iterator[Item]:
    seconds = float(span["end"]) - float(span["start"])
    match span["kind"]:
        case "message":
            yield "WebSocket messages of 32 KB", _messages(span.get("request"))
            if span.get("answered"):
                yield "WebSocket messages of 32 KB", 1
        case "post":
            yield "WebSocket messages of 32 KB", _messages(span.get("request"))
        case "disconnect":
            minutes = math.ceil(float(span.get("connected_seconds", 0)) / 60)
            yield "WebSocket connection minutes", minutes
        case "invocation":
            ran = seconds - float(span.get("waited_ms", 0)) / 1000
            ran += float(span.get("init_ms", 0)) / 1000
            yield "Lambda requests", 1
            billed = math.ceil(max(ran, 0.0) * 1000) / 1000
            yield "Lambda GB-seconds", billed * float(span.get("memory_mb", 128)) / 1024
        case "state" if span.get("execution") not in express:
            yield "Step Functions state transitions", 1 + len(span.get("errors", ()))
        case "execution" if _is_express(span):
            billed = math.ceil(seconds * 10) / 10
            yield "Step Functions Express requests", 1
            yield "Step Functions Express GB-seconds", billed * EXPRESS_MB / 1024
        case "call":
            yield from _call(span)


def _messages(text: str | None) -> int:
    return max(1, math.ceil(len(text or "") / MESSAGE_BYTES))


def _call(span: Mapping[str, Any]) -> Iterator[Item]:
    service, _, operation = str(span["name"]).partition(".")
    if service == "dynamodb":
        twice = 2 if operation in _TRANSACTIONS else 1
        if operation in _WRITES:
            yield "DynamoDB write request units", twice
        elif operation in ("GetItem", "Query", "Scan", "BatchGetItem", "TransactGetItems"):
            units = max(1, math.ceil(float(span.get("bytes") or 0) / READ_BYTES))
            consistent = '"ConsistentRead":true' in str(span.get("request", ""))
            yield "DynamoDB read request units", units * twice * (1 if consistent else 0.5)
    elif service == "s3" and not operation.startswith("Delete"):
        writes = operation.startswith(_S3_WRITES)
        yield ("S3 PUT, COPY, POST, LIST requests" if writes else "S3 GET requests"), 1
    elif service == "events" and span.get("caller"):  # what services tell of themselves is free
        yield "EventBridge events", 1
    elif service in _SINGLE:
        yield _SINGLE[service], 1
