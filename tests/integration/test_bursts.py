"""More messages at once than there are workers: each is answered, once, or throttled by a limit."""

from __future__ import annotations

import asyncio
import json
import shutil
import uuid
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError
from websockets.asyncio.client import ClientConnection, connect

from local_cloud.client import client_at
from local_cloud.lambda_endpoint.capacity import RESERVED
from tests.integration.test_lambda_api import Functions, zipped
from tests.stack import Stack, within
from tests.workflows import Workflows

pytestmark = pytest.mark.embedded("the workers are this machine's")

DEFAULT = "$default"
URI = "arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/{}/invocations"
PYTHON = """
def handler(event, context):
    return {"statusCode": 200, "body": event["body"]}
"""
NODE = """
export const handler = async (event) => ({statusCode: 200, body: event.body});
"""
# A runtime of one's own, which keeps its connection, as those of Go and Rust do.
BOOTSTRAP = """#!/usr/bin/env python3
import http.client, json, os
api = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])
while True:
    api.request("GET", "/2018-06-01/runtime/invocation/next")
    told = api.getresponse()
    event = json.loads(told.read())
    place = "/2018-06-01/runtime/invocation/" + told.headers["Lambda-Runtime-Aws-Request-Id"]
    api.request("POST", place + "/response", json.dumps({"statusCode": 200, "body": event["body"]}))
    api.getresponse().read()
"""
needs_node = pytest.mark.skipif(shutil.which("node") is None, reason="needs Node.js")


@pytest.fixture
def functions(stack: Stack) -> Iterator[Functions]:
    made = Functions(stack)
    yield made
    for name in made.names:
        made.api.delete_function(FunctionName=name)


class Api:
    """An API of which every message goes to one function, which answers."""

    def __init__(self, stack: Stack, function: str) -> None:
        self.api = stack.aws("apigatewayv2")
        self.api_id = self.api.create_api(
            Name=f"burst-{uuid.uuid4().hex[:8]}",
            ProtocolType="WEBSOCKET",
            RouteSelectionExpression="$request.body.action",
        )["ApiId"]
        arn = f"arn:aws:lambda:us-east-1:000000000000:function:{function}"
        made = self.api.create_integration(
            ApiId=self.api_id,
            IntegrationType="AWS_PROXY",
            IntegrationMethod="POST",
            IntegrationUri=URI.format(arn),
        )
        route = self.api.create_route(
            ApiId=self.api_id, RouteKey=DEFAULT, Target=f"integrations/{made['IntegrationId']}"
        )
        self.api.create_route_response(
            ApiId=self.api_id, RouteId=route["RouteId"], RouteResponseKey=DEFAULT
        )
        self.api.create_stage(ApiId=self.api_id, StageName="live")
        self.address = f"ws://127.0.0.1:{stack.ports.gateway}/{self.api_id}/live"

    def delete(self) -> None:
        self.api.delete_api(ApiId=self.api_id)


async def burst(address: str, clients: int, messages: int) -> list[Counter[str]]:
    """Have each client send its messages without waiting; return what each is answered."""

    async def talk(client: ClientConnection, number: int) -> Counter[str]:
        for one in range(messages):
            await client.send(json.dumps({"client": number, "message": one}))
        return Counter([str(await client.recv()) for _ in range(messages)])

    connected = [await connect(address, proxy=None) for _ in range(clients)]
    try:
        return await asyncio.gather(*(talk(*one) for one in zip(connected, range(clients))))  # noqa: B905
    finally:
        await asyncio.gather(*(client.close() for client in connected))


def answered_once(answers: list[Counter[str]], messages: int) -> None:
    for number, found in enumerate(answers):
        sent = (json.dumps({"client": number, "message": one}) for one in range(messages))
        assert found == Counter(sent)


@pytest.mark.parametrize(
    ("runtime", "code", "clients", "messages"),
    [
        pytest.param("python3.13", {"index__py": PYTHON}, 200, 50, id="python"),
        pytest.param("nodejs22.x", {"index__mjs": NODE}, 50, 20, id="node", marks=needs_node),
        pytest.param("provided.al2023", {"bootstrap": BOOTSTRAP}, 50, 20, id="bootstrap"),
    ],
)
def test_each_message_of_a_burst_is_answered_once(
    stack: Stack,
    functions: Functions,
    runtime: str,
    code: dict[str, str],
    clients: int,
    messages: int,
) -> None:
    api = Api(stack, functions.create(zipped(**code), runtime, Timeout=10))
    try:
        answers = within(burst(api.address, clients, messages), 240)
    finally:
        api.delete()
    answered_once(answers, messages)


def test_a_reserved_concurrency_is_a_limit_whoever_invokes(
    stack: Stack, functions: Functions
) -> None:
    name = functions.create(zipped(index__py=PYTHON))
    clients = [
        functions.api,
        client_at("lambda", stack.ports.functions_url, attempts=1),
    ]
    functions.api.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=0)
    for client in clients:
        with pytest.raises(ClientError) as refused:
            client.invoke(FunctionName=name, Payload=b"{}")
        assert refused.value.response["Error"]["Code"] == "TooManyRequestsException"
        said: dict[str, Any] = dict(refused.value.response)
        assert said["Reason"] == RESERVED
    functions.api.delete_function_concurrency(FunctionName=name)
    for client in clients:
        answer = client.invoke(FunctionName=name, Payload=b'{"body": "served"}')
        assert json.loads(answer["Payload"].read())["body"] == "served"


def test_a_map_of_many_tasks_runs_each_of_them(stack: Stack, functions: Functions) -> None:
    name = functions.create(zipped(index__py="def handler(event, context): return event"))
    workflows = Workflows(stack)
    invoke: dict[str, Any] = {
        "Type": "Task",
        "Resource": "arn:aws:states:::lambda:invoke",
        "Parameters": {"FunctionName": name, "Payload.$": "$"},
        "OutputPath": "$.Payload",
        "End": True,
    }
    each = {"StartAt": "Invoke", "States": {"Invoke": invoke}}
    states = {"Map": {"Type": "Map", "ItemsPath": "$.items", "ItemProcessor": each, "End": True}}
    items = list(range(200))
    execution = workflows.start(states, {"items": items})
    ended = stack.ended(execution, 120)
    assert ended["status"] == "SUCCEEDED", ended
    assert json.loads(ended["output"]) == items
