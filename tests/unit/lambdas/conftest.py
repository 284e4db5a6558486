"""The agent's tables and buckets on moto, as the setup scripts make them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from moto import mock_aws

from agent_common import aws

NAMES = {
    "CONNECTIONS_TABLE": "connections",
    "ANALYSES_TABLE": "analyses",
    "EVENTS_TABLE": "events",
    "MESSAGES_TABLE": "messages",
    "DATASETS_BUCKET": "datasets",
    "RESULTS_BUCKET": "results",
    "LLM_SECRET": "llm",
    "WEBSOCKET_API_ENDPOINT": "https://example.execute-api.us-east-1.amazonaws.com/dev",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
}
TABLES = {
    "connections": [("connectionId", "S")],
    "analyses": [("analysisId", "S")],
    "events": [("analysisId", "S"), ("seq", "N")],
    "messages": [("analysisId", "S"), ("position", "S")],
}


class Pushed:
    """Stands in for ``@connections``: keeps what was sent, and to whom."""

    class exceptions:  # noqa: N801 - boto3's name
        class GoneException(Exception): ...

    def __init__(self) -> None:
        self.sent: list[tuple[str, bytes]] = []
        self.gone: set[str] = set()

    def post_to_connection(self, ConnectionId: str, Data: bytes) -> None:  # noqa: N803
        if ConnectionId in self.gone:
            raise self.exceptions.GoneException
        self.sent.append((ConnectionId, Data))


@pytest.fixture
def cloud(monkeypatch: pytest.MonkeyPatch) -> Iterator[Pushed]:
    """A provisioned account; yields what is pushed to clients."""
    for name, value in NAMES.items():
        monkeypatch.setenv(name, value)
    for name in ("AWS_ENDPOINT_URL", "DYNAMODB_ENDPOINT", "S3_ENDPOINT"):
        monkeypatch.delenv(name, raising=False)
    pushed = Pushed()
    with mock_aws():
        clear_clients()
        dynamodb = boto3.client("dynamodb")
        for table, keys in TABLES.items():
            dynamodb.create_table(
                TableName=table,
                BillingMode="PAY_PER_REQUEST",
                AttributeDefinitions=[{"AttributeName": k, "AttributeType": t} for k, t in keys],  # type: ignore[typeddict-item]
                KeySchema=[
                    {"AttributeName": key, "KeyType": kind}  # type: ignore[typeddict-item]
                    for (key, _), kind in zip(keys, ("HASH", "RANGE"), strict=False)
                ],
            )
        for bucket in ("datasets", "results"):
            boto3.client("s3").create_bucket(Bucket=bucket)
        monkeypatch.setattr("agent_common.events.management_api", lambda: pushed)
        yield pushed
        clear_clients()


def clear_clients() -> None:
    cached: list[Any] = [aws._dynamodb, aws.table, aws.s3, aws.secrets, aws.step_functions]
    for function in cached:
        function.cache_clear()
