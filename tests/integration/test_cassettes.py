"""What a model answered is recorded, and played again without it; a test has a model of its own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local_cloud.client import client_at
from local_cloud.engine.model.cassette import NoCassette, read
from local_cloud.installation import PROJECT, aws_environment
from local_cloud.model_override import ModelOverride, ModelsAway
from tests.stack import Stack

pytestmark = pytest.mark.same_in_docker("the same engine records and replays")

MODEL = "amazon.nova-lite-v1:0"
TOOL = {"toolSpec": {"name": "weather", "inputSchema": {"json": {"type": "object"}}}}
RULES: list[dict[str, Any]] = [
    {
        "when": {"text": "weather"},
        "say": "Let me look.",
        "tools": [{"name": "weather", "input": {"city": "Oslo"}}],
        "delay": 0.01,
    },
    {"when": {"tool": "weather"}, "say": "It is ${result} degrees."},
]


@pytest.fixture
def cassette(stack: Stack, model: ModelOverride, tmp_path: Path) -> Path:
    """A cassette with a conversation of two requests."""
    path = tmp_path / "weather.jsonl"
    # There is no model to record: what was recorded of a scripted one is.
    model.script(*RULES)
    heard = converse(stack, "The weather, please")
    lines = []
    for call, (events, _) in zip(model.calls(), heard, strict=True):
        pieces: list[dict[str, Any]] = []
        for event in events:
            match event:
                case {"contentBlockDelta": {"delta": {"text": text}}}:
                    pieces.append({"ms": 1, "text": text})
                case {"contentBlockStart": {"start": {"toolUse": use}}}:
                    named = {"id": use["toolUseId"], "name": use["name"]}
                    pieces.append({"ms": 1, "tool": named})
                case {"contentBlockDelta": {"delta": {"toolUse": {"input": text}}}}:
                    pieces.append({"ms": 1, "input": text})
                case {"messageStop": {"stopReason": reason}}:
                    pieces.append({"ms": 2, "stop": {"reason": reason}})
        lines.append(json.dumps({"request": call["request"], "answer": pieces}))
    path.write_text("\n".join(lines))
    return path


def converse(stack: Stack, question: str) -> list[tuple[list[dict[str, Any]], str]]:
    """Ask, answer the tool call, and return the events and words of both answers."""
    runtime = client_at("bedrock-runtime", stack.ports.engine_url, attempts=1)
    messages: list[dict[str, Any]] = [{"role": "user", "content": [{"text": question}]}]
    heard = []
    for result in ("7", None):
        asked = {"modelId": MODEL, "messages": messages, "toolConfig": {"tools": [TOOL]}}
        events = list(runtime.converse_stream(**asked)["stream"])
        deltas = [one["contentBlockDelta"]["delta"] for one in events if "contentBlockDelta" in one]
        words = "".join(delta.get("text", "") for delta in deltas)
        heard.append((events[:-1], words))  # the last tells how long it took
        starts = [one["contentBlockStart"]["start"] for one in events if "contentBlockStart" in one]
        if result is not None:
            use = starts[0]["toolUse"]
            given = "".join(one["toolUse"]["input"] for one in deltas if "toolUse" in one)
            called = {"toolUse": {**use, "input": json.loads(given)}}
            messages.append({"role": "assistant", "content": [{"text": words}, called]})
            told = {"toolUseId": use["toolUseId"], "content": [{"text": result}]}
            messages.append({"role": "user", "content": [{"toolResult": told}]})
    return heard


def test_a_conversation_is_played_again_as_it_was(
    stack: Stack, model: ModelOverride, cassette: Path
) -> None:
    model.script(*RULES)
    first = converse(stack, "The weather, please")
    model.replay(cassette)
    assert converse(stack, "The weather, please") == first
    assert model.tools() == [("weather", {"city": "Oslo"})]
    assert model.end() == []


def test_what_changed_is_told_with_the_place(
    stack: Stack, model: ModelOverride, cassette: Path
) -> None:
    model.replay(cassette)
    with pytest.raises(ClientError, match="No entry of the cassette fits") as failed:
        converse(stack, "The weather, at once")
    words = str(failed.value)
    assert '-     "text": "The weather, please"' in words
    assert '+     "text": "The weather, at once"' in words
    (unforeseen,) = model.end()
    assert "The weather, at once" in unforeseen


def test_ids_and_times_are_no_difference(
    stack: Stack, model: ModelOverride, tmp_path: Path
) -> None:
    path = tmp_path / "new.jsonl"
    question = "id 123e4567-e89b-42d3-a456-426614174{:03d} at 2026-01-{:02d}T10:00:00Z"
    runtime = client_at("bedrock-runtime", stack.ports.engine_url, attempts=1)

    def ask(number: int) -> str:
        text = question.format(number, number)
        message = {"role": "user", "content": [{"text": text}]}
        answer = runtime.converse(modelId=MODEL, messages=[message])
        return str(answer["output"]["message"]["content"][0]["text"])

    model.record(path, anew=True)  # of the model that config/models.yaml has
    first = ask(1)
    model.end()
    model.replay(path)
    assert ask(2) == first
    model.end()
    assert len(read(path.read_text())) == 1


def test_what_was_recorded_is_not_asked_again_and_secrets_stay_out(
    stack: Stack, model: ModelOverride, tmp_path: Path
) -> None:
    path = tmp_path / "made" / "twice.jsonl"
    runtime = client_at("bedrock-runtime", stack.ports.engine_url, attempts=1)
    message = {"role": "user", "content": [{"text": '{"password": "hunter2", "n": 1}'}]}
    for _ in range(2):
        model.record(path)
        runtime.converse(modelId=MODEL, messages=[message])
        model.end()
    (entry,) = read(path.read_text())
    assert "hunter2" not in json.dumps(entry["request"])


def test_something_else_is_no_cassette(model: ModelOverride, tmp_path: Path) -> None:
    path = tmp_path / "wrong.jsonl"
    path.write_text('{"request": {"messages": []}, "answer": [{"ms": 1, "text": "x"}]}\n')
    with pytest.raises(NoCassette, match="line 1: its answer does not end"):
        read(path.read_text())
    with pytest.raises(ModelsAway, match="line 1: its answer does not end"):
        model.replay(path)
    with pytest.raises(ModelsAway, match=r"rules: models\.0\.rules\.0"):
        model.script({"say": 7})


def test_the_command_records_until_it_is_ended(stack: Stack, tmp_path: Path) -> None:
    assert stack.home is not None
    path = tmp_path / "by-command.jsonl"
    command = [sys.executable, "-m", "local_cloud", "cassette"]
    environment = {**os.environ, "LOCAL_CLOUD_HOME": str(stack.home.path), "COLUMNS": "200"}

    def run(*words: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [*command, *words],
            cwd=PROJECT,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    recording = run("record", str(path))
    assert recording.stdout is not None
    assert "until Ctrl-C" in recording.stdout.readline()
    runtime = client_at("bedrock-runtime", stack.ports.engine_url, attempts=1)
    message = {"role": "user", "content": [{"text": "Hello"}]}
    runtime.converse(modelId=MODEL, messages=[message])
    recording.send_signal(signal.SIGINT)
    told, _ = recording.communicate(timeout=30)
    assert (recording.returncode, told) == (0, "1 request\n")
    checked, _ = run("check", str(path)).communicate(timeout=30)
    assert checked == "1 entry\n"
    shown, _ = run("show", str(path)).communicate(timeout=30)
    assert "user  Hello" in shown
    assert 'answer  You said: "Hello"' in shown


THEIRS = """
import boto3

def ask():
    message = {"role": "user", "content": [{"text": "Hello"}]}
    answer = boto3.client("bedrock-runtime").converse(modelId="MODEL", messages=[message])
    return answer["output"]["message"]["content"][0]["text"]

def test_a_script(model):
    model.script({"when": {"text": "^Hello$"}, "say": "Hi there"})
    assert ask() == "Hi there"
    assert len(model.calls()) == 1

def test_what_is_not_foreseen(model):
    model.script({"when": {"text": "Goodbye"}, "say": "Bye"})
    try:
        ask()
    except Exception:
        pass
"""


def test_anybodys_pytest_has_a_model_of_its_own(stack: Stack, tmp_path: Path) -> None:
    (tmp_path / "test_theirs.py").write_text(THEIRS.replace("MODEL", MODEL))
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", ".", "."],
        cwd=tmp_path,
        env=aws_environment(stack.ports),
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert "2 passed, 1 error" in done.stdout
    assert "No rule fits turn 1, in which the user said 'Hello'" in done.stdout
