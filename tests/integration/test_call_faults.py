"""Calls of AWS APIs that fail, are late, or whose answer is lost: on purpose, while it runs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from botocore.exceptions import ClientError

from local_cloud.client import client_at
from local_cloud.fault_rules import FaultRules
from local_cloud.installation import PROJECT, aws_environment
from tests.stack import Stack, analyse, within

pytestmark = pytest.mark.same_in_docker("the same engine makes the faults")

Add = Callable[..., None]


@pytest.fixture
def add(breakable_stack: Stack) -> Iterator[Add]:
    """Have rules of calls strike until the test ends."""
    ports = breakable_stack.ports
    faults = FaultRules(ports.engine_url, ports.gateway_url)

    def post(*rules: dict[str, Any]) -> None:
        faults.add_all({"seed": 1, "rules": [{"on": "call", **rule} for rule in rules]})

    yield post
    faults.clear()


def once(stack: Stack, service: str) -> Any:
    return client_at(service, stack.ports.engine_url, attempts=1)


@pytest.mark.parametrize(
    ("service", "error", "status"),
    [
        ("dynamodb", "ProvisionedThroughputExceededException", 400),
        ("s3", "SlowDown", 503),
        ("sqs", "ServiceUnavailable", 503),
        ("stepfunctions", "ThrottlingException", 400),
    ],
)
def test_a_call_fails_in_awss_words(
    breakable_stack: Stack, add: Add, service: str, error: str, status: int
) -> None:
    calls = {
        "dynamodb": lambda client: client.list_tables(),
        "s3": lambda client: client.list_buckets(),
        "sqs": lambda client: client.list_queues(),
        "stepfunctions": lambda client: client.list_state_machines(),
    }
    add({"service": service, "action": "fail", "error": error, "count": 1})
    client = once(breakable_stack, service)
    with pytest.raises(ClientError) as failed:
        calls[service](client)
    assert failed.value.response["Error"]["Code"] == error
    assert failed.value.response["Error"]["Message"]
    assert failed.value.response["ResponseMetadata"]["HTTPStatusCode"] == status
    calls[service](client)


def test_the_sdk_tries_again_after_what_is_to_be_tried_again(
    breakable_stack: Stack, add: Add
) -> None:
    add({"service": "sqs", "action": "fail", "error": "ServiceUnavailable", "count": 2})
    answer = breakable_stack.aws("sqs").list_queues()
    assert answer["ResponseMetadata"]["RetryAttempts"] == 2


def test_an_answer_is_lost_after_the_write_has_happened(breakable_stack: Stack, add: Add) -> None:
    table, key = "causal-connections", {"connectionId": {"S": uuid.uuid4().hex}}
    client = once(breakable_stack, "dynamodb")
    add({"operation": "PutItem", "resource": table, "action": "lose", "count": 1})
    with pytest.raises(ClientError, match="answer was lost on purpose"):
        client.put_item(TableName=table, Item=key)
    assert client.get_item(TableName=table, Key=key)["Item"] == key


def test_a_call_is_late(breakable_stack: Stack, add: Add) -> None:
    client = once(breakable_stack, "s3")
    client.list_buckets()
    add({"service": "s3", "action": "delay", "seconds": 0.5, "count": 1})
    began = time.monotonic()
    client.list_buckets()
    assert time.monotonic() - began >= 0.5


def test_rules_that_are_wrong_are_refused_with_what_is_wrong(breakable_stack: Stack) -> None:
    url = f"{breakable_stack.ports.engine_url}/_faults"
    for body, why in (
        (b"no JSON", "mapping with a list of rules"),
        (b'{"rules": [{"on": "call", "action": "drop"}]}', "rule 1: action"),
        (b'{"rules": [{"on": "post", "action": "drop"}]}', "post is the gateway"),
    ):
        answer = httpx.post(url, content=body, trust_env=False)
        assert answer.status_code == 400
        assert why in answer.text
    foreign = {"Origin": "https://elsewhere.example"}
    assert httpx.delete(url, headers=foreign, trust_env=False).status_code == 403


def told(stack: Stack, *words: str) -> str:
    assert stack.home is not None
    return subprocess.run(
        [sys.executable, "-m", "local_cloud", "faults", *words],
        cwd=PROJECT,
        env={**os.environ, "LOCAL_CLOUD_HOME": str(stack.home.path)},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    ).stdout


def test_the_command_adds_lists_and_clears_rules_of_both_kinds(
    breakable_stack: Stack, tmp_path: Path
) -> None:
    file = tmp_path / "faults.yaml"
    file.write_text(
        "rules:\n"
        "  - {on: message, route: nothing, action: drop}\n"
        "  - {on: call, service: kms, action: fail}\n"
    )
    told(breakable_stack, "add", "--file", str(file))
    told(breakable_stack, "add", "on=call", "service=iam", "action=delay", "seconds=1")
    listed = json.loads(told(breakable_stack, "list", "--json"))["rules"]
    assert [(rule["on"], rule.get("service"), rule.get("route")) for rule in listed] == [
        ("call", "kms", None),
        ("call", "iam", None),
        ("message", None, "nothing"),
    ]
    told(breakable_stack, "clear")
    assert "No faults" in told(breakable_stack, "list")


def test_the_agent_survives_what_aws_may_do_to_it(breakable_stack: Stack, add: Add) -> None:
    token = breakable_stack.token()  # who logs in does not try again
    add(
        {
            "service": "dynamodb",
            "action": "fail",
            "error": "ProvisionedThroughputExceededException",
            "probability": 0.1,
        },
        {"service": "s3", "action": "fail", "error": "SlowDown", "count": 2},
        {"service": "secretsmanager", "action": "fail", "error": "ThrottlingException", "count": 1},
        {"service": "dynamodb", "operation": "PutItem", "action": "lose", "count": 2},
        {"service": "dynamodb", "operation": "UpdateItem", "action": "lose", "count": 2},
        {"service": "dynamodb", "action": "delay", "seconds": 0.2, "probability": 0.05},
    )

    async def run() -> list[dict[str, Any]]:
        async with breakable_stack.connect(token) as agent:
            return await analyse(agent)

    messages = within(run())
    assert messages[-1]["status"] == "SUCCEEDED"
    numbers = [message["seq"] for message in messages if "seq" in message]
    assert len(numbers) == len(set(numbers)), "no event twice"


THEIRS = """
import boto3, pytest
from botocore.config import Config
from botocore.exceptions import ClientError

def lists():
    return boto3.client("sqs", config=Config(retries={"total_max_attempts": 1})).list_queues()

def test_a_fault(faults):
    faults.add(service="sqs", action="fail", error="ServiceUnavailable", status=503)
    with pytest.raises(ClientError):
        lists()
    assert [one["struck"] for one in faults.listed()] == [1]
    with pytest.raises(ValueError, match="acton"):
        faults.add(acton="fail")

def test_it_is_over():
    lists()
"""


def test_anybodys_pytest_has_the_fixture(breakable_stack: Stack, tmp_path: Path) -> None:
    (tmp_path / "test_theirs.py").write_text(THEIRS)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]

    def run(environment: dict[str, str]) -> str:
        done = subprocess.run(
            [*command, "--rootdir", str(tmp_path), str(tmp_path)],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            timeout=120,
        )
        return done.stdout

    assert "2 passed" in run(aws_environment(breakable_stack.ports))
    nowhere = {**os.environ, "LOCAL_CLOUD_HOME": str(tmp_path / "none")}
    assert "no cloud runs: ./local-cloud up -d" in run(nowhere)
