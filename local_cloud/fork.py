"""An execution that plays on from a state of another one, with other input."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from local_cloud.client import aws_client
from local_cloud.installation import Ports

HEADER = "X-Local-Cloud-Play-On-From"


class ForkFailed(Exception):
    """It cannot play on from there; the message says why."""


def fork(
    ports: Ports, execution: str, state: str, number: int | None = None, given: str | None = None
) -> str:
    """Start an execution that plays on where another one entered a state.

    Args:
        execution: the other one's ARN or name.
        state: the state.
        number: which time that it was entered, from 1; the last time if there is none.
        given: JSON that takes the place of the state's input.

    Returns:
        Its ARN.

    Raises:
        ForkFailed: there is no such execution, or it did not enter the state.
    """
    client = aws_client("stepfunctions", ports)
    try:
        arn = execution if execution.startswith("arn:") else _find(client, execution)
        entered = list(_entered(client, arn))
        event = _choose(entered, state, number)
        client.meta.events.register(
            "before-call.stepfunctions.StartExecution",
            lambda params, **_: params["headers"].update({HEADER: f"{arn}/{event['id']}"}),
        )
        made: str = client.start_execution(
            stateMachineArn=client.describe_execution(executionArn=arn)["stateMachineArn"],
            input=given if given is not None else event["stateEnteredEventDetails"]["input"],
        )["executionArn"]
        return made
    except (ClientError, BotoCoreError) as error:
        raise ForkFailed(str(error)) from error


def _find(client: Any, name: str) -> str:
    for machine in client.list_state_machines()["stateMachines"]:
        pages = client.get_paginator("list_executions").paginate(
            stateMachineArn=machine["stateMachineArn"]
        )
        for page in pages:
            for one in page["executions"]:
                if one["name"] == name:
                    return str(one["executionArn"])
    raise ForkFailed(
        f"there is no execution {name!r}: awslocal stepfunctions list-executions "
        "--state-machine-arn ARN, or http://localhost:8083, shows those that there are"
    )


def _entered(client: Any, arn: str) -> Iterator[dict[str, Any]]:
    pages = client.get_paginator("get_execution_history").paginate(executionArn=arn)
    for page in pages:
        for event in page["events"]:
            if "stateEnteredEventDetails" in event:
                yield event


def _choose(events: list[dict[str, Any]], state: str, number: int | None) -> dict[str, Any]:
    passes = [e for e in events if e["stateEnteredEventDetails"]["name"] == state]
    if not passes:
        names = dict.fromkeys(e["stateEnteredEventDetails"]["name"] for e in events)
        raise ForkFailed(f"it did not enter {state!r}; it entered {', '.join(names) or 'no state'}")
    if number is None:
        return passes[-1]
    if not 1 <= number <= len(passes):
        raise ForkFailed(f"it entered {state!r} {len(passes)} times: --pass 1 to {len(passes)}")
    return passes[number - 1]


def check_input(text: str) -> str:
    """Return the input that a user gives.

    Raises:
        ForkFailed: it is no JSON.
    """
    try:
        json.loads(text)
    except ValueError as error:
        raise ForkFailed(f"the input is no JSON: {error}") from error
    return text
