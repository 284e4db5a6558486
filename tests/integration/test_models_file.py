"""The file that says which model answers: programs, Bedrock itself, recordings; its changes."""

from __future__ import annotations

import base64
import json
import os
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import yaml
from botocore.exceptions import ClientError, EventStreamError

from local_cloud.client import client_at
from local_cloud.installation import Options, Permissions
from tests.conftest import own_stack
from tests.models import ask_and_leave, call_of, user
from tests.stack import Stack

pytestmark = pytest.mark.embedded("the models file is the test's own")
MODEL = "anthropic.claude-3-haiku-20240307-v1:0"
RULES: list[dict[str, Any]] = [
    {"when": {"text": "count"}, "say": "1234567890", "chunk": 4},
    {
        "when": {"text": "weather in (?P<city>.+)"},
        "say": "Let me look.",
        "tools": [{"name": "weather", "input": {"city": "${city}"}}],
    },
    {"when": {"tool": "weather"}, "say": "It is ${result} degrees."},
    {
        "when": {"text": "throttle later"},
        "say": "one two three",
        "error": {"code": "ThrottlingException", "message": "Too many tokens", "after": 2},
    },
    {"when": {"text": "think"}, "think": "It may be.", "say": "Yes."},
]


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("models") / "models.yaml"
    write(path, RULES)
    return path


PROGRAM = """
import json, sys
for line in sys.stdin:
    asked = json.loads(line)
    text = asked["messages"][-1]["content"][0]["text"]
    if text == "die":
        sys.exit("it was told to")
    pieces = [{"text": f"{asked['model']}: "}, {"text": text}, {"stop": {"reason": "end_turn"}}]
    if text == "hush":
        continue
    if text == "fail":
        pieces = [{"error": {"code": "ThrottlingException", "message": "not now"}}]
    for piece in pieces:
        print(json.dumps({"id": asked["id"], **piece}), flush=True)
"""


HEAD = b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n"
WORD = b'data: {"choices": [{"delta": {"content": "one "}}]}\n\n'
SILENT = "silent.v1"
AFAR = "amazon.nova-micro-v1:0"


def write(path: Path, rules: list[dict[str, Any]], *more: dict[str, Any]) -> None:
    (path.parent / "program.py").write_text(PROGRAM)
    entries: list[dict[str, Any]] = [
        {"match": "anthropic.*", "answer": "scripted", "rules": rules},
        {"match": "mine.v1", "answer": "program", "command": ["python", "program.py"]},
        {"match": "none.v1", "answer": "program", "command": ["no-such-program"]},
    ]
    path.write_text(yaml.safe_dump({"models": [*more, *entries]}))


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory, models: Path) -> Iterator[Stack]:
    """A stack whose models are scripted by the test."""
    options = Options(permissions=Permissions.WATCH.value)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MODELS_FILE", str(models))
        with own_stack(tmp_path_factory.mktemp("models-cloud"), options=options) as started:
            yield started


@pytest.fixture
def runtime(asked: Stack) -> Any:
    return client_at("bedrock-runtime", asked.ports.engine_url, attempts=1)


def test_a_program_is_a_model_and_is_started_again(runtime: Any) -> None:
    def says(text: str, model: str = "mine.v1") -> str:
        answer = runtime.converse(modelId=model, messages=[user(text)])
        return str(answer["output"]["message"]["content"][0]["text"])

    assert says("hello") == "mine.v1: hello"
    with ThreadPoolExecutor(8) as threads:
        texts = [f"number {number}" for number in range(40)]
        assert list(threads.map(says, texts)) == [f"mine.v1: {text}" for text in texts]
    with pytest.raises(ClientError, match=r"ThrottlingException.*not now"):
        says("fail")
    with pytest.raises(ClientError, match=r"has ended \(1\): it was told to"):
        says("die")
    assert says("again") == "mine.v1: again"
    with pytest.raises(ClientError, match="no-such-program"):
        says("hello", "none.v1")


def test_what_no_entry_fits_is_said(runtime: Any) -> None:
    with pytest.raises(ClientError, match="No model answers for amazon"):
        runtime.converse(modelId="amazon.nova-lite-v1:0", messages=[user("count")])


def test_a_file_that_changes_counts_and_a_wrong_one_does_not(
    runtime: Any, asked: Stack, models: Path
) -> None:
    def says() -> str:
        answer = runtime.converse(modelId=MODEL, messages=[user("count")])
        return str(answer["output"]["message"]["content"][0]["text"])

    write(models, [{"say": "changed"}])
    assert says() == "changed"
    write(models, [{"say": "changed", "chunk": 0}])
    os.utime(models)
    assert says() == "changed"
    assert asked.home is not None
    assert "models.0.rules.0.chunk: 0 is less than the minimum" in (
        asked.home.log("engine").read_text()
    )
    write(models, RULES)
    assert says() == "1234567890"


