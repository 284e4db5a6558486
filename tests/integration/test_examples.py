"""The examples: each is deployed as its README says, and its client finds what that promises."""

from __future__ import annotations

import asyncio
import json
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection, connect

from local_cloud.deploy.session import Session, Wanted
from local_cloud.installation import PROJECT
from tests.stack import Stack, until, within


@contextmanager
def deployed(stack: Stack, example: str) -> Iterator[Session]:
    name = f"{example}-{uuid.uuid4().hex[:6]}"
    wanted = Wanted.of(PROJECT / "examples" / example, name, [])
    session = Session(stack.ports, wanted, by_reference=stack.project is None)
    try:
        list(session.run())
        yield session
    finally:
        session.stack.delete()


@pytest.fixture(scope="module")
def chat(stack: Stack) -> Iterator[Session]:
    with deployed(stack, "websocket-chat") as session:
        yield session


async def receive(socket: ClientConnection) -> Any:
    return json.loads(await asyncio.wait_for(socket.recv(), 40))


@pytest.mark.skipif(shutil.which("node") is None, reason="Node.js is not installed")
def test_chat_rooms_in_node(stack: Stack) -> None:
    async def talk(url: str) -> None:
        async with connect(url, proxy=None) as ann, connect(url, proxy=None) as bob:
            await ann.send(json.dumps({"action": "join", "room": "cats"}))
            assert (await receive(ann))["type"] == "joined"
            await bob.send(json.dumps({"action": "join", "room": "cats"}))
            assert [(await receive(one))["type"] for one in (ann, bob)] == ["joined"] * 2
            await ann.send(json.dumps({"action": "say", "room": "cats", "text": "meow"}))
            assert [(await receive(one))["text"] for one in (ann, bob)] == ["meow"] * 2
            await ann.send(json.dumps({"action": "say", "text": "where?"}))
            assert (await receive(ann))["message"] == "Bad request body"
            await bob.close()
            assert (await receive(ann))["type"] == "left"

    with deployed(stack, "chat-rooms-node") as session:
        within(talk(*session.stack.sockets()))


def test_an_agent_behind_a_queue(stack: Stack) -> None:
    async def talk(url: str) -> None:
        async with connect(url, proxy=None) as socket:
            await socket.send(json.dumps({"action": "ask", "question": "one two three"}))
            told = [await receive(socket) for _ in range(2)]
            queued, answer = sorted(told, key=lambda one: str(one["type"]), reverse=True)
            assert answer == {"type": "answer", "id": queued["id"], "text": "3 words"}

    async def ask(url: str, question: str) -> str:
        async with connect(url, proxy=None) as socket:
            await socket.send(json.dumps({"action": "ask", "question": question}))
            return str((await receive(socket))["id"])

    with deployed(stack, "agent-queue-python") as session:
        (url,) = session.stack.sockets()
        within(talk(url))
        # Nobody waits for this one; its answer is in the table.
        (table,) = session.stack.resources("AWS::DynamoDB::Table")
        asked = within(ask(url, "into the table"))
        key = {"id": {"S": asked}}
        item = until(lambda: stack.aws("dynamodb").get_item(TableName=table, Key=key).get("Item"))
        assert item["text"] == {"S": "3 words"}


@pytest.mark.parametrize(
    ("function", "action"), [("Connect", "PutItem"), ("Disconnect", "DeleteItem"), ("Send", "Scan")]
)
def test_a_function_of_the_chat_may_do_what_it_does(
    stack: Stack, chat: Session, function: str, action: str
) -> None:
    cloudformation, iam = stack.aws("cloudformation"), stack.aws("iam")

    def id_of(resource: str) -> str:
        wanted = {"StackName": chat.stack.name, "LogicalResourceId": resource}
        found = cloudformation.describe_stack_resource(**wanted)["StackResourceDetail"]
        return str(found["PhysicalResourceId"])

    role = iam.get_role(RoleName=id_of(f"{function}FunctionRole"))["Role"]["Arn"]
    asked = iam.simulate_principal_policy(
        PolicySourceArn=role,
        ActionNames=[f"dynamodb:{action}"],
        ResourceArns=[f"arn:aws:dynamodb:us-east-1:000000000000:table/{id_of('Connections')}"],
    )
    assert asked["EvaluationResults"][0]["EvalDecision"] == "allowed"


def test_an_echo_in_shell(stack: Stack) -> None:
    async def talk(url: str) -> None:
        async with connect(url, proxy=None) as socket:
            for word in ("hello", '{"a": "ü"}'):
                await socket.send(json.dumps(word))
                assert await receive(socket) == word

    with deployed(stack, "echo-shell") as session:
        within(talk(*session.stack.sockets()))
