"""``local-cloud gateway``: any template, with its functions, its tables, and its changes."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets.asyncio.client import connect

from local_cloud.installation import PROJECT, Home, aws_environment
from local_cloud.port_check import free_ports
from tests.behaviours import behaviour
from tests.integration.processes import started, write
from tests.stack import Stack, within

EXAMPLE = PROJECT / "examples" / "websocket-chat" / "template.yaml"
pytestmark = pytest.mark.embedded("the same gateway, started by the test itself")


def api(name: str, *keys: str) -> str:
    """Return the resources of an API whose routes are answered by a template alone."""
    text = rf"""
  {name}:
    Type: AWS::ApiGatewayV2::Api
    Properties: {{Name: {name}, ProtocolType: WEBSOCKET}}
  {name}Stage:
    Type: AWS::ApiGatewayV2::Stage
    Properties: {{ApiId: !Ref {name}, StageName: dev}}
  {name}Mock:
    Type: AWS::ApiGatewayV2::Integration
    Properties: {{ApiId: !Ref {name}, IntegrationType: MOCK}}
  {name}Answer:
    Type: AWS::ApiGatewayV2::IntegrationResponse
    Properties:
      ApiId: !Ref {name}
      IntegrationId: !Ref {name}Mock
      IntegrationResponseKey: $default
      ResponseTemplates: {{$default: "{name} $context.routeKey"}}
"""
    for key in keys:
        text += f"""
  {name}{key.title()}:
    Type: AWS::ApiGatewayV2::Route
    Properties: {{ApiId: !Ref {name}, RouteKey: {key}, Target: !Sub 'integrations/${{{name}Mock}}'}}
  {name}{key.title()}Response:
    Type: AWS::ApiGatewayV2::RouteResponse
    Properties:
      {{ApiId: !Ref {name}, RouteId: !Ref {name}{key.title()}, RouteResponseKey: $default}}
"""
    return text


@contextlib.contextmanager
def gateway(
    folder: Path, *arguments: str, template: Path | None = None, **environment: str
) -> Iterator[int]:
    """Run the command on a free port; its output goes to ``log``."""
    port = free_ports().gateway
    with pytest.MonkeyPatch.context() as patch, (folder / "log").open("w") as log:
        for name, value in environment.items():
            patch.setenv(name, value)
        patch.setenv("LOCAL_CLOUD_HOME", str(folder / "home"))
        with started(
            "local_cloud.gateway_command",
            port,
            "/_gateway/health",
            *("--template", str(template or folder / "template.yaml"), *arguments),
            stdout=log.fileno(),
            stderr=subprocess.STDOUT,
        ):
            yield port


async def ask(port: int, path: str, **message: Any) -> str:
    async with connect(f"ws://127.0.0.1:{port}{path}", proxy=None) as socket:
        await socket.send(json.dumps(message))
        return str(await socket.recv())


def test_two_clients_chat_by_the_examples_template(stack: Stack, tmp_path: Path) -> None:
    async def chat(port: int) -> list[str]:
        url = f"ws://127.0.0.1:{port}/prod"
        async with connect(url, proxy=None) as ann, connect(url, proxy=None) as bob:
            await ann.send(json.dumps({"action": "sendmessage", "data": "hello"}))
            heard = [str(await ann.recv()), str(await bob.recv())]
            await bob.close()
            await ann.send(json.dumps({"action": "sendmessage", "data": "alone"}))
            return [*heard, str(await ann.recv())]

    environment = {
        k: v for k, v in aws_environment(stack.ports).items() if k.startswith(("AWS_", "NO_"))
    }
    with gateway(tmp_path, "--run-lambdas", template=EXAMPLE, **environment) as port:
        assert within(chat(port)) == ["hello", "hello", "alone"]
        table = stack.aws("dynamodb").scan(TableName="Connections")
        deadline = time.monotonic() + 10
        while table["Count"]:
            assert time.monotonic() < deadline, "$disconnect clears the room"
            table = stack.aws("dynamodb").scan(TableName="Connections")
    assert "table Connections created" in (tmp_path / "log").read_text()


def test_several_apis_are_served_on_one_port(tmp_path: Path) -> None:
    write(tmp_path, template_dot_yaml="Resources:" + api("One", "say") + api("Two", "say", "tell"))
    with gateway(tmp_path) as port:
        apis = httpx.get(f"http://127.0.0.1:{port}/_gateway/apis", trust_env=False).json()["apis"]
        one, two = apis
        assert within(ask(port, "/dev", action="say")) == "One say"
        assert within(ask(port, f"/{one['apiId']}/dev", action="say")) == "One say"
        assert within(ask(port, f"/{two['apiId']}/dev", action="tell")) == "Two tell"


@behaviour("gateway", "a changed template serves within a second, and open connections stay", "own")
def test_a_changed_template_is_read_again(tmp_path: Path) -> None:
    write(tmp_path, template_dot_yaml="Resources:" + api("One", "say"))

    async def run(port: int) -> None:
        async with connect(f"ws://127.0.0.1:{port}/dev", proxy=None) as socket:
            write(tmp_path, template_dot_yaml="Resources: {broken")
            deadline = time.monotonic() + 10
            while "what was served before is kept" not in (tmp_path / "log").read_text():
                assert time.monotonic() < deadline
                await asyncio.sleep(0.05)
            await socket.send('{"action": "say"}')
            assert await socket.recv() == "One say"
            write(tmp_path, template_dot_yaml="Resources:" + api("One", "say", "more"))
            answer = ""
            while answer != "One more":
                assert time.monotonic() < deadline, answer
                await socket.send('{"action": "more"}')
                answer = str(await socket.recv())

    with gateway(tmp_path) as port:
        within(run(port))


def test_what_is_not_supported_is_named_with_its_line(tmp_path: Path) -> None:
    text = "Resources:" + api("One", "say")
    text += """
  Vpc:
    Type: AWS::ApiGatewayV2::VpcLink
    Properties: {Name: x}
