"""A small real model on this machine: served as OpenAI's API is, and behind the agent."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import openai
import pytest
import yaml

from local_cloud.client import Message
from local_cloud.installation import PROJECT
from tests.conftest import own_stack
from tests.stack import analyse, until, within

pytestmark = [
    pytest.mark.embedded("the model runs on this machine in both modes"),
    pytest.mark.skipif(shutil.which("npm") is None, reason="Node.js and npm are not installed"),
    pytest.mark.timeout(900),  # 140 MB are fetched once
]
TOOLS: Any = [
    {
        "type": "function",
        "function": {
            "name": name,
            "description": description,
            "parameters": {
                "type": "object",
                "properties": {wanted: {"type": "string"}},
                "required": [wanted],
            },
        },
    }
    for name, description, wanted in (
        ("weather", "The weather of a city", "city"),
        ("population", "How many people live in a country", "country"),
    )
]
QUESTION: Any = {"role": "user", "content": "What is the weather in Oslo?"}


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Where the model answers, up to ``/v1``."""
    said = tmp_path_factory.mktemp("model") / "said.txt"
    command = [str(PROJECT / "local-cloud"), "model", "serve", "--port", "0"]
    with said.open("w") as file, subprocess.Popen(command, stdout=file, stderr=file) as process:

        def served() -> str | None:
            assert process.poll() is None, said.read_text()
            found = re.search(r"base_url: (\S+)", said.read_text())
            return found[1] if found else None

        try:
            yield until(served, 600)
        finally:
            process.terminate()
            assert process.wait(20) == 0


@pytest.fixture
def client(address: str) -> openai.OpenAI:
    local = openai.DefaultHttpxClient(trust_env=False)
    return openai.OpenAI(base_url=address, api_key="none", max_retries=0, http_client=local)


def test_a_conversation_with_a_tool(client: openai.OpenAI) -> None:
    asked = client.chat.completions.create(model="any", messages=[QUESTION], tools=TOOLS)
    (choice,) = asked.choices
    assert choice.finish_reason == "tool_calls"
    assert choice.message.tool_calls is not None
    (call,) = choice.message.tool_calls
    assert call.type == "function"
    assert (call.function.name, json.loads(call.function.arguments)) == (
        "weather",
        {"city": "Oslo"},
    )
    assert asked.usage is not None
    assert asked.usage.total_tokens == asked.usage.prompt_tokens + asked.usage.completion_tokens
    messages: Any = [
        QUESTION,
        choice.message.model_dump(exclude_none=True),
        {"role": "tool", "tool_call_id": call.id, "content": '{"degrees": 7}'},
    ]
    stream = client.chat.completions.create(
        model="any",
        messages=messages,
        tools=TOOLS,
        stream=True,
        stream_options={"include_usage": True},
    )
    chunks = list(stream)
    pieces = [
        c.choices[0].delta.content for c in chunks if c.choices and c.choices[0].delta.content
    ]
    assert len(pieces) > 1
    assert "7" in "".join(pieces)
    assert chunks[-1].usage is not None
    assert {c.choices[0].finish_reason for c in chunks if c.choices} == {None, "stop"}


@pytest.mark.parametrize(
    "choice", ["required", {"type": "function", "function": {"name": "population"}}]
)
def test_a_tool_that_has_to_be_called_is(client: openai.OpenAI, choice: Any) -> None:
    asked = client.chat.completions.create(
        model="any", messages=[QUESTION], tools=TOOLS, tool_choice=choice
    )
    assert asked.choices[0].message.tool_calls is not None
    (call,) = asked.choices[0].message.tool_calls
    assert call.type == "function"
    wanted = {"weather": "city", "population": "country"}
    if choice != "required":
        assert call.function.name == "population"
    assert list(json.loads(call.function.arguments)) == [wanted[call.function.name]]


def test_a_limit_is_kept_and_an_answer_that_is_left_ends(client: openai.OpenAI) -> None:
    long: Any = [{"role": "user", "content": "Count from one to a thousand."}]
    short = client.chat.completions.create(model="any", messages=long, max_tokens=5)
    assert short.choices[0].finish_reason == "length"
    with client.chat.completions.create(model="any", messages=long, stream=True) as stream:
        next(iter(stream))
    began = time.monotonic()
    client.chat.completions.create(model="any", messages=long, max_tokens=1)
    assert time.monotonic() - began < 10, "it waits for 500 tokens that nobody reads"


@pytest.mark.parametrize(
    ("headers", "body", "status", "words"),
    [
        ({"Origin": "https://a-page.example"}, {"messages": [QUESTION]}, 403, "page"),
        ({"Host": "rebound.example"}, {"messages": [QUESTION]}, 403, "host"),
        ({}, [], 400, "no messages"),
        ({}, {"messages": [{"role": "assistant", "content": "x"}]}, 400, "the last message"),
        ({}, {"messages": [{"role": "user", "content": [{"type": "image_url"}]}]}, 400, "text"),
    ],
)
def test_what_is_no_request_of_a_programs_is_refused(
    address: str, headers: dict[str, str], body: Any, status: int, words: str
) -> None:
    url = f"{address}/chat/completions"
    answer = httpx.post(url, json=body, headers=headers, trust_env=False, timeout=30)
    assert answer.status_code == status
    assert words in answer.json()["error"]["message"]


def test_it_drives_the_agent_through_a_turn_with_a_tool(
    address: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    models = tmp_path_factory.mktemp("models") / "models.yaml"
    entry = {"match": "kit.planner-v1:0", "answer": "openai", "base_url": address, "model": "any"}
    models.write_text(yaml.safe_dump({"models": [entry]}))

    async def run() -> list[Message]:
        async with stack.connect() as agent:
            return await analyse(agent, "nsw", "Please profile the dataset.", maxTurns=1)

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MODELS_FILE", str(models))
        with own_stack(tmp_path_factory.mktemp("small-model")) as stack:
            messages = within(run(), 120)
    (called,) = [message for message in messages if message["type"] == "tool.finished"]
    assert (called["tool"], called["ok"]) == ("profile_dataset", True)
    assert called["output"]["rows"] == 445


def test_what_cannot_be_served_is_said(tmp_path: Path) -> None:
    def serve(*arguments: str, **environment: str) -> tuple[int, str]:
        command = [str(PROJECT / "local-cloud"), "model", "serve", *arguments]
        done = subprocess.run(
            command, env=os.environ | environment, capture_output=True, text=True, timeout=60
        )
        return done.returncode, done.stderr

    status, said = serve("--file", str(tmp_path / "none.gguf"))
    assert (status, "there is no" in said) == (2, True)
    (tmp_path / "node").write_text("#!/bin/sh\necho v16.0.0\n")
    (tmp_path / "node").chmod(0o755)
    status, said = serve(PATH=f"{tmp_path}:{os.environ['PATH']}")
    assert status == 1
    assert "Node.js 20 or newer is needed" in said
