"""Calls of S3 and DynamoDB, as boto3 makes them: here, and on LocalEmu, a fork of LocalStack."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import boto3
import httpx

from benchmarks import peers
from benchmarks.figures import percentiles, say
from benchmarks.whole_cloud import cloud
from local_cloud.installation import Home, State
from local_cloud.memory import resident_mb

CALLS, WARM_UP = 500, 50
#: Of those that touch many items.
LARGE_CALLS, LARGE_WARM_UP = 60, 5
BODY = b"x" * 1024
#: The items that a query returns, of ten attributes each, and those that a transaction writes.
QUERIED, WRITTEN = 100, 5


Call = Callable[[str], object]


def run() -> None:
    """Measure both in turn: the start until the first answer, calls, the engine's memory.

    Here the start is that of the whole cloud, its gateway, functions and resources.
    """
    began = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder, cloud(home := Home(Path(folder))) as ports:
        seconds = time.perf_counter() - began
        state = State.read(home)
        assert state is not None
        _measure("local-cloud", ports.engine_url, seconds, state.parts["engine"])
    with tempfile.TemporaryDirectory() as folder:
        try:
            with peers.localemu(Path(folder)) as peer:
                _measure("localemu", peer.url, peer.seconds, peer.pid)
        except (peers.Unavailable, OSError, httpx.HTTPError) as error:
            say("calls", target="localemu", skipped=str(error))


def _measure(target: str, url: str, start_seconds: float, pid: int) -> None:
    session = boto3.Session("test", "test", region_name="us-east-1")
    s3 = session.client("s3", endpoint_url=url)
    dynamodb = session.client("dynamodb", endpoint_url=url)
    s3.create_bucket(Bucket="bench-calls")
    _make_table(dynamodb, "bench-calls", id="S")
    say("calls.start", target=target, seconds=round(start_seconds, 2))
    small: dict[str, Call] = {
        "PutObject": lambda name: s3.put_object(Bucket="bench-calls", Key=name, Body=BODY),
        "GetObject": lambda name: s3.get_object(Bucket="bench-calls", Key=name)["Body"].read(),
        "PutItem": lambda name: dynamodb.put_item(
            TableName="bench-calls", Item={"id": {"S": name}, "body": {"B": BODY}}
        ),
        "GetItem": lambda name: dynamodb.get_item(TableName="bench-calls", Key={"id": {"S": name}})[
            "Item"
        ],
        "UpdateItem": lambda name: dynamodb.update_item(
            TableName="bench-calls",
            Key={"id": {"S": name}},
            UpdateExpression="SET seen = if_not_exists(seen, :zero) + :one",
            ConditionExpression="attribute_exists(id)",
            ExpressionAttributeValues={":zero": {"N": "0"}, ":one": {"N": "1"}},
        ),
    }
    _time(target, small, CALLS, WARM_UP)
    _make_table(dynamodb, "bench-lists", owner="S", number="N")
    for number in range(QUERIED):
        dynamodb.put_item(TableName="bench-lists", Item=_entry(number, ""))
    large: dict[str, Call] = {
        "Query": lambda _: dynamodb.query(
            TableName="bench-lists",
            KeyConditionExpression="#o = :o",
            ExpressionAttributeNames={"#o": "owner"},
            ExpressionAttributeValues={":o": {"S": "a"}},
        )["Items"][QUERIED - 1],
        "TransactWriteItems": lambda name: dynamodb.transact_write_items(
            TransactItems=[
                {"Put": {"TableName": "bench-lists", "Item": _entry(number, name)}}
                for number in range(WRITTEN)
            ]
        ),
    }
    _time(target, large, LARGE_CALLS, LARGE_WARM_UP)
    say("calls.memory", target=target, engine_mb=round(resident_mb(pid)))


def _make_table(dynamodb: Any, name: str, **keys: str) -> None:
    dynamodb.create_table(
        TableName=name,
        KeySchema=[
            {"AttributeName": key, "KeyType": kind}
            for key, kind in zip(keys, ("HASH", "RANGE"), strict=False)
        ],
        AttributeDefinitions=[{"AttributeName": k, "AttributeType": t} for k, t in keys.items()],
        BillingMode="PAY_PER_REQUEST",
    )


def _entry(number: int, text: str) -> dict[str, Any]:
    attributes = {f"attribute{place}": {"S": text or "x" * 40} for place in range(8)}
    return {"owner": {"S": "a"}, "number": {"N": str(number)}, **attributes}


def _time(target: str, calls: Mapping[str, Call], count: int, warm_up: int) -> None:
    for operation, call in calls.items():
        times = []
        for number in range(warm_up + count):
            began = time.perf_counter()
            call(str(number))
            times.append(time.perf_counter() - began)
        say("calls", target=target, operation=operation, **percentiles(times[warm_up:]))