"""
    write(tmp_path, template_dot_yaml=text)
    line = text.splitlines().index("  Vpc:") + 1
    with gateway(tmp_path):
        said = (tmp_path / "log").read_text()
    assert f"template.yaml:{line}: AWS::ApiGatewayV2::VpcLink (Vpc) is not supported" in said


@behaviour("$disconnect", "a gateway that stops closes with 1001, and functions hear of it", "own")
def test_a_stop_closes_connections_and_runs_every_disconnect(tmp_path: Path) -> None:
    record = tmp_path / "record"
    code = (
        "import time\n"
        "def handler(event, context):\n"
        "    time.sleep(0.1)\n"
        f"    with open({str(record)!r}, 'a') as file:\n"
        "        print(event['requestContext'].get('disconnectStatusCode'), file=file)\n"
        "    return {'statusCode': 200}\n"
    )
    text = "Resources:" + api("One", "say")
    text += """
  Bye:
    Type: AWS::Serverless::Function
    Properties: {FunctionName: bye, Handler: index.handler, CodeUri: bye/}
  ByeIntegration:
    Type: AWS::ApiGatewayV2::Integration
    Properties:
      ApiId: !Ref One
      IntegrationType: AWS_PROXY
      IntegrationUri: !Sub arn:aws:apigateway:us-east-1:lambda:path/x/${Bye.Arn}/invocations
  ByeRoute:
    Type: AWS::ApiGatewayV2::Route
    Properties:
      ApiId: !Ref One
      RouteKey: $disconnect
      Target: !Sub integrations/${ByeIntegration}
