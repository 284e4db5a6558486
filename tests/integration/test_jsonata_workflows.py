"""Workflows whose query language is JSONata, without Java.

https://docs.aws.amazon.com/step-functions/latest/dg/transforming-data.html
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.config import Config

from local_aws.account import REGION
from tests.stack import Stack
from tests.workflows import JSONATA, ROLE, Workflows

pytestmark = pytest.mark.same_in_docker("the interpreter of the same engine")


@pytest.fixture
def workflows(stack: Stack) -> Iterator[Workflows]:
    made = Workflows(stack, JSONATA)
    yield made
    made.delete()


def passes(output: Any, **more: Any) -> dict[str, Any]:
    return {"P": {"Type": "Pass", "Output": output, "End": True, **more}}


def test_a_state_computes_its_output(workflows: Workflows) -> None:
    text = 'a "quoted" line\nand ü 😀'
    given = {"items": [{"n": 3}, {"n": 9}], "text": text}
    output = {
        "total": "{% $sum($states.input.items.n) %}",
        "text": "{% $states.input.text & '!' %}",
        "who": "{% $states.context.StateMachine.Name %}",
        "as it is": ["not {% one %}", 'a "quote"', None, 1.5],
    }
    told = workflows.output(passes(output), given)
    assert told["total"] == 12
    assert told["text"] == text + "!"
    assert told["who"].startswith("test-")
    assert told["as it is"] == output["as it is"]


def test_variables_are_assigned_and_seen_in_later_states_and_inner_scopes(
    workflows: Workflows,
) -> None:
    states = {
        "Set": {
            "Type": "Pass",
            "Assign": {
                "factor": "{% $states.input.factor %}",
                "quote": '"',
                "list": [1, "{% 2 %}"],
            },
            "Next": "Each",
        },
        "Each": {
            "Type": "Map",
            "Items": "{% $append($list, [3]) %}",
            "ItemSelector": {"value": "{% $states.context.Map.Item.Value %}"},
            "ItemProcessor": {
                "StartAt": "Times",
                "States": {
                    "Times": {
                        "Type": "Pass",
                        "Assign": {"inner": "{% $states.input.value * $factor %}"},
                        "Next": "Tell",
                    },
                    "Tell": {"Type": "Pass", "Output": "{% $inner %}", "End": True},
                },
            },
            "Output": {"times": "{% $states.result %}", "quote": "{% $quote = '\"' %}"},
            "End": True,
        },
    }
    assert workflows.output(states, {"factor": 10}) == {"times": [10, 20, 30], "quote": True}


def test_a_choice_takes_the_first_condition_that_holds(workflows: Workflows) -> None:
    states = {
        "Which": {
            "Type": "Choice",
            "Choices": [
                {"Condition": "{% $states.input.n > 10 %}", "Next": "Large"},
                {
                    "Condition": "{% $states.input.n > 5 %}",
                    "Next": "End",
                    "Output": {"size": "{% $string($states.input.n) & ' is middling' %}"},
                },
            ],
            "Default": "End",
        },
        "Large": {
            "Type": "Fail",
            "Error": "{% 'Too' & 'Large' %}",
            "Cause": "{% $states.input.why %}",
        },
        "End": {"Type": "Succeed"},
    }
    assert workflows.output(states, {"n": 7}) == {"size": "7 is middling"}
    assert workflows.output(states, {"n": 1}) == {"n": 1}
    ended, _ = workflows.run(states, {"n": 11, "why": "because"})
    assert (ended["status"], ended["error"], ended["cause"]) == ("FAILED", "TooLarge", "because")


def test_a_task_has_arguments_a_result_and_an_error_to_catch(workflows: Workflows) -> None:
    invoke = {
        "Type": "Task",
        "Resource": "arn:aws:states:::dynamodb:getItem",
        "Arguments": {
            "TableName": "{% $states.input.table %}",
            "Key": {"connectionId": {"S": "{% $states.input.id %}"}},
        },
        "Output": {"found": "{% $exists($states.result.Item) %}"},
        "Catch": [
            {
                "ErrorEquals": ["States.ALL"],
                "Output": {"why": "{% $states.errorOutput.Error %}"},
                "Next": "Caught",
            }
        ],
        "End": True,
    }
    states = {"Ask": invoke, "Caught": {"Type": "Succeed"}}
    table = "causal-connections"
    assert workflows.output(states, {"table": table, "id": "x"}) == {"found": False}
    caught = workflows.output(states, {"table": "nothing", "id": "x"})
    assert "ResourceNotFoundException" in caught["why"]


@pytest.mark.parametrize(
    ("output", "field", "words"),
    [
        ("{% $states.input.none %}", "Output", "returned nothing (undefined)."),
        ({"a": ["x", {"b": "{% $nobody %}"}]}, "Output/a[1]/b", "returned nothing (undefined)."),
        (
            "{% 1 + 'a' %}",
            "Output",
            'threw an error during evaluation. T2002: The right side of the "+" operator must '
            "evaluate to a number",
        ),
        ("{% function($x) { $x } %}", "Output", "returned an unsupported result type."),
        (
            "{% ($f := function($n) { $f($n + 1) }; $f(1)) %}",
            "Output",
            "threw an error during evaluation. D1012",
        ),
    ],
)
def test_an_expression_that_fails_names_its_field(
    workflows: Workflows, output: Any, field: str, words: str
) -> None:
    ended, events = workflows.run(passes(output))
    assert (ended["status"], ended["error"]) == ("FAILED", "States.QueryEvaluationError")
    begin = "An error occurred while executing the state 'P' (entered at the event id #2). "
    assert ended["cause"].startswith(begin + "The JSONata expression '")
    assert f"specified for the field '{field}' {words}" in ended["cause"]
    (told,) = [e["evaluationFailedEventDetails"] for e in events if "Evaluation" in e["type"]]
    assert (told["location"], told["state"], told["cause"]) == (field, "P", ended["cause"])


def test_a_failed_expression_is_caught(workflows: Workflows) -> None:
    states = {
        "Ask": {
            "Type": "Task",
            "Resource": "arn:aws:states:::dynamodb:getItem",
            "Arguments": {"TableName": "{% $nobody %}"},
            "Catch": [{"ErrorEquals": ["States.QueryEvaluationError"], "Next": "Caught"}],
            "End": True,
        },
        "Caught": {"Type": "Pass", "Output": "caught", "End": True},
    }
    assert workflows.output(states) == "caught"


def test_a_state_is_tested_by_itself(workflows: Workflows) -> None:
    state = {"Type": "Pass", "QueryLanguage": "JSONata", "Output": "{% $states.input.n * 2 %}"}
    # Without the prefix that the SDK puts before a host: sync-localhost is no name.
    api: Any = boto3.client(
        "stepfunctions",
        endpoint_url=workflows.stack.ports.engine_url,
        region_name=REGION,
        aws_access_key_id="test",
        aws_secret_access_key="test",
        config=Config(inject_host_prefix=False),
    )
    told = api.test_state(
        definition=json.dumps({**state, "End": True}), roleArn=ROLE, input='{"n": 21}'
    )
    assert (told["status"], told["output"]) == ("SUCCEEDED", "42")


def test_a_history_without_its_data(workflows: Workflows) -> None:
    execution = workflows.start(passes({"a": 1}), {"secret": 2})
    workflows.stack.ended(execution)
    told = workflows.api.get_execution_history(executionArn=execution, includeExecutionData=False)
    assert [event["type"] for event in told["events"]][-1] == "ExecutionSucceeded"
    assert "secret" not in json.dumps(told["events"], default=str)
    assert told["events"][1]["stateEnteredEventDetails"]["name"] == "P"
    whole = workflows.api.get_execution_history(executionArn=execution)
    assert "secret" in json.dumps(whole["events"], default=str)


def test_ten_levels_of_parallel(workflows: Workflows) -> None:
    states: dict[str, Any] = passes("{% $states.input.n + 1 %}")
    for level in range(10):
        inner = {"StartAt": next(iter(states)), "States": states}
        states = {f"L{level}": {"Type": "Parallel", "Branches": [inner], "End": True}}
    output = workflows.output(states, {"n": 1})
    for _ in range(10):
        (output,) = output
    assert output == 2
