"""Executions that play on from a state of another one."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from local_cloud.fork import HEADER, ForkFailed, fork
from tests.stack import Stack
from tests.workflows import JSONATA, Workflows

pytestmark = pytest.mark.same_in_docker("the interpreter of the same engine")

STATES = {
    "First": {"Type": "Pass", "Assign": {"seen": "{% $states.input.n %}"}, "Next": "Second"},
    "Second": {
        "Type": "Pass",
        "Assign": {"seen": "{% $seen & '-second' %}"},
        "Output": {"n": "{% $states.input.n %}"},
        "Next": "Third",
    },
    "Third": {
        "Type": "Map",
        "Items": "{% [$states.input.n, 'x'] %}",
        "ItemProcessor": {
            "StartAt": "Inside",
            "States": {"Inside": {"Type": "Pass", "End": True}},
        },
        "Output": {"seen": "{% $seen %}", "items": "{% $states.result %}"},
        "End": True,
    },
}


@pytest.fixture
def workflows(stack: Stack) -> Iterator[Workflows]:
    made = Workflows(stack, JSONATA)
    yield made
    made.delete()


def played(workflows: Workflows, arn: str) -> tuple[dict[str, Any], list[str]]:
    ended = workflows.stack.ended(arn)
    names = [
        event["stateEnteredEventDetails"]["name"]
        for event in workflows.history(arn)
        if "stateEnteredEventDetails" in event
    ]
    return ended, names


def test_it_begins_there_with_the_input_and_the_variables_that_there_were(
    workflows: Workflows,
) -> None:
    first, _ = workflows.run(STATES, {"n": "a"})
    ended, names = played(workflows, fork(workflows.stack.ports, first["executionArn"], "Third"))
    assert names == ["Third", "Inside", "Inside"]
    assert ended["output"] == first["output"]
    assert ended["stateMachineArn"] == first["stateMachineArn"]


def test_it_takes_another_input(workflows: Workflows) -> None:
    first, _ = workflows.run(STATES, {"n": "a"})
    name = first["name"]
    ended, names = played(
        workflows, fork(workflows.stack.ports, name, "Second", given='{"n": "b"}')
    )
    assert names[0] == "Second"
    assert json.loads(ended["output"]) == {"seen": "a-second", "items": ["b", "x"]}


def test_one_that_failed_plays_on_by_the_mended_definition(workflows: Workflows) -> None:
    states = {
        "First": {"Type": "Pass", "Next": "Send"},
        "Send": {"Type": "Fail", "Error": "Wrong"},
    }
    first, _ = workflows.run(states)
    assert first["status"] == "FAILED"
    mended = {**states, "Send": {"Type": "Succeed", "Output": "{% $states.input %}"}}
    workflows.api.update_state_machine(
        stateMachineArn=first["stateMachineArn"],
        definition=json.dumps({"QueryLanguage": JSONATA, "StartAt": "First", "States": mended}),
    )
    arn = fork(workflows.stack.ports, first["executionArn"], "Send", given="1")
    ended, names = played(workflows, arn)
    assert (ended["status"], ended["output"], names) == ("SUCCEEDED", "1", ["Send"])


def test_which_time_it_was_entered_can_be_said(workflows: Workflows) -> None:
    loop = {
        "Count": {
            "Type": "Pass",
            "Output": {"n": "{% $states.input.n + 1 %}"},
            "Next": "Enough",
        },
        "Enough": {
            "Type": "Choice",
            "Choices": [{"Condition": "{% $states.input.n < 3 %}", "Next": "Count"}],
            "Default": "End",
        },
        "End": {"Type": "Succeed"},
    }
    first, _ = workflows.run(loop, {"n": 0})
    arn = fork(workflows.stack.ports, first["executionArn"], "Count", 2)
    _, names = played(workflows, arn)
    assert names.count("Count") == 2, "the second and the third time"
    with pytest.raises(ForkFailed, match="3 times: --pass 1 to 3"):
        fork(workflows.stack.ports, first["executionArn"], "Count", 4)


@pytest.mark.parametrize(
    ("state", "words"),
    [
        ("Inside", "inside of another state.*begin at First, Second, Third"),
        ("None", "did not enter 'None'; it entered First, Second, Third, Inside"),
    ],
)
def test_a_state_where_none_can_begin_is_said(workflows: Workflows, state: str, words: str) -> None:
    first, _ = workflows.run(STATES, {"n": "a"})
    with pytest.raises(ForkFailed, match=words):
        fork(workflows.stack.ports, first["executionArn"], state)


@pytest.mark.parametrize(
    ("place", "words"),
    [("nothing", "give EXECUTION_ARN/EVENT_ID"), ("arn:aws:states:x/2", "no execution arn")],
)
def test_a_header_that_names_no_place_is_refused(
    workflows: Workflows, place: str, words: str
) -> None:
    machine = workflows.make(STATES)
    client = workflows.stack.aws("stepfunctions")
    client.meta.events.register(
        "before-call.stepfunctions.StartExecution",
        lambda params, **_: params["headers"].update({HEADER: place}),
    )
    with pytest.raises(client.exceptions.ValidationException, match=words):
        client.start_execution(stateMachineArn=machine)


def test_an_execution_that_is_not_there_is_said(workflows: Workflows) -> None:
    with pytest.raises(ForkFailed, match="no execution 'nobody'"):
        fork(workflows.stack.ports, "nobody", "First")
