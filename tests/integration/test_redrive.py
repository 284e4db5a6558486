"""An execution that did not succeed goes on where it was, inside of Parallel and Map too.

https://docs.aws.amazon.com/step-functions/latest/dg/redrive-executions.html
"""

from __future__ import annotations

import json
import uuid
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from tests.stack import Stack, until
from tests.workflows import Workflows, update_item

pytestmark = pytest.mark.same_in_docker("the interpreter of the same engine")

THERE = "attribute_exists(connectionId)"


class Redrives(Workflows):
    """Workflows whose tasks count in items of a table, and fail where one is not there."""

    def __init__(self, stack: Stack) -> None:
        super().__init__(stack)
        self.mark = uuid.uuid4().hex[:12]
        self.table = stack.aws("dynamodb")

    def key(self, name: str) -> str:
        return f"{self.mark}-{name}"

    def count(self, name: str, **more: Any) -> dict[str, Any]:
        return update_item(self.key(name), **more)

    def needs(self, name: str, **more: Any) -> dict[str, Any]:
        return update_item(self.key(name), THERE, **more)

    def put(self, name: str) -> None:
        item = {"connectionId": {"S": self.key(name)}, "runs": {"N": "0"}}
        self.table.put_item(TableName="causal-connections", Item=item)

    def runs(self, name: str) -> int:
        key = {"connectionId": {"S": self.key(name)}}
        found = self.table.get_item(TableName="causal-connections", Key=key)
        return int(found["Item"]["runs"]["N"])

    def redrive(self, execution: str) -> dict[str, Any]:
        self.api.redrive_execution(executionArn=execution)
        return self.stack.ended(execution)


@pytest.fixture
def redrives(stack: Stack) -> Iterator[Redrives]:
    made = Redrives(stack)
    yield made
    made.delete()


def after(events: list[dict[str, Any]]) -> Counter[str]:
    """Return the types of the events after the last redrive."""
    types = [event["type"] for event in events]
    last = len(types) - types[::-1].index("ExecutionRedriven")
    return Counter(types[last:])


def branch(*states: tuple[str, dict[str, Any]]) -> dict[str, Any]:
    return {"StartAt": states[0][0], "States": dict(states)}


def test_only_the_branches_that_failed_run_again(redrives: Redrives) -> None:
    states: dict[str, Any] = {
        "Both": {
            "Type": "Parallel",
            "End": True,
            "Branches": [
                branch(("Good", redrives.count("good", ResultPath="$.good", End=True))),
                branch(
                    ("Before", redrives.count("before", ResultPath=None, Next="Bad")),
                    ("Bad", redrives.needs("bad", ResultPath="$.bad", End=True)),
                ),
            ],
        }
    }
    # The good branch has to have ended: one that is stopped runs again, too.
    states["Both"]["Branches"][1]["States"]["Before"]["Next"] = "Pause"
    states["Both"]["Branches"][1]["States"]["Pause"] = {
        "Type": "Wait",
        "Seconds": 2,
        "Next": "Bad",
    }
    execution = redrives.start(states, {"n": 1})
    assert redrives.stack.ended(execution)["status"] == "FAILED"
    redrives.put("bad")
    ended = redrives.redrive(execution)
    assert ended["status"] == "SUCCEEDED", ended
    good, bad = json.loads(ended["output"])
    assert good["good"]["Attributes"] == {"runs": {"N": "1"}}, "its output was kept"
    assert (good["n"], bad["n"]) == (1, 1)
    assert [redrives.runs(name) for name in ("good", "before", "bad")] == [1, 1, 1]
    events = redrives.history(execution)
    assert after(events) == Counter(
        {
            "TaskScheduled": 1,
            "TaskStarted": 1,
            "TaskSucceeded": 1,
            "TaskStateExited": 1,
            "ParallelStateSucceeded": 1,
            "ParallelStateExited": 1,
            "ExecutionSucceeded": 1,
        }
    ), "no state is entered twice"
    assert [event["id"] for event in events] == list(range(1, len(events) + 1))
    entered = {e["id"]: e for e in events if e["type"] == "TaskStateEntered"}
    scheduled = [e for e in events if e["type"] == "TaskScheduled"][-1]
    name = entered[scheduled["previousEventId"]]["stateEnteredEventDetails"]["name"]
    assert name == "Bad", "what was scheduled is of the state that was entered before"


def test_only_the_items_that_failed_run_again_each_from_where_it_was(redrives: Redrives) -> None:
    path = f"States.Format('{redrives.mark}-{{}}', $)"
    each = update_item(f"$.{path}", THERE)
    each["Parameters"]["Key"]["connectionId"] = {"S.$": path}
    states = {
        "Each": {
            "Type": "Map",
            "ItemsPath": "$.names",
            "MaxConcurrency": 1,
            "ItemProcessor": branch(
                ("Once", redrives.count("once", ResultPath=None, Next="Find")),
                (
                    "Find",
                    {**each, "ResultSelector": {"runs.$": "$.Attributes.runs.N"}, "End": True},
                ),
            ),
            "End": True,
        }
    }
    for name in ("a", "b"):
        redrives.put(name)
    execution = redrives.start(states, {"names": ["a", "b", "c", "d"]})
    assert redrives.stack.ended(execution)["status"] == "FAILED"
    assert redrives.runs("once") == 3, "d did not begin"
    redrives.put("c")
    redrives.put("d")
    ended = redrives.redrive(execution)
    assert ended["status"] == "SUCCEEDED", ended
    assert json.loads(ended["output"]) == [{"runs": "1"}] * 4
    assert redrives.runs("once") == 4, "c went on behind it, d began"
    counted = after(redrives.history(execution))
    assert counted["MapIterationSucceeded"] == 2
    assert counted["TaskStateEntered"] == 2, "both states of d"