"""
    write(tmp_path, template_dot_yaml=text, bye__index_dot_py=code)

    async def run() -> set[int | None]:
        with gateway(tmp_path, "--run-lambdas") as port:
            sockets = [await connect(f"ws://127.0.0.1:{port}/dev", proxy=None) for _ in range(20)]
            await sockets[0].send('{"action": "say"}')
            await sockets[0].recv()
        await asyncio.gather(*(socket.wait_closed() for socket in sockets))
        return {socket.close_code for socket in sockets}

    assert within(run()) == {1001}
    assert record.read_text() == "1001\n" * 20


def test_the_last_access_logs_are_delivered_before_the_end(stack: Stack, tmp_path: Path) -> None:
    name = f"Api{os.urandom(4).hex()}"
    group = f"/test/{name}"
    logged = (
        "StageName: dev, AccessLogSettings: {Format: $context.routeKey, DestinationArn: "
        f"'arn:aws:logs:us-east-1:000000000000:log-group:{group}'}}"
    )
    text = "Resources:" + api(name, "say").replace("StageName: dev", logged)
    write(tmp_path, template_dot_yaml=text)
    with gateway(tmp_path, AWS_ENDPOINT_URL=stack.ports.engine_url) as port:
        within(ask(port, "/dev", action="say"))
    events = stack.aws("logs").filter_log_events(logGroupName=group)["events"]
    assert [event["message"] for event in events] == ["$connect", "say"]


def test_a_function_that_does_not_run_is_named_and_the_rest_is_served(tmp_path: Path) -> None:
    text = "Resources:" + api("One", "say")
    text += """
  Node:
    Type: AWS::Serverless::Function
    Properties: {FunctionName: other, Handler: index.handler, Runtime: ruby3.3, CodeUri: other/}
