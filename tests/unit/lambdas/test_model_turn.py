"""A model's turn: what the workflow does with it, and with one that makes no sense."""

from __future__ import annotations

from typing import Any

import pytest

from agent_common import analyses, conversation, events
from agent_common.errors import LlmInvalidResponse, LlmMisconfigured
from tests.unit.lambdas.conftest import Pushed
from tests.unit.lambdas.function_code import code_of, load

next_step = load("invoke-llm", "next_step")
providers = load("invoke-llm", "providers")
bedrock = load("invoke-llm", "providers.bedrock")
openai_compatible = load("invoke-llm", "providers.openai_compatible")
streaming = load("invoke-llm", "streaming")
send_prompt = load("send-prompt", "index")
answers = load("append-tool-output", "answers")
append_tool_output = load("append-tool-output", "index")


def turn(*names: str, content: str = "") -> dict[str, Any]:
    given = {"ask_user": '{"question": "Why?"}', "finish": '{"summary": "So."}'}
    calls = [
        {"id": f"c{i}", "name": name, "arguments": given.get(name, "{}")}
        for i, name in enumerate(names)
    ]
    return {"role": "assistant", "content": content, "toolCalls": calls}


@pytest.mark.parametrize(
    ("message", "wanted"),
    [
        (turn("profile_dataset", "sensitivity"), "tools"),
        (turn("ask_user"), "prompt"),
        (turn("finish"), "finish"),
        (turn(content="It works."), "finish"),
        (turn("sensitivity", "ask_user"), "prompt"),
        (turn("sensitivity", "finish"), "finish"),
    ],
)
def test_the_workflow_goes_where_the_model_wants(message: dict[str, Any], wanted: str) -> None:
    assert next_step.next_step(message)["next"] == wanted


@pytest.mark.parametrize("message", [turn(), turn(content="  "), turn(*["sensitivity"] * 17)])
def test_a_turn_that_cannot_be_used_is_refused(message: dict[str, Any]) -> None:
    with pytest.raises(LlmInvalidResponse):
        next_step.next_step(message)


def test_a_tool_call_without_a_name_is_refused() -> None:
    with pytest.raises(LlmInvalidResponse):
        next_step.checked("", [{"id": "c1", "name": "", "arguments": "{}"}])


@pytest.mark.parametrize(
    ("secret", "words"),
    [
        ("not json", "not a JSON object"),
        ("[]", "not a JSON object"),
        ('{"provider": "oracle"}', "oracle"),
        ('{"provider": "openai", "apiKey": "k"}', "'model'"),
        ('{"provider": "openai", "model": "m"}', "'apiKey'"),
        ('{"provider": "bedrock"}', "'model'"),
    ],
)
def test_a_wrong_secret_is_said_and_its_key_is_not(secret: str, words: str) -> None:
    with code_of("invoke-llm"), pytest.raises(LlmMisconfigured, match=words) as error:
        providers.make_provider(secret)
    assert '"k"' not in str(error.value)


CONVERSATION: list[dict[str, Any]] = [
    {"role": "system", "content": "Be careful."},
    {"role": "user", "content": "Why?", "dataset": "nsw", "columns": ["a", "b"]},
    {**turn("profile_dataset", "sensitivity"), "content": "Looking."},
    {"role": "tool", "toolCallId": "c0", "name": "profile_dataset", "content": '{"rows": 1}'},
    {"role": "tool", "toolCallId": "c1", "name": "sensitivity", "content": '{"error": "x"}'},
]


def test_converse_is_given_user_and_assistant_in_turn() -> None:
    messages = bedrock.to_converse(CONVERSATION)
    assert [message["role"] for message in messages] == ["user", "assistant", "user"]
    results = [block["toolResult"]["toolUseId"] for block in messages[2]["content"]]
    assert results == ["c0", "c1"]


def test_openai_is_given_each_answer_with_its_call() -> None:
    messages = [openai_compatible.to_openai(message) for message in CONVERSATION]
    assert [message["role"] for message in messages] == [
        "system",
        "user",
        "assistant",
        "tool",
        "tool",
    ]
    assert "nsw" in messages[1]["content"]
    assert messages[3]["tool_call_id"] == messages[2]["tool_calls"][0]["id"]


def test_tokens_are_gathered_into_pieces() -> None:
    now = 0.0
    pieces: list[tuple[int | None, str]] = []

    def emit(previous: int | None, text: str) -> int:
        pieces.append((previous, text))
        return 40 + len(pieces)

    stream = streaming.DeltaStream(emit, lambda: now)
    for word in ("a ", "b ", "c "):
        stream.add(word)
    assert pieces == []
    now = 1.0
    stream.add("d ")
    stream.add("e")
    stream.end()
    assert pieces == [(None, "a b c d "), (41, "e")]


@pytest.mark.parametrize(
    "arguments", ["{}", "no json", '{"question": ""}', '{"question": 7}', "[]"]
)
def test_a_prompt_without_words_is_the_models_fault(arguments: str) -> None:
    message = turn("ask_user")
    message["toolCalls"][0]["arguments"] = arguments
    with pytest.raises(LlmInvalidResponse):
        send_prompt.read_prompt(message, 1)


def test_every_call_of_a_turn_gets_an_answer() -> None:
    calls = turn("ask_user", "sensitivity", "ask_user")["toolCalls"]
    found = dict(answers.answers_to_prompt(calls, "randomised"))
    assert '"answer": "randomised"' in found[0]["content"]
    assert all("one question at a time" in found[index]["content"] for index in (1, 2))
    assert [found[index]["toolCallId"] for index in range(3)] == ["c0", "c1", "c2"]


def test_what_a_user_said_is_told_before_the_turn_is_complete(cloud: Pushed) -> None:
    analyses.create("a1", "alice", "c1", "Why?", "nsw", 20)
    conversation.put("a1", conversation.model_turn(2), turn("ask_user"))
    reply = {"promptId": "2.prompt", "answer": "yes"}
    payload = {"analysisId": "a1", "turn": 2, "promptTimeoutSeconds": 60, "reply": reply}
    for _ in range(2):  # a step may be tried again
        assert append_tool_output.run(payload)["turn"] == 3
    told = [event["text"] for event in events.since("a1", 0)]
    assert told == ["You said: yes", "Turn 2 is complete."]


def test_a_call_that_no_tool_has_answered_is_told_why() -> None:
    calls = turn("sensitivity", "ask_user", "sensitivity")["toolCalls"]
    found = dict(answers.answers_to_tools(calls, {0, 2}))
    assert list(found) == [1]
    assert "one question at a time" in found[1]["content"]
