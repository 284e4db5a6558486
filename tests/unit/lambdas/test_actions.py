"""Answers to prompts: a try that fails takes nothing from the next one."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError

from agent_common import analyses
from agent_common.errors import PromptNotOpen
from agent_common.tokens import User
from tests.unit.lambdas.conftest import Pushed
from tests.unit.lambdas.function_code import load

actions = load("websocket-handler", "actions")
CALLER = actions.Caller("c1", User("alice", "alice"))
REPLY = {"action": "reply", "analysisId": "a1", "promptId": "1.ask", "answer": "yes"}


class StepFunctions:
    """Takes one answer for a task; is away while told so."""

    class exceptions:  # noqa: N801 - boto3's name
        class TaskTimedOut(Exception): ...

        class InvalidToken(Exception): ...

    def __init__(self) -> None:
        self.away = False
        self.done: list[dict[str, Any]] = []

    def send_task_success(self, **answer: Any) -> None:
        self._take(answer)

    send_task_failure = send_task_success

    def _take(self, answer: dict[str, Any]) -> None:
        if self.away:
            raise EndpointConnectionError(endpoint_url="http://localhost:4566")
        if self.done:
            raise self.exceptions.TaskTimedOut
        self.done.append(answer)


@pytest.fixture
def workflow(cloud: Pushed, monkeypatch: pytest.MonkeyPatch) -> StepFunctions:
    workflow = StepFunctions()
    monkeypatch.setattr(actions, "step_functions", lambda: workflow)
    analyses.create("a1", "alice", "c1", "Why?", "nsw", 20)
    analyses.open_prompt("a1", {"promptId": "1.ask", "question": "?"}, "token")
    return workflow


def test_a_reply_that_does_not_reach_the_workflow_can_be_given_again(
    workflow: StepFunctions,
) -> None:
    workflow.away = True
    with pytest.raises(EndpointConnectionError):
        actions.reply(CALLER, REPLY)
    assert analyses.get("a1")["status"] == analyses.AWAITING_REPLY
    workflow.away = False
    actions.reply(CALLER, REPLY)
    assert [answer["taskToken"] for answer in workflow.done] == ["token"]
    assert analyses.get("a1")["status"] == analyses.RUNNING


def test_of_two_replies_the_first_counts(workflow: StepFunctions) -> None:
    actions.reply(CALLER, REPLY)
    with pytest.raises(PromptNotOpen):
        actions.reply(CALLER, REPLY)


def test_a_reply_to_a_task_that_is_over_closes_the_prompt(workflow: StepFunctions) -> None:
    workflow.done.append({})
    with pytest.raises(PromptNotOpen):
        actions.reply(CALLER, REPLY)
    assert "prompt" not in analyses.get("a1")


def test_a_cancel_that_does_not_reach_the_workflow_can_be_given_again(
    workflow: StepFunctions,
) -> None:
    cancel = {"action": "cancel", "analysisId": "a1"}
    workflow.away = True
    with pytest.raises(EndpointConnectionError):
        actions.cancel(CALLER, cancel)
    workflow.away = False
    actions.cancel(CALLER, cancel)
    assert [answer["error"] for answer in workflow.done] == ["AnalysisCancelled"]
