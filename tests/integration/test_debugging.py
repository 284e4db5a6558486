"""Breakpoints in functions, set by a real debug client; no time runs out meanwhile."""

from __future__ import annotations

import asyncio
import json
import shutil
import socket
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.client import connect

from local_cloud.debug import debug, debuggers
from local_cloud.deploy.session import Session, Wanted
from local_cloud.lambda_endpoint.debugger import NotDebugged
from local_cloud.port_check import free_ports
from tests.debug_clients import DapClient, Inspector
from tests.integration.processes import write
from tests.stack import Stack, within

pytestmark = pytest.mark.embedded("SAM has debuggers of its own: sam local start-lambda -d")

#: Longer than any time-out of the template.
HELD_SECONDS = 2.5
CODE = """def handler(event, context):
    word = event.get("body") or event["word"]
    answer = {"statusCode": 200, "body": word.upper()}
    return answer
"""
NODE_CODE = """export const handler = async (event) => {
  const word = event.body ?? event.word;
  return { statusCode: 200, body: word.toUpperCase() };
};
"""
TEMPLATE = """
Transform: AWS::Serverless-2016-10-31
Resources:
  Shout:
    Type: AWS::Serverless::Function
    Properties: {Runtime: RUNTIME, Handler: index.handler, CodeUri: code/, Timeout: 1}
  Api:
    Type: AWS::ApiGatewayV2::Api
    Properties:
      Name: !Ref AWS::StackName
      ProtocolType: WEBSOCKET
      RouteSelectionExpression: $request.body.action
  Stage:
    Type: AWS::ApiGatewayV2::Stage
    Properties: {ApiId: !Ref Api, StageName: live}
  Integration:
    Type: AWS::ApiGatewayV2::Integration
    Properties:
      ApiId: !Ref Api
      IntegrationType: AWS_PROXY
      TimeoutInMillis: 1000
      IntegrationUri: !Sub
        arn:aws:apigateway:${AWS::Region}:lambda:path/2015-03-31/functions/${Shout.Arn}/invocations
  Route:
    Type: AWS::ApiGatewayV2::Route
    Properties: {ApiId: !Ref Api, RouteKey: $default, Target: !Sub 'integrations/${Integration}'}
  RouteResponse:
    Type: AWS::ApiGatewayV2::RouteResponse
    Properties: {ApiId: !Ref Api, RouteId: !Ref Route, RouteResponseKey: $default}
  Workflow:
    Type: AWS::Serverless::StateMachine
    Properties:
      Role: arn:aws:iam::000000000000:role/any
      Definition:
        StartAt: Shout
        States:
          Shout: {Type: Task, Resource: !GetAtt Shout.Arn, TimeoutSeconds: 1, End: true}
"""


class Debugged:
    """A deployed function, and the port that its debugger has."""

    def __init__(self, stack: Stack, folder: Path, runtime: str) -> None:
        write(
            folder,
            template_dot_yaml=TEMPLATE.replace("RUNTIME", runtime),
            code__index_dot_py=CODE,
            code__index_dot_mjs=NODE_CODE,
        )
        self.stack = stack
        self.file = str(folder / "code" / "index.py")
        name = f"debugged-{uuid.uuid4().hex[:8]}"
        self.session = Session(stack.ports, Wanted.of(folder, name, []))
        list(self.session.run())
        (self.name,) = self.session.stack.resources("AWS::Lambda::Function")
        self.port = free_ports().engine
        self.session.debug(f"Shout:{self.port}", wait=False)

    def invoke(self) -> dict[str, Any]:
        answer = self.stack.aws("lambda").invoke(
            FunctionName=self.name, Payload=json.dumps({"word": "hello"}).encode()
        )
        return dict(json.loads(answer["Payload"].read()))

    async def send(self) -> str:
        (url,) = self.session.stack.sockets()
        async with connect(url, proxy=None) as client:
            await client.send("hello")
            return str(await client.recv())

    def workflow(self) -> str:
        (machine,) = self.session.stack.resources("AWS::StepFunctions::StateMachine")
        api = self.stack.aws("stepfunctions")
        run = api.start_execution(stateMachineArn=machine, input='{"word": "hello"}')
        return str(self.stack.ended(run["executionArn"])["status"])


@pytest.fixture
def python(stack: Stack, tmp_path: Path) -> Iterator[Debugged]:
    made = Debugged(stack, tmp_path, "python3.13")
    yield made
    made.session.stack.delete()


