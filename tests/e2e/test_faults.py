"""Parts that are killed in the middle of an analysis: it ends in a result, or the user is told."""

from __future__ import annotations

import concurrent.futures
import os
import signal
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import BotoCoreError, ClientError

from local_cloud.analysis import Analysis
from local_cloud.client import Message
from local_cloud.processes import children, send
from tests.stack import Stack, until, within
from tests.workflows import ROLE, Workflows


def kill_part(name: str) -> Callable[[Stack], None]:
    return lambda stack: stack.kill(name)


def kill_workers(stack: Stack) -> None:
    send(children(stack.state().parts["lambda"]), signal.SIGKILL)


def run_through(stack: Stack, fault: Callable[[Stack], None], when: str) -> list[Message]:
    """Run an analysis; cause the fault at the first message of a type; return the messages."""

    async def run() -> list[Message]:
        analysis = Analysis(
            stack.ports.websocket_url,
            stack.token,
            {"question": "What did the programme do to 1978 earnings?", "dataset": "nsw"},
        )
        seen: list[Message] = []
        pending: Callable[[Stack], None] | None = fault
        async for message in analysis.messages():
            seen.append(message)
            if message["type"] == when and pending is not None:
                pending(stack)
                pending = None
            if message["type"] == "prompt":
                await analysis.reply(message, "randomised")
        assert pending is None, f"there was no {when}"
        return seen

    return within(run(), 240)


def failures(stack: Stack, analysis: str) -> list[str]:
    """Return what went wrong in an analysis' execution, for a test that did not expect it."""
    client = stack.aws("stepfunctions")
    machines = client.list_state_machines()["stateMachines"]
    arns = [
        execution["executionArn"]
        for machine in machines
        for execution in client.list_executions(stateMachineArn=machine["stateMachineArn"])[
            "executions"
        ]
        if analysis in execution["name"]
    ]
    return [
        f"{event['timestamp']:%T} {event['taskFailedEventDetails']}"
        for arn in arns
        for event in client.get_execution_history(executionArn=arn, maxResults=1000)["events"]
        if "taskFailedEventDetails" in event
    ]


def estimate(messages: list[Message]) -> Any:
    return messages[-1]["estimates"]["difference_in_means"]["estimate"]


@pytest.mark.parametrize("when", ["accepted", "tool.started", "prompt"])
@pytest.mark.parametrize(
    "fault",
    [
        pytest.param(kill_part("gateway"), id="gateway"),
        pytest.param(kill_part("lambda"), id="lambda endpoint"),
        pytest.param(
            kill_workers,
            id="workers",
            marks=pytest.mark.embedded("SAM does not replace a container that is killed"),
        ),
        pytest.param(kill_part("console"), id="console"),
        pytest.param(kill_part("engine"), id="engine"),
    ],
)
def test_an_analysis_survives_the_death_of(
    breakable_stack: Stack, fault: Callable[[Stack], None], when: str
) -> None:
    messages = run_through(breakable_stack, fault, when)
    assert messages[-1]["type"] == "finished"
    assert messages[-1]["status"] == "SUCCEEDED", failures(
        breakable_stack, messages[-1]["analysisId"]
    )
    assert estimate(messages) == pytest.approx(1794.34, abs=0.005)
    numbers = [m["seq"] for m in messages if "seq" in m]
    assert sorted(numbers) == list(range(1, max(numbers) + 1)), "nothing is missed, nothing twice"


def test_the_user_is_told_that_an_analysis_is_gone_with_what_the_engine_held(
    breakable_stack: Stack,
) -> None:
    messages = run_through(
        breakable_stack, lambda stack: os.kill(stack.state().pid, signal.SIGUSR1), "tool.started"
    )
    assert messages[-1]["type"] == "error"
    assert messages[-1]["code"] == "AnalysisNotFound"
    again = run_through(breakable_stack, lambda stack: None, "accepted")
    assert again[-1]["status"] == "SUCCEEDED", "and the next one is answered"


def test_nobody_waits_for_fifty_executions_that_the_engine_died_with(
    breakable_stack: Stack,
) -> None:
    workflows = Workflows(breakable_stack)
    waits = {"Wait": {"Type": "Wait", "Seconds": 600, "End": True}}
    machine = workflows.make(waits)
    running = [
        workflows.api.start_execution(stateMachineArn=machine)["executionArn"] for _ in range(50)
    ]
    express = workflows.api.create_state_machine(
        name=f"{machine.rpartition(':')[2]}-express",
        definition=workflows.api.describe_state_machine(stateMachineArn=machine)["definition"],
        roleArn=ROLE,
        type="EXPRESS",
    )["stateMachineArn"]
    with concurrent.futures.ThreadPoolExecutor() as pool:
        synchronous = pool.submit(
            breakable_stack.aws("stepfunctions").start_sync_execution, stateMachineArn=express
        )
        until(lambda: synchronous.running())
        breakable_stack.kill("engine")
        assert isinstance(synchronous.exception(60), BotoCoreError | ClientError)

    def words(execution: str) -> str | None:
        try:
            return str(workflows.api.describe_execution(executionArn=execution)["status"])
        except ClientError as error:
            return str(error.response["Error"]["Code"])
        except BotoCoreError:  # the engine is on its way back
            return None

    told = {until(lambda execution=execution: words(execution), 90) for execution in running}  # type: ignore[misc]
    assert told == {"RUNNING"}, "they go on"
    for execution in running:
        workflows.api.stop_execution(executionArn=execution)
    ended = {breakable_stack.ended(execution)["status"] for execution in running}
    assert ended == {"ABORTED"}
    again = [workflows.start({"Pass": {"Type": "Pass", "End": True}}) for _ in range(50)]
    assert {breakable_stack.ended(execution)["status"] for execution in again} == {"SUCCEEDED"}