"""
    write(tmp_path, template_dot_yaml=text, other__index_dot_rb="")
    line = text.splitlines().index("  Node:") + 3
    with gateway(tmp_path, "--run-lambdas") as port:
        assert within(ask(port, "/dev", action="say")) == "One say"
        said = (tmp_path / "log").read_text()
    assert f"template.yaml:{line}: function other does not run here: the runtime ruby3.3" in said
    assert "Traceback" not in said


def test_faults_are_injected_and_said_loudly(tmp_path: Path) -> None:
    write(
        tmp_path,
        template_dot_yaml="Resources:" + api("One", "say", "tell"),
        faults_dot_yaml="seed: 1\nrules:\n  - {on: message, route: say, action: duplicate}\n"
        "  - {on: connect, action: fail, status: 503, probability: 0}\n",
    )

    async def run(port: int) -> list[str]:
        async with connect(f"ws://127.0.0.1:{port}/dev", proxy=None) as socket:
            for action in ("say", "tell"):
                await socket.send(json.dumps({"action": action}))
            return [str(await socket.recv()) for _ in range(3)]

    with gateway(tmp_path, "--faults", str(tmp_path / "faults.yaml")) as port:
        assert sorted(within(run(port))) == ["One say", "One say", "One tell"]
        assert "FAULTS ARE INJECTED: 2 rules" in (tmp_path / "log").read_text()


@behaviour(
    "monitoring",
    "metrics are in CloudWatch, in the namespace AWS/ApiGateway",
    "websocket-api-logging.html",
)
def test_metrics_are_put_to_cloudwatch(stack: Stack, tmp_path: Path) -> None:
    name = f"Api{os.urandom(4).hex()}"
    write(tmp_path, template_dot_yaml="Resources:" + api(name, "say"))
    endpoint = stack.ports.engine_url
    with gateway(tmp_path, "--metrics-interval", "0.2", AWS_ENDPOINT_URL=endpoint) as port:
        for _ in range(3):
            within(ask(port, "/dev", action="say"))
        found = httpx.get(f"http://127.0.0.1:{port}/_gateway/apis", trust_env=False).json()
        (served,) = found["apis"]
        wanted = {"ApiId": served["apiId"], "Stage": "dev", "Route": "say"}
        cloudwatch = stack.aws("cloudwatch")
        deadline = time.monotonic() + 20
        counted = 0.0
        while counted < 6:  # three messages, and their answers
            assert time.monotonic() < deadline, counted
            now = time.time()
            points = cloudwatch.get_metric_statistics(
                Namespace="AWS/ApiGateway",
                MetricName="MessageCount",
                Dimensions=[{"Name": k, "Value": v} for k, v in wanted.items()],
                StartTime=now - 600,
                EndTime=now + 60,
                Period=60,
                Statistics=["Sum"],
            )["Datapoints"]
            counted = sum(point["Sum"] for point in points)
        assert counted == 6


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--template", "no-such.yaml"), "no-such.yaml"),
        (("--run-lambdas",), "--run-lambdas needs a --template"),
        (("--template", str(EXAMPLE), "--faults", "no-such.yaml"), "no-such.yaml"),
        (("--port", "x"), "invalid int value"),
    ],
)
def test_a_wrong_option_is_said_in_a_sentence(arguments: tuple[str, ...], words: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "local_cloud", "gateway", *arguments],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode != 0
    assert words in done.stderr
    assert "Traceback" not in done.stderr


def test_ctrl_c_ends_it_with_its_workers(tmp_path: Path) -> None:
    write(tmp_path, template_dot_yaml=EXAMPLE.read_text())
    port = free_ports().gateway
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "local_cloud", "gateway", "--port", str(port)),
            *("--template", str(EXAMPLE), "--run-lambdas"),
        ],
        cwd=PROJECT,
        env={**os.environ, "LOCAL_CLOUD_HOME": str(Home(tmp_path).path)},
        start_new_session=True,
    )
    try:
        deadline = time.monotonic() + 60
        while True:
            with contextlib.suppress(httpx.HTTPError):
                httpx.get(f"http://127.0.0.1:{port}/_gateway/health", trust_env=False)
                break
            assert time.monotonic() < deadline
            time.sleep(0.05)
    finally:
        os.killpg(process.pid, signal.SIGINT)
    assert process.wait(20) == 0
    with contextlib.suppress(ProcessLookupError):
        while True:  # until the last worker's end has been noticed
            os.killpg(process.pid, 0)
            assert time.monotonic() < deadline, "a worker is left"
            time.sleep(0.02)


NODE = """
Transform: AWS::Serverless-2016-10-31
Resources:
  Api:
    Type: AWS::ApiGatewayV2::Api
    Properties:
      {Name: chat, ProtocolType: WEBSOCKET, RouteSelectionExpression: $request.body.action}
  Stage:
    Type: AWS::ApiGatewayV2::Stage
    Properties: {ApiId: !Ref Api, StageName: dev}
  Say:
    Type: AWS::Serverless::Function
    Properties: {Handler: say.handler, Runtime: nodejs22.x, CodeUri: code/}
  Integration:
    Type: AWS::ApiGatewayV2::Integration
    Properties:
      ApiId: !Ref Api
      IntegrationType: AWS_PROXY
      IntegrationUri: !Sub
        arn:aws:apigateway:${AWS::Region}:lambda:path/2015-03-31/functions/${Say.Arn}/invocations
  Route:
    Type: AWS::ApiGatewayV2::Route
    Properties: {ApiId: !Ref Api, RouteKey: say, Target: !Sub 'integrations/${Integration}'}
  Response:
    Type: AWS::ApiGatewayV2::RouteResponse
    Properties: {ApiId: !Ref Api, RouteId: !Ref Route, RouteResponseKey: $default}
"""


@pytest.mark.skipif(shutil.which("node") is None, reason="Node.js is not installed")
def test_a_node_function_of_a_template_answers_and_a_change_of_it_takes_effect(
    tmp_path: Path,
) -> None:
    code = (
        "export const handler = async (event) => ({ statusCode: 200, body: 'WORD ' + event.body });"
    )
    write(tmp_path, template_dot_yaml=NODE, code__say_dot_mjs=code.replace("WORD", "first"))
    with gateway(tmp_path, "--run-lambdas") as port:
        assert within(ask(port, "/dev", action="say")) == 'first {"action": "say"}'
        (tmp_path / "code" / "say.mjs").write_text(code.replace("WORD", "second"))
        assert within(ask(port, "/dev", action="say")) == 'second {"action": "say"}'