def test_variables_are_kept_in_their_scope(redrives: Redrives) -> None:
    words = {"Type": "Pass", "Assign": {"inner": "in"}, "Next": "Bad"}
    told = {"Type": "Pass", "Parameters": {"told.$": "States.Format('{} {}', $outer, $inner)"}}
    states = {
        "Set": {"Type": "Pass", "Assign": {"outer": "out"}, "Next": "Inside"},
        "Inside": {
            "Type": "Parallel",
            "Branches": [
                branch(
                    ("Words", words),
                    ("Bad", redrives.needs("bad", ResultPath=None, Next="Told")),
                    ("Told", {**told, "End": True}),
                )
            ],
            "End": True,
        },
    }
    execution = redrives.start(states)
    assert redrives.stack.ended(execution)["status"] == "FAILED"
    redrives.put("bad")
    ended = redrives.redrive(execution)
    assert json.loads(ended["output"]) == [{"told": "out in"}], ended


def test_what_lies_deep_goes_on_there_and_again_as_often_as_it_is_asked(redrives: Redrives) -> None:
    inner = {
        "Type": "Map",
        "ItemProcessor": branch(("Need", redrives.needs("need", ResultPath=None, End=True))),
        "End": True,
    }
    outer = {
        "Type": "Parallel",
        "Branches": [
            branch(
                ("Count", redrives.count("count", ResultPath=None, Next="Inner")), ("Inner", inner)
            )
        ],
        "End": True,
    }
    execution = redrives.start({"Outer": outer}, [1])
    redrives.stack.ended(execution)
    assert redrives.redrive(execution)["status"] == "FAILED"
    redrives.put("need")
    ended = redrives.redrive(execution)
    assert (ended["status"], ended["redriveCount"]) == ("SUCCEEDED", 2)
    assert json.loads(ended["output"]) == [[1]]
    assert redrives.runs("count") == 1


def test_an_execution_that_was_stopped_goes_on(redrives: Redrives) -> None:
    waiting: dict[str, Any] = {
        "Type": "Task",
        "Resource": "arn:aws:states:::sqs:sendMessage.waitForTaskToken",
        "Parameters": {
            "QueueUrl": redrives.stack.aws("sqs").create_queue(QueueName=redrives.mark)["QueueUrl"],
            "MessageBody.$": "$$.Task.Token",
        },
        "ResultPath": "$.answer",
        "End": True,
    }
    queue = redrives.stack.aws("sqs")
    url = waiting["Parameters"]["QueueUrl"]

    def token() -> str | None:
        got = queue.receive_message(QueueUrl=url, WaitTimeSeconds=1).get("Messages", [])
        for message in got:
            queue.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        return got[0]["Body"] if got else None

    execution = redrives.start(
        {"First": redrives.count("first", ResultPath=None, Next="Ask"), "Ask": waiting}, {"n": 1}
    )
    assert until(token)
    redrives.api.stop_execution(executionArn=execution)
    assert redrives.stack.ended(execution)["status"] == "ABORTED"
    redrives.api.redrive_execution(executionArn=execution)
    redrives.api.send_task_success(taskToken=until(token), output='"yes"')
    ended = redrives.stack.ended(execution)
    assert json.loads(ended["output"]) == {"n": 1, "answer": "yes"}
    assert redrives.runs("first") == 1
    queue.delete_queue(QueueUrl=url)


def test_too_much_data_has_the_whole_state_run_again(redrives: Redrives) -> None:
    long = "x" * 100_000
    states = {
        "Grow": {
            "Type": "Parallel",
            "Branches": [
                branch((f"Long{n}", redrives.count(f"n{n}", ResultPath=None, End=True)))
                for n in range(3)
            ],
            "End": True,
        }
    }
    execution = redrives.start(states, {"long": long})
    ended = redrives.stack.ended(execution)
    assert (ended["status"], ended["error"]) == ("FAILED", "States.DataLimitExceeded"), ended
    redrives.redrive(execution)
    assert [redrives.runs(f"n{n}") for n in range(3)] == [2, 2, 2]


def test_an_error_of_the_language_goes_through_parallel_and_map_with_its_name(
    redrives: Redrives,
) -> None:
    failing = branch(("No", {"Type": "Fail", "Error": "States.Timeout", "Cause": "too late"}))
    inside: tuple[dict[str, Any], ...] = (
        {"Type": "Parallel", "Branches": [failing]},
        {"Type": "Map", "ItemProcessor": failing},
    )
    for outer in inside:
        catch = {"Catch": [{"ErrorEquals": ["States.Timeout"], "Next": "Late"}]}
        late = {"Type": "Pass", "End": True}
        states = {"Outer": {**outer, **catch, "End": True}, "Late": late}
        assert redrives.output(states, [1]) == {"Error": "States.Timeout", "Cause": "too late"}


def test_a_cause_names_the_state_that_failed_and_not_those_around_it(redrives: Redrives) -> None:
    failing = branch(("Inner", {"Type": "Pass", "Parameters": {"a.$": "$.nope"}, "End": True}))
    states = {"Outer": {"Type": "Map", "ItemProcessor": failing, "End": True}}
    ended, _ = redrives.run(states, [{}])
    assert ended["cause"].count("An error occurred while executing the state") == 1
    assert "the state 'Inner'" in ended["cause"]
