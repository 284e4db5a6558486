"""State machines that a test makes, runs and redrives."""

from __future__ import annotations

import json
import uuid
from typing import Any

from tests.stack import Stack

ROLE = "arn:aws:iam::000000000000:role/any"
JSONATA = "JSONata"


class Workflows:
    """State machines of one test, which are deleted in the end.

    Args:
        language: of the definitions.
    """

    def __init__(self, stack: Stack, language: str = "JSONPath") -> None:
        self.stack = stack
        self.language = language
        self.api = stack.aws("stepfunctions")
        self.made: list[str] = []

    def make(self, states: dict[str, Any], **more: Any) -> str:
        """Make a state machine that begins with the first state."""
        definition = {"QueryLanguage": self.language, "StartAt": next(iter(states))}
        made: str = self.api.create_state_machine(
            name=f"test-{uuid.uuid4().hex[:12]}",
            definition=json.dumps({**definition, "States": states, **more}),
            roleArn=ROLE,
        )["stateMachineArn"]
        self.made.append(made)
        return made

    def start(self, states: dict[str, Any], given: Any = None, **more: Any) -> str:
        """Make a state machine and start an execution."""
        arn: str = self.api.start_execution(
            stateMachineArn=self.make(states, **more),
            input=json.dumps(given if given is not None else {}),
        )["executionArn"]
        return arn

    def run(self, states: dict[str, Any], given: Any = None) -> tuple[dict[str, Any], list[Any]]:
        """Run a workflow; return the execution and its history."""
        execution = self.start(states, given)
        ended = self.stack.ended(execution)
        return ended, self.history(execution)

    def output(self, states: dict[str, Any], given: Any = None) -> Any:
        ended, _ = self.run(states, given)
        assert ended["status"] == "SUCCEEDED", ended
        return json.loads(ended["output"])

    def history(self, execution: str) -> list[dict[str, Any]]:
        pages = self.api.get_paginator("get_execution_history").paginate(executionArn=execution)
        return [event for page in pages for event in page["events"]]

    def delete(self) -> None:
        for arn in self.made:
            self.api.delete_state_machine(stateMachineArn=arn)


def update_item(key: str, condition: str | None = None, **more: Any) -> dict[str, Any]:
    """Return a task that counts one up in an item.

    Args:
        key: of the item, or a path to it.
        condition: what has to hold for it, or the task fails.
    """
    path = key.startswith("$")
    return {
        "Type": "Task",
        "Resource": "arn:aws:states:::dynamodb:updateItem",
        "Parameters": {
            "TableName": "causal-connections",
            "Key": {"connectionId": {"S.$" if path else "S": key}},
            "UpdateExpression": "ADD runs :one",
            **({"ConditionExpression": condition} if condition else {}),
            "ExpressionAttributeValues": {":one": {"N": "1"}},
            "ReturnValues": "UPDATED_NEW",
        },
        **more,
    }
