"""Bedrock's runtime on 4566, as boto3 asks it: conversations with tools, whole and streamed."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError, EventStreamError

from local_cloud.client import client_at
from local_cloud.model_override import ModelOverride
from tests.models import ask_and_leave, user
from tests.stack import Stack

pytestmark = pytest.mark.same_in_docker("the same engine answers for models")

MODEL = "anthropic.claude-3-haiku-20240307-v1:0"
TOOLS = {
    "tools": [
        {
            "toolSpec": {
                "name": "weather",
                "description": "The weather of a city",
                "inputSchema": {
                    "json": {"type": "object", "properties": {"city": {"type": "string"}}}
                },
            }
        }
    ]
}
RULES: list[dict[str, Any]] = [
    {
        "when": {"text": r"weather in (?P<city>\w+)"},
        "say": "Let me look.",
        "tools": [{"name": "weather", "input": {"city": "${city}", "days": [1, 2]}}],
    },
    {"when": {"tool": "weather"}, "say": "It is ${result.degrees} degrees, as you asked: ${text}"},
    {"when": {"text": "throttle now"}, "error": {"code": "ThrottlingException"}},
    {
        "when": {"text": "throttle later"},
        "say": "one two three",
        "error": {"code": "ThrottlingException", "message": "Too many tokens", "after": 2},
    },
    {"when": {"text": "count"}, "say": "1234567890", "chunk": 4},
    {"when": {"text": "think of (?P<what>.+)"}, "think": "Is it ${what}? It is.", "say": "Yes."},
    {"when": {"text": "nothing yet"}, "say": "late", "delay": 600},
    {"when": {"text": "slowly"}, "say": "a b c d e", "delay": 0.2},
]


@pytest.fixture(scope="module", autouse=True)
def _scripted(stack: Stack) -> Iterator[None]:
    override = ModelOverride(stack.ports.engine_url)
    override.script(*RULES)
    yield
    override.end()


@pytest.fixture
def runtime(stack: Stack) -> Any:
    return client_at("bedrock-runtime", stack.ports.engine_url, attempts=1)


def test_a_conversation_with_a_tool(runtime: Any) -> None:
    messages = [user("What is the weather in Oslo?")]
    first = runtime.converse(modelId=MODEL, messages=messages, toolConfig=TOOLS)
    assert first["stopReason"] == "tool_use"
    text, call = first["output"]["message"]["content"]
    assert text == {"text": "Let me look."}
    assert call["toolUse"]["input"] == {"city": "Oslo", "days": [1, 2]}
    usage = first["usage"]
    assert usage["totalTokens"] == usage["inputTokens"] + usage["outputTokens"] > 0
    messages += [first["output"]["message"], answered(call, {"degrees": 7})]
    last = runtime.converse(modelId=MODEL, messages=messages, toolConfig=TOOLS)
    assert last["stopReason"] == "end_turn"
    (told,) = last["output"]["message"]["content"]
    assert told["text"] == "It is 7 degrees, as you asked: What is the weather in Oslo?"


def answered(call: dict[str, Any], result: Any) -> dict[str, Any]:
    block = {"toolUseId": call["toolUse"]["toolUseId"], "content": [{"json": result}]}
    return {"role": "user", "content": [{"toolResult": block}]}


def test_a_stream_has_awss_events_in_awss_order(runtime: Any) -> None:
    answer = runtime.converse_stream(
        modelId=f"us.{MODEL}", messages=[user("The weather in Rome?")], toolConfig=TOOLS
    )
    events = list(answer["stream"])
    kinds = [next(iter(event)) for event in events]
    assert kinds[0] == "messageStart"
    assert kinds[-3:] == ["contentBlockStop", "messageStop", "metadata"]
    assert kinds.count("contentBlockStart") == 1, "words begin without one"
    text = "".join(
        event["contentBlockDelta"]["delta"].get("text", "")
        for event in events
        if "contentBlockDelta" in event
    )
    pieces = [
        event["contentBlockDelta"]["delta"]["toolUse"]["input"]
        for event in events
        if "toolUse" in event.get("contentBlockDelta", {}).get("delta", {})
    ]
    assert text == "Let me look."
    assert len(pieces) > 1
    assert json.loads("".join(pieces))["city"] == "Rome"
    assert events[-2]["messageStop"] == {"stopReason": "tool_use"}
    assert events[-1]["metadata"]["metrics"]["latencyMs"] >= 0


def test_words_come_when_they_are_said(runtime: Any) -> None:
    began = time.monotonic()
    stream = runtime.converse_stream(modelId=MODEL, messages=[user("slowly")])["stream"]
    times = [time.monotonic() - began for event in stream if "contentBlockDelta" in event]
    assert len(times) == 5
    assert times[-1] - times[0] > 0.6, "not all at once"


def test_a_stream_that_is_left_is_asked_no_more(runtime: Any) -> None:
    stream = runtime.converse_stream(modelId=MODEL, messages=[user("slowly")])["stream"]
    next(iter(stream))
    stream.close()
    assert runtime.converse(modelId=MODEL, messages=[user("count")])["stopReason"] == "end_turn"


@pytest.mark.parametrize("operation", ["converse", "converse-stream"])
def test_a_model_that_is_silent_ends_when_its_caller_leaves(stack: Stack, operation: str) -> None:
    text = f"nothing yet, {operation}"
    (call,) = ask_and_leave(stack.ports.engine_url, MODEL, text, operation)
    assert (call["left"], call["error"]) == (True, None)
    assert call["ms"] < 60_000


def test_a_silent_model_has_begun(runtime: Any) -> None:
    began = time.monotonic()
    stream = runtime.converse_stream(modelId=MODEL, messages=[user("nothing yet, again")])["stream"]
    assert next(iter(stream)) == {"messageStart": {"role": "assistant"}}
    assert time.monotonic() - began < 60
    stream.close()


def test_errors_are_awss_before_the_answer_and_amid_it(runtime: Any) -> None:
    for ask in (runtime.converse, runtime.converse_stream):
        with pytest.raises(runtime.exceptions.ThrottlingException) as early:
            ask(modelId=MODEL, messages=[user("throttle now")])
        assert early.value.response["ResponseMetadata"]["HTTPStatusCode"] == 429
    stream = runtime.converse_stream(modelId=MODEL, messages=[user("throttle later")])["stream"]
    heard = []
    with pytest.raises(EventStreamError, match=r"throttlingException.*Too many tokens"):
        heard.extend(stream)
    assert [next(iter(event)) for event in heard] == [
        "messageStart",
        "contentBlockDelta",
        "contentBlockDelta",
    ]


def test_limits_of_a_request_end_the_answer(runtime: Any) -> None:
    def told(**inference: Any) -> tuple[str, str]:
        answer = runtime.converse(
            modelId=MODEL, messages=[user("count")], inferenceConfig=inference
        )
        content = answer["output"]["message"]["content"]
        return content[0]["text"], answer["stopReason"]

    assert told() == ("1234567890", "end_turn")
    assert told(maxTokens=2) == ("12345678", "max_tokens")
    assert told(stopSequences=["67"]) == ("12345", "stop_sequence")


CALL = {"toolUse": {"toolUseId": "a", "name": "weather", "input": {}}}
RESULT = {"toolResult": {"toolUseId": "a", "content": [{"text": "x"}]}}


@pytest.mark.parametrize(
    ("messages", "words"),
    [
        (
            [{"role": "assistant", "content": [{"text": "x"}]}],
            "A conversation must start with a user message",
        ),
        ([user("a"), user("b")], "must alternate between user and assistant roles"),
        ([user(" ")], r"ContentBlock object at messages.0.content.0 is blank"),
        ([{"role": "user", "content": []}], "at messages.0 is empty"),
        (
            [user("a"), {"role": "assistant", "content": [CALL]}, user("b")],
            "Expected toolResult blocks at messages.2.content for the following Ids: a",
        ),
        (
            [{"role": "user", "content": [RESULT]}],
            "toolResult blocks at messages.0.content exceeds the number of toolUse blocks",
        ),
        (
            [
                user("a"),
                {"role": "assistant", "content": [CALL, CALL]},
                {"role": "user", "content": [RESULT]},
            ],
            "toolUse blocks at messages.1.content contain duplicate Ids: a",
        ),
    ],
)
def test_what_is_no_conversation_is_refused_in_bedrocks_words(
    runtime: Any, messages: list[dict[str, Any]], words: str
) -> None:
    with pytest.raises(runtime.exceptions.ValidationException, match=words):
        runtime.converse(modelId=MODEL, messages=messages, toolConfig=TOOLS)


def test_tools_need_to_be_declared(runtime: Any) -> None:
    messages = [
        user("a"),
        {"role": "assistant", "content": [CALL]},
        {"role": "user", "content": [RESULT]},
    ]
    with pytest.raises(runtime.exceptions.ValidationException, match="toolConfig field must be"):
        runtime.converse(modelId=MODEL, messages=messages)


@pytest.mark.parametrize(
    ("model", "words"),
    [
        ("anthropic.claude-9", "The provided model identifier is invalid"),
        ("anthropic.claude-sonnet-4-5-20250929-v1:0", "with on-demand throughput isn\u2019t"),
    ],
)
def test_models_that_are_not_asked_so(runtime: Any, model: str, words: str) -> None:
    with pytest.raises(ClientError, match=words):
        runtime.converse(modelId=model, messages=[user("count")])
    by_arn = f"arn:aws:bedrock:us-east-1:000000000000:inference-profile/eu.{MODEL}"
    assert runtime.converse(modelId=by_arn, messages=[user("count")])["stopReason"] == "end_turn"


def test_what_no_rule_fits_is_said(runtime: Any) -> None:
    with pytest.raises(runtime.exceptions.ModelErrorException, match="No rule fits turn 1"):
        runtime.converse(modelId=MODEL, messages=[user("nothing of it")])


def test_models_and_profiles_are_told(stack: Stack) -> None:
    bedrock = stack.aws("bedrock")
    told = bedrock.list_foundation_models(byProvider="Amazon")["modelSummaries"]
    assert {one["providerName"] for one in told} == {"Amazon"}
    model = bedrock.get_foundation_model(modelIdentifier=MODEL)["modelDetails"]
    assert model["responseStreamingSupported"] is True
    profiles = bedrock.list_inference_profiles()["inferenceProfileSummaries"]
    one = bedrock.get_inference_profile(
        inferenceProfileIdentifier=profiles[0]["inferenceProfileId"]
    )
    assert one["models"] == profiles[0]["models"]
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        bedrock.get_inference_profile(inferenceProfileIdentifier="us.nobody.at-all")


def test_tokens_are_counted_before_they_are_sent(runtime: Any) -> None:
    said = {"converse": {"messages": [user("12345678")]}}
    assert runtime.count_tokens(modelId=MODEL, input=said)["inputTokens"] == 2
    body = anthropic({"role": "user", "content": "12345678"})
    counted = runtime.count_tokens(modelId=MODEL, input={"invokeModel": {"body": body}})
    assert counted["inputTokens"] > 2, "its tool counts, too"
    with pytest.raises(runtime.exceptions.ValidationException, match="Malformed input request"):
        runtime.count_tokens(modelId=MODEL, input={"invokeModel": {"body": "no JSON"}})


def anthropic(*messages: dict[str, Any]) -> str:
    tool = {"name": "weather", "input_schema": {"type": "object"}}
    return json.dumps(
        {
            "anthropic_version": "bedrock-2023-05-31",
            "max_tokens": 100,
            "messages": list(messages),
            "tools": [tool],
        }
    )


def test_anthropics_own_form_whole_and_streamed(runtime: Any) -> None:
    question = {"role": "user", "content": "The weather in Oslo?"}
    answer = runtime.invoke_model(modelId=MODEL, body=anthropic(question))
    first = json.loads(answer["body"].read())
    assert (first["type"], first["role"], first["stop_reason"]) == (
        *("message", "assistant"),
        "tool_use",
    )
    text, use = first["content"]
    assert text == {"type": "text", "text": "Let me look."}
    assert (use["type"], use["input"]["city"]) == ("tool_use", "Oslo")
    result = {"type": "tool_result", "tool_use_id": use["id"], "content": '{"degrees": 7}'}
    body = anthropic(
        question,
        {"role": "assistant", "content": first["content"]},
        {"role": "user", "content": [result]},
    )
    stream = runtime.invoke_model_with_response_stream(modelId=MODEL, body=body)["body"]
    chunks = [json.loads(event["chunk"]["bytes"]) for event in stream]
    kinds = [chunk["type"] for chunk in chunks]
    assert kinds[:2] == ["message_start", "content_block_start"]
    assert kinds[-3:] == ["content_block_stop", "message_delta", "message_stop"]
    words = "".join(c["delta"]["text"] for c in chunks if c["type"] == "content_block_delta")
    assert words.startswith("It is 7 degrees")
    assert chunks[-2]["delta"]["stop_reason"] == "end_turn"
    assert chunks[-1]["amazon-bedrock-invocationMetrics"]["outputTokenCount"] > 0


def test_a_model_thinks_before_it_speaks(runtime: Any) -> None:
    messages = [user("think of rain")]
    thought, words = runtime.converse(modelId=MODEL, messages=messages)["output"]["message"][
        "content"
    ]
    told = thought["reasoningContent"]["reasoningText"]
    assert (told["text"], words) == ("Is it rain? It is.", {"text": "Yes."})
    stream = list(runtime.converse_stream(modelId=MODEL, messages=messages)["stream"])
    deltas = [one["contentBlockDelta"] for one in stream if "contentBlockDelta" in one]
    thoughts = [d["delta"]["reasoningContent"] for d in deltas if d["contentBlockIndex"] == 0]
    assert "".join(one.get("text", "") for one in thoughts) == told["text"]
    assert thoughts[-1] == {"signature": told["signature"]}
    assert [d["delta"] for d in deltas if d["contentBlockIndex"] == 1] == [{"text": "Yes."}]
    # It is sent back as it is.
    messages += [{"role": "assistant", "content": [thought, words]}, user("count")]
    assert runtime.converse(modelId=MODEL, messages=messages)["stopReason"] == "end_turn"


def test_thoughts_in_anthropics_own_form(runtime: Any) -> None:
    question = {"role": "user", "content": "think of snow"}
    answer = runtime.invoke_model(modelId=MODEL, body=anthropic(question))
    thought, words = json.loads(answer["body"].read())["content"]
    assert (thought["type"], thought["thinking"]) == ("thinking", "Is it snow? It is.")
    assert words == {"type": "text", "text": "Yes."}
    body = anthropic(
        question,
        {"role": "assistant", "content": [thought, words]},
        {"role": "user", "content": "think of ice"},
    )
    stream = runtime.invoke_model_with_response_stream(modelId=MODEL, body=body)["body"]
    chunks = [json.loads(event["chunk"]["bytes"]) for event in stream]
    starts = [c["content_block"]["type"] for c in chunks if c["type"] == "content_block_start"]
    assert starts == ["thinking", "text"]
    deltas = [c["delta"] for c in chunks if c["type"] == "content_block_delta"]
    said = "".join(one.get("thinking", "") for one in deltas)
    assert said == "Is it ice? It is."
    assert [one["type"] for one in deltas][-2:] == ["signature_delta", "text_delta"]


def test_a_body_of_somebody_else_is_refused(runtime: Any) -> None:
    with pytest.raises(ClientError, match="anthropic_version: Field required"):
        runtime.invoke_model(modelId=MODEL, body=json.dumps({"messages": []}))
    with pytest.raises(ClientError, match="by Converse"):
        runtime.invoke_model(modelId="mistral.mistral-large-2402-v1:0", body="{}")


@pytest.mark.parametrize(
    "body",
    [
        "no JSON",
        "[]",
        '{"anthropic_version": "x", "max_tokens": 1, "messages": ["x"]}',
        '{"anthropic_version": "x", "max_tokens": 1, "messages": [{"role": "user", "content": 7}]}',
    ],
)
def test_a_body_of_another_form_is_refused(runtime: Any, body: str) -> None:
    with pytest.raises(runtime.exceptions.ValidationException, match="Malformed input request"):
        runtime.invoke_model(modelId=MODEL, body=body)


def test_a_guardrail_lets_everything_pass_and_says_so(runtime: Any) -> None:
    answer = runtime.apply_guardrail(
        guardrailIdentifier="g1",
        guardrailVersion="DRAFT",
        source="INPUT",
        content=[{"text": {"text": "anything"}}],
    )
    assert (answer["action"], answer["outputs"]) == ("NONE", [])
    assert "not evaluated" in answer["actionReason"]


def test_embeddings_are_near_for_texts_that_share_words(runtime: Any) -> None:
    def embedded(text: str, **more: Any) -> list[float]:
        body = json.dumps({"inputText": text, **more})
        answer = runtime.invoke_model(modelId="amazon.titan-embed-text-v2:0", body=body)
        vector: list[float] = json.loads(answer["body"].read())["embedding"]
        return vector

    def near(one: str, other: str) -> float:
        return sum(a * b for a, b in zip(embedded(one), embedded(other), strict=True))

    assert len(embedded("a cat")) == 1024
    assert len(embedded("a cat", dimensions=256)) == 256
    assert near("the cat sat on the mat", "the cat sat on the mat") == pytest.approx(1)
    assert near("the cat sat on the mat", "on the mat the cat sat") > 0.5
    assert abs(near("the cat sat on the mat", "prices rose last quarter")) < 0.3
    with pytest.raises(ClientError, match="required key"):
        embedded("")
