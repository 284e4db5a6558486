"""Workflows that wait for hours, in seconds; waits that are skipped; answers that are mocked.

https://docs.aws.amazon.com/step-functions/latest/dg/state-wait.html
https://docs.aws.amazon.com/step-functions/latest/dg/connect-to-resource.html#connect-wait-token
https://docs.aws.amazon.com/step-functions/latest/dg/sfn-local-test-sm-exec.html
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from botocore.exceptions import ClientError

from tests.stack import Stack, until
from tests.workflows import ROLE, Workflows

pytestmark = pytest.mark.same_in_docker("the interpreter of the same engine")

HOUR = 3600
#: With it an hour takes a second.
FAST = [{"key": "local-cloud:time-scale", "value": str(HOUR)}]
HEADER = "x-local-cloud-time-scale"
QUEUE = {"Type": "Task", "Resource": "arn:aws:states:::sqs:sendMessage.waitForTaskToken"}


class Waits(Workflows):
    """Workflows that wait, and what they wait for."""

    def __init__(self, stack: Stack) -> None:
        super().__init__(stack)
        self.http = httpx.Client(
            base_url=f"http://localhost:{stack.ports.engine}", timeout=10, trust_env=False
        )
        self.sqs = stack.aws("sqs")
        self.queue = self.sqs.create_queue(QueueName="workflow-waits")["QueueUrl"]

    def waits_for(self, **more: Any) -> dict[str, Any]:
        """Return a task that waits for somebody's answer."""
        body = {"token.$": "$$.Task.Token"}
        return {**QUEUE, "Parameters": {"QueueUrl": self.queue, "MessageBody": body}, **more}

    def fast(self, states: dict[str, Any], scale: float = HOUR, **more: Any) -> str:
        """Start an execution whose time passes faster."""
        tags = [{"key": "local-cloud:time-scale", "value": str(scale)}]
        arn = self.make(states, **more)
        self.api.tag_resource(resourceArn=arn, tags=tags)
        started: str = self.api.start_execution(stateMachineArn=arn)["executionArn"]
        return started

    def took(self, execution: str) -> float:
        """Return the seconds that an execution took, as its description has it."""
        ended = self.stack.ended(execution)
        return float((ended["stopDate"] - ended["startDate"]).total_seconds())

    def waiting(self, execution: str) -> list[dict[str, Any]]:
        answer = self.http.get("/_workflows/waits", params={"executionArn": execution})
        answer.raise_for_status()
        found: list[dict[str, Any]] = answer.json()["waits"]
        return found

    def one(self, execution: str, kind: str) -> dict[str, Any]:
        """Return the wait that an execution comes to."""

        def found() -> dict[str, Any] | None:
            return next((w for w in self.waiting(execution) if w["kind"] == kind), None)

        return until(found)

    def skip(self, execution: str, wait: int) -> httpx.Response:
        asked = {"executionArn": execution, "wait": wait}
        return self.http.post("/_workflows/waits/skip", json=asked)


@pytest.fixture
def waits(stack: Stack) -> Iterator[Waits]:
    made = Waits(stack)
    yield made
    made.delete()
    made.sqs.delete_queue(QueueUrl=made.queue)


def times(events: list[dict[str, Any]], *types: str) -> list[float]:
    """Return the seconds from the beginning to each event of these types."""
    began = events[0]["timestamp"]
    return [(e["timestamp"] - began).total_seconds() for e in events if e["type"] in types]


def test_hours_pass_in_seconds_and_the_history_has_the_hours(waits: Waits) -> None:
    execution = waits.fast(
        {
            "First": {"Type": "Wait", "Seconds": 2 * HOUR, "Next": "Then"},
            "Then": {"Type": "Wait", "Seconds": HOUR, "End": True},
        }
    )
    assert waits.took(execution) == pytest.approx(3 * HOUR, abs=60)
    events = waits.history(execution)
    assert times(events, "WaitStateExited") == pytest.approx([2 * HOUR, 3 * HOUR], abs=60)
    moments = [event["timestamp"] for event in events]
    assert moments == sorted(moments)