def far_model(models: Path, engine_url: str, model: str) -> dict[str, Any]:
    """Return the entry of one at "Bedrock itself", which is the same engine, recorded."""
    credentials = "[models]\naws_access_key_id = test\naws_secret_access_key = test\n"
    (models.parent / "credentials").write_text(credentials)
    far = {"match": AFAR, "answer": "bedrock", "region": "eu-west-1", "profile": "models"}
    more = {"aws_folder": ".", "model": model, "endpoint_url": engine_url, "record": "far.jsonl"}
    return far | more


@pytest.fixture
def afar(asked: Stack, models: Path) -> Iterator[Path]:
    """The model far away is there; its cassette."""
    far = far_model(models, asked.ports.engine_url, MODEL)
    write(models, RULES, far)
    yield models.parent / "far.jsonl"
    write(models, RULES)


TOOLS = {
    "tools": [
        {
            "toolSpec": {
                "name": "weather",
                "description": "The weather of a city",
                "inputSchema": {"json": {"type": "object"}},
            }
        }
    ],
    "toolChoice": {"auto": {}},
}


def test_bedrock_itself_is_asked_and_recorded(
    runtime: Any, asked: Stack, afar: Path, models: Path
) -> None:
    messages = [user("weather in Oslo")]
    first = runtime.converse(modelId=AFAR, messages=messages, toolConfig=TOOLS)
    call = first["output"]["message"]["content"][1]["toolUse"]
    assert (call["name"], call["input"]) == ("weather", {"city": "Oslo"})
    assert first["stopReason"] == "tool_use"
    result = {"toolUseId": call["toolUseId"], "content": [{"text": "7"}]}
    messages += [
        first["output"]["message"],
        {"role": "user", "content": [{"toolResult": result}]},
    ]
    stream = runtime.converse_stream(modelId=AFAR, messages=messages, toolConfig=TOOLS)["stream"]
    heard = list(stream)
    said = [e["contentBlockDelta"]["delta"]["text"] for e in heard if "contentBlockDelta" in e]
    assert "".join(said) == "It is 7 degrees."
    assert len(said) > 1
    usage = heard[-1]["metadata"]["usage"]
    assert usage["totalTokens"] == usage["inputTokens"] + usage["outputTokens"] > 0

    entries = [json.loads(line) for line in afar.read_text().splitlines()]
    assert [entry["answer"][-1]["stop"]["reason"] for entry in entries] == ["tool_use", "end_turn"]
    assert entries[0]["request"]["model"] == AFAR
    # What is there is not asked again, by a file that records and by one that only plays.
    write(models, [], {"match": AFAR, "answer": "replay", "cassette": "far.jsonl"})
    again = runtime.converse(modelId=AFAR, messages=[user("weather in Oslo")], toolConfig=TOOLS)
    assert again["output"] == first["output"]
    with pytest.raises(ClientError, match=r"(?s)No entry of the cassette.*\+ .*Rome"):
        runtime.converse(modelId=AFAR, messages=[user("weather in Rome")], toolConfig=TOOLS)


def test_an_image_reaches_bedrock_as_it_is(runtime: Any, afar: Path) -> None:
    image = {"format": "png", "source": {"bytes": bytes(range(256))}}
    content = [{"image": image}, {"text": "count"}]
    answer = runtime.converse(modelId=AFAR, messages=[{"role": "user", "content": content}])
    assert answer["output"]["message"]["content"][0]["text"] == "1234567890"


def test_a_large_image_is_kept_by_its_hash(runtime: Any, asked: Stack, afar: Path) -> None:
    image = {"format": "png", "source": {"bytes": bytes(range(256)) * 1000}}
    messages = [{"role": "user", "content": [{"image": image}, {"text": "count"}]}]
    runtime.converse(modelId=AFAR, messages=messages)
    *_, line = afar.read_text().splitlines()
    assert len(line) < 2000
    # What the console tells of the call is the same entry.
    told = json.loads(call_of(asked.ports.engine_url, AFAR)["cassette"])
    assert told["request"] == json.loads(line)["request"]


