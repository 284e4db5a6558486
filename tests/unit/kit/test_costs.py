"""What a trace would have cost, by a table of prices that says its date."""

from __future__ import annotations

from typing import Any

import pytest

from local_cloud.costs import costs, prices


def span(kind: str, name: str = "", seconds: float = 0.0, **more: Any) -> dict[str, Any]:
    return {"kind": kind, "name": name, "start": 100.0, "end": 100.0 + seconds, **more}


@pytest.mark.parametrize(
    ("spans", "amounts"),
    [
        ([span("message", request="x")], {"WebSocket messages of 32 KB": 1}),
        ([span("post", request="x" * 40_000)], {"WebSocket messages of 32 KB": 2}),
        (
            [span("disconnect", connected_seconds=61.0)],
            {"WebSocket connection minutes": 2},
        ),
        (
            [span("invocation", seconds=0.6, waited_ms=100.0, init_ms=500.0, memory_mb=512)],
            {"Lambda requests": 1, "Lambda GB-seconds": 0.5},
        ),
        (
            [span("state", execution="a"), span("state", execution="a", errors=["E", "E"])],
            {"Step Functions state transitions": 4},
        ),
        (
            [
                span("execution", seconds=0.31, execution="a", type="EXPRESS"),
                span("state", execution="a"),
            ],
            {"Step Functions Express requests": 1, "Step Functions Express GB-seconds": 0.025},
        ),
        (
            [
                span("call", "dynamodb.PutItem"),
                span("call", "dynamodb.TransactWriteItems"),
                span("call", "dynamodb.GetItem", bytes=100),
                span("call", "dynamodb.GetItem", request='{"ConsistentRead":true}'),
                span("call", "dynamodb.Query", bytes=9000),
                span("call", "dynamodb.DescribeTable"),
            ],
            {"DynamoDB write request units": 3, "DynamoDB read request units": 3},
        ),
        (
            [
                span("call", "s3.PutObject"),
                span("call", "s3.GetObject"),
                span("call", "s3.DeleteObject"),
                span("call", "events.PutEvents"),
                span("call", "events.PutEvents", caller="f"),
                span("call", "sqs.SendMessage"),
                span("call", "lambda.Invoke"),
            ],
            {
                "S3 PUT, COPY, POST, LIST requests": 1,
                "S3 GET requests": 1,
                "EventBridge events": 1,
                "SQS requests": 1,
            },
        ),
    ],
)
def test_what_is_charged(spans: list[dict[str, Any]], amounts: dict[str, float]) -> None:
    told = costs(spans)
    assert {item["what"]: item["amount"] for item in told["items"]} == pytest.approx(amounts)
    table = prices()["perMillion"]
    assert told["usd"] == pytest.approx(
        sum(amount * table[what] / 1e6 for what, amount in amounts.items())
    )


def test_prices_say_their_date() -> None:
    assert prices()["asOf"] <= "2026-12"
    assert all(price > 0 for price in prices()["perMillion"].values())
    assert costs([]) == {"usd": 0, "items": [], "asOf": prices()["asOf"], "region": "us-east-1"}