def test_a_header_sets_the_time_scale_of_one_execution(waits: Waits) -> None:
    arn = waits.make({"Wait": {"Type": "Wait", "Seconds": HOUR, "End": True}})
    client = waits.stack.aws("stepfunctions")
    client.meta.events.register(
        "before-send.stepfunctions.StartExecution",
        lambda request, **kwargs: request.headers.update({HEADER: str(HOUR)}),
    )
    started = client.start_execution(stateMachineArn=arn)["executionArn"]
    assert waits.took(started) == pytest.approx(HOUR, abs=60)


@pytest.mark.parametrize("scale", ["fast", "0", "-1", "nan", "1e9"])
def test_what_is_no_time_scale_is_refused(waits: Waits, scale: str) -> None:
    arn = waits.make({"Pass": {"Type": "Pass", "End": True}})
    waits.api.tag_resource(
        resourceArn=arn, tags=[{"key": "local-cloud:time-scale", "value": scale}]
    )
    with pytest.raises(ClientError, match="give a number above 0") as refused:
        waits.api.start_execution(stateMachineArn=arn)
    assert refused.value.response["Error"]["Code"] == "ValidationException"


def test_a_time_of_the_future_is_come_to(waits: Waits) -> None:
    states = {
        "Far": {"Type": "Wait", "TimestampPath": "$$.Execution.Input.at", "End": True},
    }
    arn = waits.make(states)
    waits.api.tag_resource(resourceArn=arn, tags=[{**FAST[0], "value": "1000000"}])
    started = waits.api.start_execution(
        stateMachineArn=arn, input=json.dumps({"at": "2036-01-01T00:00:00Z"})
    )["executionArn"]
    skipped = waits.one(started, "wait")
    assert waits.skip(started, skipped["wait"]).status_code == 200
    assert waits.stack.ended(started)["stopDate"].year == 2036


def test_branches_pass_their_time_beside_each_other(waits: Waits) -> None:
    def branch(hours: int) -> dict[str, Any]:
        return {
            "StartAt": f"Wait{hours}",
            "States": {f"Wait{hours}": {"Type": "Wait", "Seconds": hours * HOUR, "End": True}},
        }

    execution = waits.fast(
        {"Both": {"Type": "Parallel", "Branches": [branch(1), branch(2)], "End": True}}
    )
    assert waits.took(execution) == pytest.approx(2 * HOUR, abs=60)
    exited = times(waits.history(execution), "WaitStateExited")
    assert exited == pytest.approx([HOUR, 2 * HOUR], abs=60)


def test_pauses_before_another_attempt_pass_faster(waits: Waits) -> None:
    execution = waits.fast(
        {
            "Fails": {
                "Type": "Task",
                "Resource": "arn:aws:states:::sqs:sendMessage",
                "Parameters": {"QueueUrl": f"{waits.queue}-not-there", "MessageBody": "x"},
                "Retry": [
                    {
                        "ErrorEquals": ["States.ALL"],
                        "IntervalSeconds": HOUR,
                        "BackoffRate": 2,
                        "MaxAttempts": 2,
                    }
                ],
                "End": True,
            }
        }
    )
    assert waits.took(execution) == pytest.approx(3 * HOUR, abs=120)
    scheduled = times(waits.history(execution), "TaskScheduled")
    assert scheduled == pytest.approx([0, HOUR, 3 * HOUR], abs=120)


def test_a_task_nobody_answers_times_out_in_its_own_time(waits: Waits) -> None:
    execution = waits.fast({"Ask": waits.waits_for(TimeoutSeconds=2 * HOUR, End=True)})
    assert waits.took(execution) == pytest.approx(2 * HOUR, abs=120)
    assert waits.stack.ended(execution)["error"] == "States.Timeout"


