"""A pool's functions: which is meant, what it is told, and what its answer means."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.config import Config
from localstack.aws.api import CommonServiceException
from moto.cognitoidp.models import CognitoIdpUserPool

from local_cloud.engine.cognito.triggers import (
    TRIES,
    Caller,
    Trigger,
    Triggers,
    invoke_by,
    response_in,
    trigger_of,
)

ARN = "arn:aws:lambda:us-east-1:000000000000:function:f"


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        (None, None),
        ({}, None),
        ({"PreTokenGeneration": ARN}, Trigger("PreTokenGeneration", ARN, "1")),
        (
            {
                "PreTokenGeneration": "older",
                "PreTokenGenerationConfig": {"LambdaArn": ARN, "LambdaVersion": "V3_0"},
            },
            Trigger("PreTokenGeneration", ARN, "3"),
        ),
    ],
)
def test_the_version_of_a_function_is_that_of_its_configuration(
    config: dict[str, Any] | None, expected: Trigger | None
) -> None:
    assert trigger_of(config, "PreTokenGeneration") == expected


@pytest.mark.parametrize(
    ("payload", "failed", "code", "words"),
    [
        (b'{"errorMessage": "no"}', True, "UserLambdaValidationException", "failed with error no."),
        (b"not json", True, "UserLambdaValidationException", "PreSignUp failed with error ."),
        (b"null", False, "InvalidLambdaResponseException", "Unrecognizable lambda output"),
        (b"[]", False, "InvalidLambdaResponseException", "Unrecognizable lambda output"),
        (b'{"response": 1}', False, "InvalidLambdaResponseException", "Unrecognizable"),
    ],
)
def test_what_is_no_event_refuses_the_call(
    payload: bytes, failed: bool, code: str, words: str
) -> None:
    with pytest.raises(CommonServiceException) as error:
        response_in(Trigger("PreSignUp", ARN), payload, failed=failed)
    assert error.value.code == code
    assert words in error.value.message


@pytest.fixture
def silent() -> Iterator[tuple[int, list[socket.socket]]]:
    """A server that takes connections and never answers."""
    server = socket.create_server(("127.0.0.1", 0))
    taken: list[socket.socket] = []

    def take() -> None:
        try:
            while True:
                taken.append(server.accept()[0])
        except OSError:
            return  # the test is over

    thread = threading.Thread(target=take, daemon=True)
    thread.start()
    yield server.getsockname()[1], taken
    server.shutdown(socket.SHUT_RDWR)
    server.close()
    thread.join()
    for one in taken:
        one.close()


def pool() -> CognitoIdpUserPool:
    settings = {"LambdaConfig": {"PreAuthentication": ARN}}
    return CognitoIdpUserPool("000000000000", "us-east-1", "p", settings)


def test_a_function_that_does_not_answer_is_asked_three_times(
    silent: tuple[int, list[socket.socket]],
) -> None:
    port, taken = silent
    client = boto3.client(
        "lambda",
        endpoint_url=f"http://127.0.0.1:{port}",
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
        config=Config(read_timeout=0.05, retries={"total_max_attempts": 1}, proxies={}),
    )
    triggers = Triggers(pool(), Caller("c"), lambda arn, event: invoke_by(client, arn, event))
    with pytest.raises(CommonServiceException) as error:
        triggers.run("PreAuthentication", "Authentication", "ada", {}, {})
    assert error.value.code == "UnexpectedLambdaException"
    assert "PreAuthentication invocation failed due to error Socket timeout" in error.value.message
    assert len(taken) == TRIES


def test_a_function_is_told_who_calls_and_why() -> None:
    told: list[Any] = []

    def invoke(arn: str, payload: bytes) -> tuple[bytes, bool]:
        told.append((arn, json.loads(payload)))
        return payload, False

    one = pool()
    triggers = Triggers(one, Caller(None), invoke)
    assert triggers.run("PreAuthentication", "Authentication", "ada", {"a": 1}, {"b": 2}) == {
        "b": 2
    }
    assert triggers.run("PostAuthentication", "Authentication", "ada", {}, {}) is None
    (event,) = told
    assert event == (
        ARN,
        {
            "version": "1",
            "triggerSource": "PreAuthentication_Authentication",
            "region": "us-east-1",
            "userPoolId": one.id,
            "userName": "ada",
            "callerContext": {
                "awsSdkVersion": "aws-sdk-unknown-unknown",
                "clientId": "CLIENT_ID_NOT_APPLICABLE",
            },
            "request": {"a": 1},
            "response": {"b": 2},
        },
    )
