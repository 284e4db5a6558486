"""Real messages against the protocol that ``docs/asyncapi.yaml`` describes."""

from __future__ import annotations

import json
from typing import Any

import jsonschema
import pytest
import yaml

from local_cloud.client import AgentClient, Message
from local_cloud.installation import PROJECT
from tests.stack import Stack, within

DOCUMENT: dict[str, Any] = yaml.safe_load((PROJECT / "docs" / "asyncapi.yaml").read_text())
MESSAGES: dict[str, Any] = DOCUMENT["components"]["messages"]


def conforms(message: Message, name: str) -> None:
    """Fail unless a message is as the document says; the document's references are followed."""
    schema = {**MESSAGES[name]["payload"], "components": DOCUMENT["components"]}
    jsonschema.Draft202012Validator(schema).validate(message)


class Recorder(AgentClient):
    """An agent client that checks every message in both directions."""

    seen: set[str]

    async def send(self, action: str, **fields: Any) -> None:
        name = f"{action}Request" if action in ("status", "result") else action
        conforms({"action": action, **fields}, name)
        await super().send(action, **fields)

    async def receive(self) -> Message:
        message: Message = json.loads(await self.socket.recv())
        conforms(message, message["type"])
        self.seen.add(message["type"])
        return message

    async def until(self, wanted: str) -> Message:
        while True:
            if (message := await self.receive())["type"] == wanted:
                return message


def test_every_message_is_as_described(stack: Stack) -> None:
    async def run() -> set[str]:
        agent = Recorder(stack.ports.websocket_url, stack.token())
        agent.seen = set()
        async with agent:
            await agent.send("ping", requestId="p1")
            assert (await agent.until("pong"))["requestId"] == "p1"
            await agent.send(
                "analyze", question="What did treat do to re78?", dataset="nsw", requestId="a1"
            )
            prompt = await agent.until("prompt")
            one = {"analysisId": prompt["analysisId"]}
            await agent.send("status", **one)
            assert (await agent.until("status"))["prompt"]["promptId"] == prompt["promptId"]
            await agent.send("status")
            await agent.until("status")
            await agent.send("result", **one)
            await agent.until("error")
            await agent.send("reply", promptId=prompt["promptId"], answer="randomised", **one)
            await agent.until("finished")
            await agent.send("result", **one)
            await agent.until("result")
            await agent.send("resume", lastSeq=0, **one)
            await agent.until("finished")
            await agent.send("cancel", **one)
            await agent.until("status")
            return agent.seen

    sent = DOCUMENT["operations"]["toClient"]["messages"]
    names = {message["$ref"].rpartition("/")[2] for message in sent}
    # A model that falters is shown in test_llm.
    assert within(run()) == names - {"llm.restarted"}, "and every kind of message was seen"


@pytest.mark.parametrize("name", MESSAGES)
def test_every_schema_is_one(name: str) -> None:
    jsonschema.Draft202012Validator.check_schema(MESSAGES[name]["payload"])