def test_a_heartbeat_that_does_not_come_fails_the_task(waits: Waits) -> None:
    asks = waits.waits_for(TimeoutSeconds=9 * HOUR, HeartbeatSeconds=HOUR, End=True)
    execution = waits.fast({"Ask": asks})
    assert waits.took(execution) == pytest.approx(HOUR, abs=120)


def test_the_machines_own_time_out_passes_faster_too(waits: Waits) -> None:
    states = {"Wait": {"Type": "Wait", "Seconds": 5 * HOUR, "End": True}}
    execution = waits.fast(states, TimeoutSeconds=2 * HOUR)
    assert waits.stack.ended(execution)["status"] == "TIMED_OUT"
    assert waits.took(execution) == pytest.approx(2 * HOUR, abs=120)
    assert waits.history(execution)[-1]["type"] == "ExecutionTimedOut"


def test_a_wait_is_skipped(waits: Waits) -> None:
    states = {"Wait": {"Type": "Wait", "Seconds": HOUR, "End": True}}
    execution = waits.start(states)
    found = waits.one(execution, "wait")
    assert (found["state"], found["until"] - found["since"]) == ("Wait", HOUR)
    assert waits.skip(execution, found["wait"]).status_code == 200
    assert waits.stack.ended(execution)["status"] == "SUCCEEDED"
    assert waits.skip(execution, found["wait"]).status_code == 404, "it is over"
    assert not waits.waiting(execution)


def test_the_wait_for_an_answer_shows_its_token_and_is_answered(waits: Waits) -> None:
    execution = waits.start({"Ask": waits.waits_for(End=True)})
    found = waits.one(execution, "answer")
    waits.api.send_task_success(taskToken=found["taskToken"], output='{"yes": 1}')
    assert json.loads(waits.stack.ended(execution)["output"]) == {"yes": 1}


def test_a_skipped_wait_for_an_answer_times_out(waits: Waits) -> None:
    execution = waits.start({"Ask": waits.waits_for(TimeoutSeconds=HOUR, End=True)})
    found = waits.one(execution, "answer")
    assert waits.skip(execution, found["wait"]).status_code == 200
    assert waits.stack.ended(execution)["error"] == "States.Timeout"
    with pytest.raises(ClientError, match="Provided task does not exist anymore"):
        waits.api.send_task_success(taskToken=found["taskToken"], output="{}")


def test_a_token_is_good_for_one_answer(waits: Waits) -> None:
    states = {
        "Ask": waits.waits_for(Next="Wait"),
        "Wait": {"Type": "Wait", "Seconds": HOUR, "End": True},
    }
    execution = waits.start(states)
    token = waits.one(execution, "answer")["taskToken"]
    waits.api.send_task_success(taskToken=token, output="1")
    more = {"output": "2"}
    for again, said in (
        (waits.api.send_task_success, more),
        (waits.api.send_task_failure, {}),
        (waits.api.send_task_heartbeat, {}),
    ):
        with pytest.raises(ClientError) as refused:
            again(taskToken=token, **said)
        assert refused.value.response["Error"]["Code"] == "TaskTimedOut"
    waits.api.stop_execution(executionArn=execution)


@pytest.mark.parametrize("port", ["engine", "console"])
def test_state_and_execution_answer_with_the_prefix_of_the_sdks(waits: Waits, port: str) -> None:
    number = getattr(waits.stack.ports, port)
    state = {"Type": "Pass", "Parameters": {"a": 1}, "End": True}
    answer = httpx.post(
        f"http://localhost:{number}/",
        headers={
            "Host": f"sync-localhost:{number}",
            "X-Amz-Target": "AWSStepFunctions.TestState",
            "Content-Type": "application/x-amz-json-1.0",
            "Authorization": "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/states/"
            "aws4_request, SignedHeaders=host, Signature=0",
        },
        json={"definition": json.dumps(state), "roleArn": ROLE},
        trust_env=False,
    )
    assert answer.status_code == 200, answer.text
    assert json.loads(answer.json()["output"]) == {"a": 1}


