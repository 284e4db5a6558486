"""Public programs for Bedrock, unmodified, hold a conversation with a tool against 4566."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from local_aws.account import REGION
from local_cloud.installation import PROJECT, aws_environment
from local_cloud.model_override import ModelOverride
from tests.stack import Stack

pytestmark = pytest.mark.same_in_docker("the same engine answers for models")

MODEL = "us.anthropic.claude-sonnet-4-5-20250929-v1:0"
RULES: list[dict[str, Any]] = [
    {
        "when": {"asked": r"weather in (\w+)", "turn": 1},
        "say": "Let me look.",
        "tools": [{"name": "weather", "input": {"city": "${1}"}}],
    },
    {"when": {"tool": "weather", "result": r"(\d+)"}, "say": "It is ${1} degrees there."},
]
QUESTION = "What is the weather in Oslo?"
#: What is installed once for this checkout.
PACKAGES = PROJECT / ".local-cloud" / "packages" / "model-clients"
NODE = ("@aws-sdk/client-bedrock-runtime@3",)
PYTHON = ("langchain-aws>=1,<2", "strands-agents>=1,<2")
JAVASCRIPT = """
const { BedrockRuntimeClient, ConverseStreamCommand } = require("@aws-sdk/client-bedrock-runtime");
const [modelId, question] = process.argv.slice(2);
const client = new BedrockRuntimeClient({});
const toolConfig = { tools: [{ toolSpec: { name: "weather", inputSchema: { json: {
  type: "object", properties: { city: { type: "string" } } } } } }] };
async function turn(messages) {
  const command = new ConverseStreamCommand({ modelId, messages, toolConfig });
  const { stream } = await client.send(command);
  const content = []; let stop, pieces = 0;
  for await (const event of stream) {
    const start = event.contentBlockStart?.start;
    if (start) content.push({ toolUse: start.toolUse, text: "" });
    const delta = event.contentBlockDelta?.delta;
    if (delta) pieces += 1;
    if (delta?.text !== undefined) {
      if (!content.length) content.push({ text: "" });
      content.at(-1).text += delta.text;
    }
    if (delta?.toolUse) content.at(-1).text += delta.toolUse.input;
    stop = event.messageStop?.stopReason ?? stop;
  }
  return { stop, pieces, content: content.map((one) => one.toolUse
    ? { toolUse: { ...one.toolUse, input: JSON.parse(one.text) } } : { text: one.text }) };
}
(async () => {
  const messages = [{ role: "user", content: [{ text: question }] }];
  const first = await turn(messages);
  const use = first.content.at(-1).toolUse;
  messages.push({ role: "assistant", content: first.content });
  messages.push({ role: "user", content: [{ toolResult: {
    toolUseId: use.toolUseId, content: [{ text: `7 in ${use.input.city}` }] } }] });
  const last = await turn(messages);
  console.log(JSON.stringify({ stop: first.stop, pieces: first.pieces, city: use.input.city,
    told: last.content[0].text }));
})();
"""
LANGCHAIN = """
import json, sys
from langchain_aws import ChatBedrockConverse
from langchain_core.messages import HumanMessage, ToolMessage
from langchain_core.tools import tool

@tool
def weather(city: str) -> str:
    "The weather of a city."
    return f"7 in {city}"

model, question = sys.argv[1:]
chat = ChatBedrockConverse(model=model).bind_tools([weather])
messages = [HumanMessage(question)]
first, pieces = None, 0
for chunk in chat.stream(messages):
    first, pieces = chunk if first is None else first + chunk, pieces + 1
(call,) = first.tool_calls
messages += [first, ToolMessage(weather.invoke(call["args"]), tool_call_id=call["id"])]
print(json.dumps({
    "stop": first.response_metadata["stopReason"], "pieces": pieces, "city": call["args"]["city"],
    "told": chat.invoke(messages).text,
}))
"""
STRANDS = """
import json, sys
from strands import Agent, tool
from strands.models import BedrockModel

asked, pieces = [], []

@tool
def weather(city: str) -> str:
    "The weather of a city."
    asked.append(city)
    return f"7 in {city}"

def hear(**event):
    if "data" in event:
        pieces.append(event["data"])

model, question = sys.argv[1:]
agent = Agent(model=BedrockModel(model_id=model), tools=[weather], callback_handler=hear)
result = agent(question)
print(json.dumps({
    "stop": "tool_use" if asked else "", "pieces": len(pieces), "city": asked[0],
    "told": str(result).strip(),
}))
"""


@pytest.fixture(scope="module", autouse=True)
def _scripted(stack: Stack) -> Iterator[None]:
    override = ModelOverride(stack.ports.engine_url)
    override.script(*RULES)
    yield
    override.end()


def told(stack: Stack, *command: str) -> dict[str, Any]:
    """Return what a program prints of its conversation."""
    done = subprocess.run(
        [*command, MODEL, QUESTION],
        env={**aws_environment(stack.ports), "AWS_REGION": REGION},  # JavaScript's name for it
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def holds_the_conversation(found: dict[str, Any]) -> None:
    assert (found["stop"], found["city"]) == ("tool_use", "Oslo")
    assert found["pieces"] > 2
    assert found["told"] == "It is 7 degrees there."


@pytest.mark.skipif(shutil.which("npm") is None, reason="npm is not installed")
def test_the_javascript_sdk(stack: Stack) -> None:
    folder = PACKAGES / "node"
    if not (folder / "node_modules").is_dir():
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "package.json").write_text('{"private": true}')
        npm = ["npm", "install", "--no-audit", "--no-fund", "--loglevel=error", *NODE]
        subprocess.run(npm, cwd=folder, check=True, timeout=300)
    program = folder / "conversation.js"
    program.write_text(JAVASCRIPT)
    holds_the_conversation(told(stack, "node", str(program)))


@pytest.fixture(scope="module")
def python() -> str:
    """A Python of its own with the packages: the kit's are held back by LocalStack."""
    folder = PACKAGES / "python"
    program = folder / "bin" / "python"
    if not (folder / "installed").exists():
        uv = [sys.executable, "-m", "uv"]
        environment = {k: v for k, v in os.environ.items() if k != "VIRTUAL_ENV"}
        for command in (
            [*uv, "venv", "--quiet", "--clear", "--python", sys.executable, str(folder)],
            [*uv, "pip", "install", "--quiet", "--system-certs", "--python", str(program), *PYTHON],
        ):
            subprocess.run(command, env=environment, check=True, timeout=300)
        (folder / "installed").touch()
    return str(program)


@pytest.mark.parametrize("program", [LANGCHAIN, STRANDS], ids=["langchain", "strands"])
def test_frameworks_in_python(stack: Stack, python: str, tmp_path: Path, program: str) -> None:
    path = tmp_path / "conversation.py"
    path.write_text(program)
    holds_the_conversation(told(stack, python, str(path)))
