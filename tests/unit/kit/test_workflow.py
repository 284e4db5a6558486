"""What the agent's workflow tries again: ASL has no references, so a test keeps the lists alike."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from local_cloud.installation import PROJECT

WORKFLOW: dict[str, Any] = json.loads(
    (PROJECT / "step-functions" / "agent-workflow.json").read_text()
)
#: The service could not run the function: tried for as long as a part may be away.
LAMBDA_AWAY = [
    "Lambda.ServiceException",
    "Lambda.AWSLambdaException",
    "Lambda.SdkClientException",
    "Lambda.TooManyRequestsException",
    "Lambda.ClientExecutionTimeoutException",
    "Lambda.Unknown",
]
#: The function's process died or hung.
PROCESS_DIED = ["Runtime.ExitError", "Sandbox.Timedout", "States.Timeout"]
MODEL_FAILED = ["LlmUnavailable", "LlmInvalidResponse"]
PAUSES = {"IntervalSeconds": 1, "BackoffRate": 2, "MaxDelaySeconds": 10, "JitterStrategy": "FULL"}

USUAL = [(LAMBDA_AWAY, 20), (PROCESS_DIED, 3)]
#: By state: which errors are tried again, and how often.
RETRIED = {
    "ParseInitialQuery": USUAL,
    "InvokeLLM": [*USUAL, (MODEL_FAILED, 2)],
    "DispatchTool": USUAL,
    # Its time-out is the user's, who has not answered.
    "SendPrompt": [(LAMBDA_AWAY, 20), (PROCESS_DIED[:2], 3)],
    "AppendReply": USUAL,
    "AppendToolOutput": USUAL,
    "HandleFinish": [(["States.ALL"], 20)],
}


def states(machine: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for name, state in machine["States"].items():
        yield name, state
        if "ItemProcessor" in state:
            yield from states(state["ItemProcessor"])


TASKS = {name: state for name, state in states(WORKFLOW) if state["Type"] == "Task"}


def test_every_task_says_what_it_tries_again() -> None:
    assert set(TASKS) == set(RETRIED)


@pytest.mark.parametrize("name", TASKS)
def test_a_task_tries_again_what_may_pass(name: str) -> None:
    retriers = TASKS[name]["Retry"]
    assert [(r["ErrorEquals"], r["MaxAttempts"]) for r in retriers] == RETRIED[name]
    for retrier in retriers:
        assert PAUSES.items() <= retrier.items()


@pytest.mark.parametrize("name", TASKS)
def test_a_task_that_fails_for_good_ends_in_words_for_the_user(name: str) -> None:
    if name == "HandleFinish":  # there is nothing after it
        assert "Catch" not in TASKS[name]
        return
    catching = WORKFLOW["States"]["DispatchTools" if name == "DispatchTool" else name]
    assert catching["Catch"][-1]["ErrorEquals"] == ["States.ALL"]
    assert catching["Catch"][-1]["Next"] == "HandleFinish"
