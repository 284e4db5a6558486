"""An analysis that was recorded is played again without its model, event for event."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from pathlib import Path

from local_cloud.client import Message
from local_cloud.model_override import ModelOverride
from tests.stack import Stack, analyse, within

QUESTION = "What did treat do to re78?"


def ask(stack: Stack, question: str) -> list[Message]:
    async def run() -> list[Message]:
        async with stack.connect() as agent:
            return await analyse(agent, "nsw", question)

    return within(run())


def as_told(messages: list[Message]) -> str:
    """Return what a client is told, without what another run cannot have: ids and times of its own.

    Tools of one turn run side by side and end in any order, so theirs is by their call. Words come
    in pieces as the clock has it, so they are one text a turn; a tool tells how far it is by it.
    """
    analysis = messages[0]["analysisId"]
    words: defaultdict[int, str] = defaultdict(str)
    told: list[tuple[str, Message]] = []
    for message in messages:
        kept = {key: value for key, value in message.items() if key not in ("seq", "ts")}
        if message["type"] == "llm.delta":
            words[message["turn"]] += message["text"]
        elif message.get("step") != "DispatchTool":
            told.append((message.get("toolCallId", ""), kept))
    ordered: list[Message] = []
    while told:
        # The calls that follow each other directly, by their ids; the rest as it came.
        many = 1
        while told[0][0] and many < len(told) and told[many][0]:
            many += 1
        ordered += [kept for _, kept in sorted(told[:many], key=lambda one: one[0])]
        del told[:many]
    text = json.dumps([ordered, words], indent=1)
    return text.replace(analysis, "ANALYSIS")


def test_it_is_told_as_it_was_and_a_changed_question_is_told_with_the_place(
    stack: Stack, model: ModelOverride, tmp_path: Path
) -> None:
    cassette = tmp_path / "analysis.jsonl"
    model.record(cassette, anew=True)
    first = as_told(ask(stack, QUESTION))
    model.end()
    assert "I am a scripted planner" in first
    assert "refute_estimate" in first
    model.replay(cassette)
    assert as_told(ask(stack, QUESTION)) == first
    assert model.end() == []
    model.replay(cassette)
    finished = ask(stack, QUESTION.replace("78", "75"))[-1]
    (unforeseen, *_) = model.end()
    assert finished["status"] == "FAILED"
    for mark, column in (("-", "re78"), ("+", "re75")):
        assert re.search(rf'^\{mark} +"text": "What did treat do to {column}', unforeseen, re.M)


def test_the_planner_answers_at_bedrocks_api_unless_something_else_is_said(
    stack: Stack, model: ModelOverride
) -> None:
    model.script({"say": "Somebody else."})
    assert ask(stack, QUESTION)[-1]["summary"] == "Somebody else."
    (call,) = model.calls()
    assert call["request"]["model"] == "kit.planner-v1:0"
    model.end()
    assert ask(stack, QUESTION)[-1]["headlineMethod"]