def test_what_is_no_token_or_no_json_is_refused(waits: Waits) -> None:
    with pytest.raises(ClientError) as refused:
        waits.api.send_task_success(taskToken="no-token", output="{}")
    assert refused.value.response["Error"]["Code"] == "InvalidToken"
    execution = waits.start({"Ask": waits.waits_for(End=True)})
    token = waits.one(execution, "answer")["taskToken"]
    with pytest.raises(ClientError) as refused:
        waits.api.send_task_success(taskToken=token, output="{no json")
    assert refused.value.response["Error"]["Code"] == "InvalidOutput"
    waits.api.send_task_failure(taskToken=token, error="No", cause="wanted")
    ended = waits.stack.ended(execution)
    assert (ended["status"], ended["error"], ended["cause"]) == ("FAILED", "No", "wanted")


def test_an_execution_that_waits_for_an_answer_is_stopped(waits: Waits) -> None:
    branches = [
        {"StartAt": name, "States": {name: waits.waits_for(End=True)}} for name in ("One", "Two")
    ]
    states = {"Both": {"Type": "Parallel", "Branches": branches, "End": True}}
    execution = waits.start(states)
    until(lambda: len([w for w in waits.waiting(execution) if w["kind"] == "answer"]) == 2)
    waits.api.stop_execution(executionArn=execution, error="Enough")
    assert waits.stack.ended(execution)["status"] == "ABORTED"
    last = waits.history(execution)[-1]
    assert last["type"] == "ExecutionAborted"
    assert last["executionAbortedEventDetails"]["error"] == "Enough"


def test_waits_are_asked_for_by_an_execution_that_is_there(waits: Waits) -> None:
    unknown = "arn:aws:states:us-east-1:000000000000:execution:no:no"
    assert waits.http.get("/_workflows/waits").status_code == 404
    assert waits.skip(unknown, 1).status_code == 404
    assert waits.http.post("/_workflows/waits/skip", content="no json").status_code == 400


def test_another_web_page_cannot_skip_a_wait(waits: Waits) -> None:
    execution = waits.start({"Wait": {"Type": "Wait", "Seconds": HOUR, "End": True}})
    found = waits.one(execution, "wait")
    answer = waits.http.post(
        "/_workflows/waits/skip",
        json={"executionArn": execution, "wait": found["wait"]},
        headers={"Origin": "http://evil.example"},
    )
    assert answer.status_code == 403
    assert waits.waiting(execution)
    waits.api.stop_execution(executionArn=execution)


def test_the_consoles_pages_see_and_skip_waits_and_evaluate(waits: Waits) -> None:
    page = httpx.Client(
        base_url=waits.stack.ports.console_url,
        headers={"X-Console": "1"},
        timeout=10,
        trust_env=False,
    )
    arn = waits.make({"Wait": {"Type": "Wait", "Seconds": 3000 * HOUR, "End": True}})
    started = page.post(
        "/api/aws/stepfunctions/start_execution",
        json={"stateMachineArn": arn},
        headers={HEADER: "2"},
    ).json()["executionArn"]
    found = waits.one(started, "wait")
    asked = {"executionArn": started}
    told = page.get("/api/workflows/waits", params=asked).json()["answer"]
    assert (told["timeScale"], told["waits"][0]["state"]) == (2, "Wait")
    skipped = page.post("/api/workflows/skip", json={**asked, "wait": found["wait"]})
    assert skipped.json() == {"answer": {"skipped": found["wait"]}}
    assert waits.stack.ended(started)["status"] == "SUCCEEDED"
    data = {"states": {"input": {"n": [1, 2]}}, "variables": {"more": 3}}
    for expression, answer in (
        ("$sum($states.input.n) + $more", {"value": 6}),
        ("$nothing", {"error": "returned nothing (undefined)."}),
        ("1 +", {"error": "threw an error during evaluation. S0207: Unexpected end of expression"}),
    ):
        said = page.post("/api/workflows/evaluate", json={"expression": expression, **data}).json()
        assert said == {"answer": answer}, expression
    assert page.post("/api/workflows/evaluate", json={}).status_code == 400
    assert (
        httpx.get(
            f"{waits.stack.ports.console_url}/api/workflows/waits",
            params=asked,
            headers={"Origin": "http://evil.example"},
            trust_env=False,
        ).status_code
        == 403
    )