@pytest.fixture
def node(stack: Stack, tmp_path: Path) -> Iterator[Debugged]:
    if shutil.which("node") is None:
        pytest.skip("Node.js is not installed")
    made = Debugged(stack, tmp_path, "nodejs22.x")
    yield made
    made.session.stack.delete()


async def hold(client: DapClient) -> dict[str, Any]:
    """Wait at a breakpoint for longer than the function has; return the variables there."""
    thread, variables = await client.stopped()
    await asyncio.sleep(HELD_SECONDS)
    await client.go_on(thread)
    return variables


def test_python_stops_at_a_breakpoint_and_no_time_runs_out(python: Debugged) -> None:
    async def run() -> None:
        client = await DapClient.attach(python.port, {python.file: [3]})
        assert debuggers(python.stack.ports)[python.name]["attached"]

        invoked = asyncio.ensure_future(asyncio.to_thread(python.invoke))
        assert (await hold(client))["word"] == "'hello'"
        assert (await invoked)["body"] == "HELLO"

        sent = asyncio.ensure_future(python.send())
        await hold(client)
        assert await sent == "HELLO"

        ran = asyncio.ensure_future(asyncio.to_thread(python.workflow))
        await hold(client)
        assert await ran == "SUCCEEDED"
        client.close()

    within(run())
    # It goes on without a debugger, and with its time-out.
    assert python.invoke()["body"] == "HELLO"
    Path(python.file).write_text("import time\ndef handler(e, c): time.sleep(9)\n")
    assert "timed out after 1.00 seconds" in python.invoke()["errorMessage"]


def test_node_stops_at_a_breakpoint_and_no_time_runs_out(node: Debugged) -> None:
    async def run() -> None:
        inspector = await Inspector.attach(node.port)
        await inspector.request("Debugger.setBreakpointByUrl", urlRegex="index.mjs$", lineNumber=2)
        invoked = asyncio.ensure_future(asyncio.to_thread(node.invoke))
        frame = (await inspector.event("Debugger.paused"))["callFrames"][0]
        told = await inspector.request(
            "Debugger.evaluateOnCallFrame", callFrameId=frame["callFrameId"], expression="word"
        )
        assert told["result"]["value"] == "hello"
        await asyncio.sleep(HELD_SECONDS)
        await inspector.request("Debugger.resume")
        assert (await invoked)["body"] == "HELLO"
        await inspector.socket.close()

    within(run())


def test_nothing_runs_before_a_debugger_is_attached_where_that_is_asked_for(
    python: Debugged,
) -> None:
    python.session.debug("Shout", wait=True)
    assert debuggers(python.stack.ports)[python.name] == {
        "port": python.port,
        "wait": True,
        "attached": False,
    }

    async def run() -> None:
        invoked = asyncio.ensure_future(asyncio.to_thread(python.invoke))
        await asyncio.wait({invoked}, timeout=HELD_SECONDS)
        assert not invoked.done()
        client = await DapClient.attach(python.port, {python.file: [3]})
        await client.go_on((await client.stopped())[0])
        assert (await invoked)["body"] == "HELLO"
        client.close()

    within(run())


def test_a_changed_file_is_debugged_on_the_same_port(python: Debugged) -> None:
    assert python.invoke()["body"] == "HELLO"
    Path(python.file).write_text(CODE.replace("upper", "title"))
    assert python.invoke()["body"] == "Hello"

    async def run() -> None:
        client = await DapClient.attach(python.port, {python.file: [3]})
        invoked = asyncio.ensure_future(asyncio.to_thread(python.invoke))
        await client.go_on((await client.stopped())[0])
        assert (await invoked)["body"] == "Hello"
        client.close()

    within(run())


def test_what_cannot_be_debugged_is_said(stack: Stack) -> None:
    with pytest.raises(NotDebugged, match=r"no function nobody \(there are: .*invoke-llm"):
        debug(stack.ports, "nobody", wait=False)
    with pytest.raises(NotDebugged, match="is not NAME"):
        debug(stack.ports, "send-prompt:99999", wait=False)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(NotDebugged, match=f"port {port} .* is taken"):
            debug(stack.ports, f"send-prompt:{port}", wait=False)
    assert "send-prompt" not in debuggers(stack.ports)
