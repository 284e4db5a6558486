"""An agent whose model errs as models do: it is told, and goes on, or is stopped in plain words."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from typing import Any

import pytest

from local_cloud.client import Message
from local_cloud.model_override import ModelOverride
from tests.models import model_calls
from tests.stack import Stack, analyse, until, within

pytestmark = pytest.mark.same_in_docker("the functions' code is the same")

PROFILE = {"name": "profile_dataset", "input": {}}
QUESTION = "What did treat do to re78?"


@pytest.fixture
def model(stack: Stack) -> Iterator[ModelOverride]:
    override = ModelOverride(stack.ports.engine_url)
    yield override
    assert override.end() == []


def ask(stack: Stack, **more: Any) -> list[Message]:
    async def run() -> list[Message]:
        async with stack.connect() as agent:
            return await analyse(agent, "nsw", QUESTION, **more)

    return within(run())


def answers(messages: list[Message]) -> list[Message]:
    return [message for message in messages if message["type"] == "tool.finished"]


def finish(when: dict[str, Any], summary: str = "It ${result}") -> dict[str, Any]:
    return {"when": when, "tools": [{"name": "finish", "input": {"summary": summary}}]}


@pytest.mark.parametrize("broken", ['{"treatment": "treat", "outc', '["treat"]', "treat"])
def test_a_tool_input_that_is_no_json_is_told_and_the_model_goes_on(
    stack: Stack, model: ModelOverride, broken: str
) -> None:
    model.script(
        {"when": {"turn": 1}, "tools": [{"name": "estimate_effect", "input": broken}]},
        finish({"tool": "estimate_effect", "result": "(?P<why>are not (a )?JSON)"}, "They ${why}"),
    )
    messages = ask(stack)
    assert messages[-1]["status"] == "SUCCEEDED", messages[-1]
    assert messages[-1]["summary"].startswith("They are not")
    assert [answer["ok"] for answer in answers(messages)] == [False]


@pytest.mark.parametrize("broken", ['{"summary": "The effect is', "{}", '{"summary": " "}'])
def test_a_report_that_is_no_report_is_told_and_written_again(
    stack: Stack, model: ModelOverride, broken: str
) -> None:
    model.script(
        {"when": {"turn": 1}, "tools": [{"name": "finish", "input": broken}]},
        finish({"turn": 2, "tool": "finish"}, "Now whole."),
    )
    finished = ask(stack)[-1]
    assert (finished["status"], finished["summary"]) == ("SUCCEEDED", "Now whole.")


def test_a_question_without_words_is_told_and_asked_again(
    stack: Stack, model: ModelOverride
) -> None:
    model.script(
        {"when": {"turn": 1}, "tools": [{"name": "ask_user", "input": {"question": ""}}]},
        {
            "when": {"turn": 2, "result": "without words"},
            "tools": [
                {"name": "ask_user", "input": "{"},
                {"name": "ask_user", "input": {"question": "Which?", "options": ["a", "b"]}},
            ],
        },
        finish({"turn": 3, "result": "(?P<said>b)"}, "You said ${said}"),
    )

    async def run() -> list[Message]:
        async with stack.connect() as agent:
            return await analyse(agent, "nsw", QUESTION, lambda _: "b")

    messages = within(run())
    assert [m["question"] for m in messages if m["type"] == "prompt"] == ["Which?"]
    assert messages[-1]["summary"] == "You said b"


def test_a_tool_that_is_not_there_is_told(stack: Stack, model: ModelOverride) -> None:
    model.script(
        {"when": {"turn": 1}, "tools": [{"name": "run_python", "input": {"code": "1"}}]},
        finish({"tool": "run_python", "result": "There is no tool 'run_python'"}, "Then not."),
    )
    assert ask(stack)[-1]["summary"] == "Then not."


def test_two_calls_with_one_id_are_answered_apart(stack: Stack, model: ModelOverride) -> None:
    calls = [{**PROFILE, "id": "call_0"}, {"name": "no_such", "input": {}, "id": "call_0"}]
    model.script({"when": {"turn": 1}, "tools": calls}, finish({"turn": 2}, "Both came."))
    messages = ask(stack)
    assert messages[-1]["summary"] == "Both came."
    assert len({answer["toolCallId"] for answer in answers(messages)}) == 2
    (_, second) = model.calls()
    results = [
        block["toolResult"]["toolUseId"]
        for block in second["request"]["messages"][-1]["content"]
        if "toolResult" in block
    ]
    assert len(set(results)) == 2


def test_a_model_in_a_circle_is_told_and_comes_out(stack: Stack, model: ModelOverride) -> None:
    model.script(
        finish({"text": "same tool calls (?P<count>2) times"}, "Out after ${count}"),
        {"tools": [PROFILE]},
    )
    messages = ask(stack)
    assert messages[-1]["summary"] == "Out after 2"
    assert len(answers(messages)) == 2


def test_a_model_that_stays_in_its_circle_is_ended(stack: Stack, model: ModelOverride) -> None:
    model.script({"tools": [PROFILE]})
    messages = ask(stack)
    assert (messages[-1]["status"], messages[-1]["code"]) == ("FAILED", "ModelLoops")
    assert "profile_dataset in the same way 4 turns in a row" in messages[-1]["summary"]
    assert len(answers(messages)) == 4


def test_an_analysis_ends_with_its_tokens(stack: Stack, model: ModelOverride) -> None:
    model.script(
        {"when": {"turn": 1}, "say": "word " * 900, "tools": [PROFILE]},
        {"say": "more " * 10_000},
    )
    finished = ask(stack, maxTokens=1000)[-1]
    assert (finished["status"], finished["code"]) == ("FAILED", "TokenLimitReached")
    assert "1000 tokens" in finished["summary"]
    assert len(model.calls()) == 1
    # A single answer that is longer than what is left is not heard to its end.
    model.script({"say": "word " * 4000, "chunk": 1000, "delay": 0.01})
    finished = ask(stack, maxTokens=2000)[-1]
    assert finished["code"] == "TokenLimitReached"


@pytest.mark.parametrize("says", ["words, slowly", "nothing"])
def test_a_cancel_ends_the_models_answer(stack: Stack, model: ModelOverride, says: str) -> None:
    slow = {"delay": 0.05} if says != "nothing" else {"chunk": 5, "delay": 60}
    model.script({"say": "word " * 5000, **slow})

    async def run() -> tuple[Message, float]:
        async with stack.connect() as agent:
            await agent.send("analyze", dataset="nsw", question=QUESTION)
            began = 0.0
            async for message in agent:
                heard = message["type"] == "llm.delta"
                if message["type"] == "accepted" and says == "nothing":
                    heard = bool(await asyncio.to_thread(until, lambda: model.calls() or None))
                if heard and not began:
                    began = time.monotonic()
                    await agent.send("cancel", analysisId=message["analysisId"])
                if message["type"] == "finished":
                    return message, time.monotonic() - began
            raise AssertionError("the connection ended")

    finished, took = within(run())
    assert (finished["status"], finished["code"]) == ("CANCELLED", "Cancelled")
    # Its words would have taken minutes.
    assert took < 30
    engine = stack.ports.engine_url
    until(lambda: model_calls(engine)[0]["ms"] is not None)
    assert model_calls(engine)[0]["left"], "the engine asks the model no more"