def test_a_test_case_answers_instead_of_the_services(waits: Waits) -> None:
    states = {
        "Ask": {
            "Type": "Task",
            "Resource": "arn:aws:states:::lambda:invoke",
            "Parameters": {"FunctionName": "not-there"},
            "ResultPath": "$.answer",
            "Retry": [{"ErrorEquals": ["Busy"], "IntervalSeconds": 1, "MaxAttempts": 2}],
            "End": True,
        }
    }
    arn = waits.make(states)
    name = arn.rpartition(":")[2]
    waits.api.tag_resource(resourceArn=arn, tags=FAST)
    mocks = {
        "StateMachines": {name: {"TestCases": {"Works": {"Ask": "Answers"}}}},
        "MockedResponses": {
            "Answers": {
                "0": {"Throw": {"Error": "Busy", "Cause": "later"}},
                "1": {"Return": {"StatusCode": 200, "Payload": {"said": "yes"}}},
            }
        },
    }
    answer = waits.http.put("/_workflows/mocks", json=mocks)
    assert answer.status_code == 200, answer.text
    started = waits.api.start_execution(stateMachineArn=f"{arn}#Works")["executionArn"]
    ended = waits.stack.ended(started)
    assert json.loads(ended["output"])["answer"]["Payload"] == {"said": "yes"}, ended
    assert "TaskFailed" in [event["type"] for event in waits.history(started)]
    with pytest.raises(ClientError) as refused:
        waits.api.start_execution(stateMachineArn=f"{arn}#Other")
    assert refused.value.response["Error"]["Code"] == "InvalidName"
    wrong = waits.http.put("/_workflows/mocks", json={"StateMachines": 1})
    assert wrong.status_code == 400
    assert "StateMachines" in wrong.json()["message"]


def test_two_executions_of_one_name_with_other_input_are_refused(waits: Waits) -> None:
    arn = waits.make({"Wait": {"Type": "Wait", "Seconds": HOUR, "End": True}})
    started = waits.api.start_execution(stateMachineArn=arn, name="one", input="{}")
    again = waits.api.start_execution(stateMachineArn=arn, name="one", input="{}")
    assert again["executionArn"] == started["executionArn"]
    with pytest.raises(ClientError) as refused:
        waits.api.start_execution(stateMachineArn=arn, name="one", input='{"n": 1}')
    assert refused.value.response["Error"]["Code"] == "ExecutionAlreadyExists"
    waits.api.stop_execution(executionArn=started["executionArn"])


def test_a_machine_is_made_with_its_time_scale(waits: Waits) -> None:
    arn = waits.api.create_state_machine(
        name="made-fast",
        definition=json.dumps(
            {
                "StartAt": "W",
                "States": {"W": {"Type": "Wait", "Seconds": HOUR, "End": True}},
            }
        ),
        roleArn=ROLE,
        tags=FAST,
    )["stateMachineArn"]
    waits.made.append(arn)
    started = waits.api.start_execution(stateMachineArn=arn)["executionArn"]
    assert waits.took(started) == pytest.approx(HOUR, abs=60)


def test_an_execution_is_stopped_before_it_has_begun(stack: Stack) -> None:
    workflows = Workflows(stack)
    machine = workflows.make({"Wait": {"Type": "Wait", "Seconds": 300, "End": True}})
    for _ in range(10):
        arn = workflows.api.start_execution(stateMachineArn=machine)["executionArn"]
        workflows.api.stop_execution(executionArn=arn, error="Early", cause="at once")
        assert stack.ended(arn)["status"] == "ABORTED"
        told = workflows.history(arn)[-1]["executionAbortedEventDetails"]
        assert told == {"error": "Early", "cause": "at once"}
    workflows.delete()