def test_bedrock_is_told_all_of_a_request_and_its_thoughts_come_back(
    runtime: Any, asked: Stack, afar: Path
) -> None:
    point = {"cachePoint": {"type": "default"}}
    answer = runtime.converse(
        modelId=AFAR,
        messages=[user("think")],
        system=[{"text": "Be brief."}, point],
        toolConfig={"tools": [*TOOLS["tools"], point]},
        additionalModelRequestFields={"thinking": {"type": "enabled", "budget_tokens": 1024}},
    )
    thought, _ = answer["output"]["message"]["content"]
    assert thought["reasoningContent"]["reasoningText"]["text"] == "It may be."
    assert thought["reasoningContent"]["reasoningText"]["signature"]
    told = call_of(asked.ports.engine_url, MODEL)["request"]
    assert told["additionalModelRequestFields"]["thinking"]["budget_tokens"] == 1024
    assert told["system"] == [{"text": "Be brief."}, point]
    assert told["toolConfig"]["tools"][-1] == point


def test_bedrocks_errors_are_passed_on(runtime: Any, afar: Path, asked: Stack) -> None:
    with pytest.raises(ClientError, match=r"ModelErrorException.*No rule fits"):
        runtime.converse(modelId=AFAR, messages=[user("nothing of it")])
    stream = runtime.converse_stream(modelId=AFAR, messages=[user("throttle later")])["stream"]
    with pytest.raises(EventStreamError, match=r"throttlingException.*Too many tokens"):
        list(stream)


def test_a_program_is_heard_no_more_when_the_caller_leaves(asked: Stack, runtime: Any) -> None:
    (call,) = ask_and_leave(asked.ports.engine_url, "mine.v1", "hush", "converse")
    assert call["left"]
    answer = runtime.converse(modelId="mine.v1", messages=[user("hello")])
    assert answer["output"]["message"]["content"][0]["text"] == "mine.v1: hello"


@pytest.mark.parametrize(
    ("model", "says"),
    [(SILENT, b""), (SILENT, HEAD), (SILENT, HEAD + WORD), (AFAR, HEAD + WORD)],
)
def test_a_server_sees_when_the_caller_leaves(
    asked: Stack, afar: Path, models: Path, model: str, says: bytes
) -> None:
    engine = asked.ports.engine_url
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"http://127.0.0.1:{server.getsockname()[1]}/v1"
        silent = {"match": SILENT, "answer": "openai", "base_url": url, "model": "x"}
        write(models, RULES, far_model(models, engine, SILENT), silent)

        def serve() -> bytes:
            connection, _ = server.accept()
            with connection:
                while b"stream" not in connection.recv(65536):
                    pass
                connection.sendall(says)
                return connection.recv(1)

        with ThreadPoolExecutor(1) as threads:
            closed = threads.submit(serve)
            text = f"{model} after {len(says)}"
            calls = ask_and_leave(engine, model, text, "converse-stream")
            assert closed.result(30) == b""
    assert {call["model"] for call in calls} == {model, SILENT}
    for call in calls:
        assert (call["left"], call["error"]) == (True, None)
        assert call["says"] == ("one " if WORD in says else "")
    assert not afar.exists() or text not in afar.read_text(), "it is no whole answer"


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        ({"answer": "replay", "cassette": "none.jsonl"}, "none.jsonl"),
        ({"answer": "replay", "cassette": "models.yaml"}, "models.yaml: line 1"),
        ({"answer": "bedrock"}, "'region' is a required property"),
    ],
)
def test_an_entry_that_cannot_be_used_is_said(
    runtime: Any, asked: Stack, models: Path, entry: dict[str, Any], words: str
) -> None:
    write(models, RULES, {"match": "other.v1", **entry})
    answer = runtime.converse(modelId=MODEL, messages=[user("count")])
    assert answer["stopReason"] == "end_turn", "what answered before still does"
    assert asked.home is not None
    assert words in asked.home.log("engine").read_text()
    write(models, RULES)


def test_a_profile_that_is_not_there_is_said(runtime: Any, models: Path) -> None:
    far = {"match": AFAR, "answer": "bedrock", "region": "eu-west-1", "profile": "nobody"}
    far["aws_folder"] = "."
    write(models, RULES, far)
    with pytest.raises(ClientError, match="nobody"):
        runtime.converse(modelId=AFAR, messages=[user("count")])
    write(models, RULES)


def test_a_cassette_that_has_an_image_in_whole_still_fits(
    runtime: Any, afar: Path, models: Path
) -> None:
    data = bytes(range(256))
    messages = [user("count")]
    messages[0]["content"].append({"image": {"format": "png", "source": {"bytes": data}}})
    first = runtime.converse(modelId=AFAR, messages=messages)
    entry = json.loads(afar.read_text().splitlines()[-1])
    source = entry["request"]["messages"][0]["content"][1]["image"]["source"]
    source["bytes"] = base64.b64encode(data).decode()
    (models.parent / "whole.jsonl").write_text(json.dumps(entry))
    write(models, [], {"match": AFAR, "answer": "replay", "cassette": "whole.jsonl"})
    assert runtime.converse(modelId=AFAR, messages=messages)["output"] == first["output"]
