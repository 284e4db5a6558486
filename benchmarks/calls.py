"""Calls of S3 and DynamoDB, as boto3 makes them: here, and on LocalEmu, a fork of LocalStack."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import boto3
import httpx

from benchmarks import peers
from benchmarks.figures import percentiles, say
from benchmarks.whole_cloud import cloud
from local_cloud.installation import Home, State
from local_cloud.memory import resident_mb

CALLS, WARM_UP = 500, 50
BODY = b"x" * 1024


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
    dynamodb.create_table(
        TableName="bench-calls",
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    calls: dict[str, Callable[[str], object]] = {
        "PutObject": lambda name: s3.put_object(Bucket="bench-calls", Key=name, Body=BODY),
        "GetObject": lambda name: s3.get_object(Bucket="bench-calls", Key=name)["Body"].read(),
        "PutItem": lambda name: dynamodb.put_item(
            TableName="bench-calls", Item={"id": {"S": name}, "body": {"B": BODY}}
        ),
        "GetItem": lambda name: dynamodb.get_item(TableName="bench-calls", Key={"id": {"S": name}})[
            "Item"
        ],
    }
    say("calls.start", target=target, seconds=round(start_seconds, 2))
    for operation, call in calls.items():
        times = []
        for number in range(WARM_UP + CALLS):
            began = time.perf_counter()
            call(str(number))
            times.append(time.perf_counter() - began)
        say("calls", target=target, operation=operation, **percentiles(times[WARM_UP:]))
    say("calls.memory", target=target, engine_mb=round(resident_mb(pid)))
