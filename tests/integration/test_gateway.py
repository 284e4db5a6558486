"""The gateway with a template of its own: what a client and a function see of each other."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import pytest
import websockets
from botocore.exceptions import ClientError
from websockets.asyncio.client import ClientConnection, connect
from websockets.frames import CloseCode
from websockets.typing import Subprotocol

from local_cloud.port_check import free_ports
from tests.behaviours import behaviour
from tests.integration.processes import gateway_started, started, write
from tests.stack import within

FUNCTION = """
import json, os, time, urllib.error, urllib.request

RECORD = {record!r}
GATEWAY = "http://127.0.0.1:{port}"

def post(connection_id):
    url = GATEWAY + "/test/@connections/" + connection_id.replace("=", "%3D")
    signed = {{"Authorization": "AWS4-HMAC-SHA256 Credential=test"}}
    try:
        return urllib.request.urlopen(urllib.request.Request(url, b"x", signed)).status
    except urllib.error.HTTPError as error:
        return error.code

def handler(event, context):
    with open(RECORD, "a") as file:
        file.write(json.dumps(event) + chr(10))
    request = event["requestContext"]
    if request["eventType"] == "CONNECT":
        wish = (event.get("queryStringParameters") or {{}}).get("wish")
        if wish == "refuse":
            return {{"statusCode": 403, "body": "not you"}}
        if wish == "raise":
            raise RuntimeError("no")
        if wish == "nonsense":
            return "hello"
        if wish == "post" and post(request["connectionId"]) != 410:
            return {{"statusCode": 500}}
        if wish == "protocol":
            return {{"statusCode": 200, "headers": {{"Sec-WebSocket-Protocol": "chat"}}}}
        return {{"statusCode": 200}}
    if request["eventType"] == "DISCONNECT":
        return {{}}
    body = event["body"]
    try:
        action = json.loads(body)["action"]
    except (ValueError, KeyError, TypeError):
        action = None
    if action == "raise":
        raise RuntimeError("no")
    if action == "slow":
        time.sleep(30)
    if action == "echo" and json.loads(body).get("text") == "pause":
        time.sleep(0.5)
    return {{"statusCode": 200, "body": json.dumps({{"route": request["routeKey"], "got": body}})}}
"""

ROUTES = {"Connect": "$connect", "Disconnect": "$disconnect", "Echo": "echo", "Slow": "slow"}
TWO_WAY = {"Echo": "echo", "Raise": "raise"}


def template(default: bool) -> str:
    routes = {**ROUTES, "Raise": "raise", "OneWay": "oneway"}
    if default:
        routes["Default"] = "$default"
    text = """
Resources:
  Api:
    Type: AWS::ApiGatewayV2::Api
    Properties:
      Name: test
      ProtocolType: WEBSOCKET
      RouteSelectionExpression: $request.body.action
  Stage:
    Type: AWS::ApiGatewayV2::Stage
    Properties: {ApiId: !Ref Api, StageName: test}
  Function:
    Type: AWS::Serverless::Function
    Properties: {FunctionName: chat, Handler: index.handler, CodeUri: chat/, Timeout: 60}
  Integration:
    Type: AWS::ApiGatewayV2::Integration
    Properties:
      ApiId: !Ref Api
      IntegrationType: AWS_PROXY
      IntegrationUri: !Join
        - /
        - - !Sub arn:aws:apigateway:${AWS::Region}:lambda:path/2015-03-31/functions
          - !GetAtt Function.Arn
          - invocations
"""
    for name, key in routes.items():
        text += f"""
  {name}Route:
    Type: AWS::ApiGatewayV2::Route
    Properties: {{ApiId: !Ref Api, RouteKey: {key}, Target: !Sub 'integrations/${{Integration}}'}}
"""
    for name in [*TWO_WAY, *(["Default"] if default else [])]:
        text += f"""
  {name}Response:
    Type: AWS::ApiGatewayV2::RouteResponse
    Properties: {{ApiId: !Ref Api, RouteId: !Ref {name}Route, RouteResponseKey: $default}}
"""
    return text


@dataclass
class Gateway:
    """A running gateway; ``record`` holds every event that its function received."""

    port: int
    record: Path
    has_default: bool

    @property
    def url(self) -> str:
        return f"ws://127.0.0.1:{self.port}"

    def open(self, query: str = "", **options: Any) -> Any:
        return connect(f"{self.url}{query}", proxy=None, **options)

    def connections(self, stage: str = "test") -> Any:
        return boto3.client(
            "apigatewaymanagementapi",
            endpoint_url=f"http://127.0.0.1:{self.port}/{stage}",
            region_name="us-east-1",
            aws_access_key_id="test",
            aws_secret_access_key="test",
        )

    def events(self) -> list[dict[str, Any]]:
        if not self.record.exists():
            return []
        return [json.loads(line) for line in self.record.read_text().splitlines()]

    async def disconnect_of(self, connection_id: str) -> dict[str, Any]:
        """Wait for ``$disconnect`` of a connection."""
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            for event in self.events():
                context: dict[str, Any] = event["requestContext"]
                if (
                    context["eventType"] == "DISCONNECT"
                    and context["connectionId"] == connection_id
                ):
                    return context
            await asyncio.sleep(0.02)
        raise AssertionError("$disconnect did not run")

    def connect_events(self) -> list[dict[str, Any]]:
        return [e for e in self.events() if e["requestContext"]["eventType"] == "CONNECT"]


@pytest.fixture(scope="module", params=[True, False], ids=["with $default", "without $default"])
def gateway(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Gateway]:
    folder = tmp_path_factory.mktemp("api")
    record = folder / "events.jsonl"
    ports = free_ports()
    write(
        folder,
        template_dot_yaml=template(request.param),
        chat__index_dot_py=FUNCTION.format(record=str(record), port=ports.gateway),
    )
    path = ("--template", str(folder / "template.yaml"))
    limits = ("--idle-timeout", "2", "--connection-duration", "4", "--integration-timeout", "1")
    with (
        started(
            "local_cloud.lambda_endpoint",
            ports.functions,
            "/health",
            *(*path, "--cache", str(folder / "cache")),
        ),
        gateway_started(
            request,
            ports.gateway,
            folder,
            *("--lambda-endpoint", f"http://127.0.0.1:{ports.functions}", *limits),
        ),
    ):
        yield Gateway(ports.gateway, record, request.param)


async def ask(socket: ClientConnection, **message: object) -> dict[str, Any]:
    await socket.send(json.dumps(message))
    answer: dict[str, Any] = json.loads(await socket.recv())
    return answer


def closed(socket: ClientConnection) -> int:
    assert socket.close_code is not None
    return socket.close_code


@behaviour(
    "routes",
    "a message goes to the route that its key selects; a two-way route answers",
    "apigateway-websocket-api-route-response.html",
    probe="two-way",
)
def test_a_message_reaches_its_route_and_the_answer_comes_back(gateway: Gateway) -> None:
    async def run() -> None:
        async with gateway.open() as socket:
            answer = await ask(socket, action="echo", text="hi")
            assert answer["route"] == "echo"
            assert json.loads(answer["got"]) == {"action": "echo", "text": "hi"}

    within(run())


@behaviour(
    "routes",
    "no route: $default, else a Forbidden frame",
    "websocket-api-develop-routes.html",
    probe="unrouted",
)
@pytest.mark.parametrize("text", ["not json", '{"action": "unknown"}', "[]", '{"action": {}}'])
def test_a_message_without_a_route_goes_to_default_or_is_forbidden(
    gateway: Gateway, text: str
) -> None:
    async def run() -> dict[str, Any]:
        async with gateway.open() as socket:
            await socket.send(text)
            answer: dict[str, Any] = json.loads(await socket.recv())
            return answer

    answer = within(run())
    if gateway.has_default:
        assert answer == {"route": "$default", "got": text}
    else:
        assert answer["message"] == "Forbidden"
        assert set(answer) == {"message", "connectionId", "requestId"}


@behaviour(
    "routes",
    "without a route response nothing is sent back",
    "apigateway-websocket-api-route-response.html",
    probe="one-way",
)
def test_only_a_route_with_a_response_answers(gateway: Gateway) -> None:
    async def run() -> None:
        async with gateway.open() as socket:
            await socket.send('{"action": "oneway"}')
            assert (await ask(socket, action="echo"))["route"] == "echo", "the first answer"

    within(run())


@behaviour(
    "integration",
    "a function that fails is an Internal server error frame; the connection stays",
    "believed",
    probe="function fails",
)
def test_a_function_that_fails_is_an_error_frame_and_the_connection_stays(
    gateway: Gateway,
) -> None:
    async def run() -> None:
        async with gateway.open() as socket:
            assert (await ask(socket, action="raise"))["message"] == "Internal server error"
            assert (await ask(socket, action="echo"))["route"] == "echo"

    within(run())


@behaviour(
    "integration",
    "over the integration's time-out: an Endpoint request timed out frame",
    "apigateway-execution-service-websocket-limits-table.html",
)
def test_a_slow_function_is_a_time_out_frame(gateway: Gateway) -> None:
    async def run() -> None:
        async with gateway.open() as socket:
            answer = await ask(socket, action="slow")
            assert answer["message"] == "Endpoint request timed out"

    within(run())


@behaviour(
    "$connect",
    "its status decides on the upgrade; a function that fails is a 502",
    "apigateway-websocket-api-route-keys-connect-disconnect.html",
    probe="connect refuses",
)
@pytest.mark.parametrize(
    ("query", "status"), [("?wish=refuse", 403), ("?wish=raise", 502), ("?wish=nonsense", 502)]
)
def test_connect_decides_on_the_upgrade(gateway: Gateway, query: str, status: int) -> None:
    async def run() -> None:
        async with gateway.open(query):
            pass

    with pytest.raises(websockets.exceptions.InvalidStatus) as error:
        within(run())
    assert error.value.response.status_code == status


@behaviour(
    "$connect",
    "the event has headers and query, each also with all values; a message's has none",
    "apigateway-websocket-api-mapping-template-reference.html",
    probe="message event",
)
def test_the_connect_event_is_api_gateways(gateway: Gateway) -> None:
    async def run() -> None:
        async with gateway.open("?a=1&a=2&b=%20", additional_headers={"X-Test": "yes"}) as socket:
            await ask(socket, action="echo")

    within(run())
    event = gateway.connect_events()[-1]
    assert event["queryStringParameters"] == {"a": "2", "b": " "}
    assert event["multiValueQueryStringParameters"] == {"a": ["1", "2"], "b": [" "]}
    assert event["headers"]["X-Test"] == "yes"
    assert event["isBase64Encoded"] is False
    context = event["requestContext"]
    assert set(context) == {
        *("routeKey", "eventType", "extendedRequestId", "requestTime", "messageDirection"),
        *("stage", "connectedAt", "requestTimeEpoch", "identity", "requestId", "domainName"),
        *("connectionId", "apiId"),
    }
    assert (context["routeKey"], context["stage"]) == ("$connect", "test")
    assert context["identity"]["sourceIp"] == "127.0.0.1"
    message = gateway.events()[-1]
    if message["requestContext"]["eventType"] == "DISCONNECT":
        message = gateway.events()[-2]
    assert "headers" not in message
    assert message["requestContext"]["messageId"]


@behaviour(
    "$connect",
    "a subprotocol is agreed on only when the function's answer has its header",
    "websocket-connect-route-subprotocol.html",
    probe="subprotocol accepted",
)
def test_a_subprotocol_is_accepted_only_when_connect_says_so(gateway: Gateway) -> None:
    async def run(query: str) -> str | None:
        async with gateway.open(query, subprotocols=[Subprotocol("chat")]) as socket:
            return str(socket.subprotocol)

    assert within(run("?wish=protocol")) == "chat"
    assert within(run("")) == "None"


@behaviour(
    "$disconnect",
    "is told how: 1000 on a close, 1006 when the client vanishes, 1001 when idle",
    "https://github.com/boto/boto3/issues/3789",
    probe="client closes",
)
def test_disconnect_is_told_how_the_client_left(gateway: Gateway) -> None:
    async def run(leave: str) -> dict[str, Any]:
        async with gateway.open() as socket:
            await ask(socket, action="echo")
            connection_id = gateway.events()[-1]["requestContext"]["connectionId"]
            if leave == "close":
                await socket.close()
            elif leave == "vanish":
                socket.transport.abort()
            return await gateway.disconnect_of(connection_id)

    closed = within(run("close"))
    assert (closed["disconnectStatusCode"], closed["disconnectReason"]) == (
        1000,
        "Connection Closed Normally",
    )
    assert within(run("vanish"))["disconnectStatusCode"] == 1006
    assert within(run("idle"))["disconnectStatusCode"] == 1001


@behaviour(
    "limits",
    "a frame over 32 KB or a message over 128 KB closes with 1009, binary with 1003",
    "apigateway-execution-service-websocket-limits-table.html",
    probe="frame too large",
)
@pytest.mark.parametrize(
    ("sent", "code"),
    [
        (b"binary", CloseCode.UNSUPPORTED_DATA),
        ("x" * (32 * 1024 + 1), CloseCode.MESSAGE_TOO_BIG),
        (["x" * 32_000] * 5, CloseCode.MESSAGE_TOO_BIG),
    ],
    ids=["binary", "a frame over 32 KB", "a message over 128 KB"],
)
def test_what_may_not_be_sent_closes_the_connection(
    gateway: Gateway, sent: Any, code: CloseCode
) -> None:
    async def run() -> int:
        async with gateway.open() as socket:
            await socket.send(sent)
            await socket.wait_closed()
            return closed(socket)

    assert within(run()) == code


@behaviour(
    "limits",
    "a message up to 128 KB may come in several frames",
    "apigateway-execution-service-websocket-limits-table.html",
    probe="fragments",
)
def test_a_large_message_may_come_in_several_frames(gateway: Gateway) -> None:
    async def run() -> dict[str, Any]:
        async with gateway.open() as socket:
            text = json.dumps({"action": "echo", "text": "x" * 100_000})
            await socket.send([text[i : i + 30_000] for i in range(0, len(text), 30_000)])
            answer: dict[str, Any] = json.loads(await socket.recv())
            return answer

    assert len(within(run())["got"]) > 100_000


@behaviour(
    "limits",
    "idle for 10 minutes or open for 2 hours: closed with 1001 (both can be set)",
    "apigateway-execution-service-websocket-limits-table.html",
)
def test_an_idle_connection_and_an_old_one_are_closed(gateway: Gateway) -> None:
    async def idle() -> int:
        async with gateway.open() as socket:
            await socket.wait_closed()
            return closed(socket)

    async def busy() -> int:
        async with gateway.open() as socket:
            while True:
                try:
                    await ask(socket, action="echo")
                    await asyncio.sleep(0.5)
                except websockets.exceptions.ConnectionClosed:
                    return closed(socket)

    assert within(idle()) == CloseCode.GOING_AWAY
    assert within(busy()) == CloseCode.GOING_AWAY


@behaviour(
    "@connections",
    "POST delivers, GET describes, DELETE closes with 1000; after that it is Gone",
    "apigateway-how-to-call-websocket-api-connections.html",
    probe="delete",
)
def test_the_connections_api_posts_describes_and_closes(gateway: Gateway) -> None:
    async def run() -> None:
        api = gateway.connections()
        async with gateway.open() as socket:
            await ask(socket, action="echo")
            connection_id = gateway.events()[-1]["requestContext"]["connectionId"]
            await asyncio.to_thread(
                api.post_to_connection, ConnectionId=connection_id, Data=b"psst"
            )
            assert await socket.recv() == "psst"
            described = await asyncio.to_thread(api.get_connection, ConnectionId=connection_id)
            assert described["Identity"]["SourceIp"] == "127.0.0.1"
            with pytest.raises(api.exceptions.PayloadTooLargeException):
                api.post_to_connection(ConnectionId=connection_id, Data=b"x" * (128 * 1024 + 1))
            await asyncio.to_thread(api.delete_connection, ConnectionId=connection_id)
            await socket.wait_closed()
            assert socket.close_code == CloseCode.NORMAL_CLOSURE
        with pytest.raises(api.exceptions.GoneException):
            api.post_to_connection(ConnectionId=connection_id, Data=b"anyone?")

    within(run())


@behaviour(
    "@connections",
    "410 for one that is gone, 400 for an impossible id, 403 for a wrong stage",
    "https://github.com/localstack/localstack/issues/4694",
    probe="post to closed",
)
@pytest.mark.parametrize(
    ("stage", "connection_id", "code"),
    [
        ("test", "AAAAAAAAAAAAAAA=", "GoneException"),
        ("test", "no id", "BadRequestException"),
        ("other", "AAAAAAAAAAAAAAA=", "ForbiddenException"),
    ],
)
def test_a_connection_that_is_not_there(
    gateway: Gateway, stage: str, connection_id: str, code: str
) -> None:
    with pytest.raises(ClientError) as error:
        gateway.connections(stage).post_to_connection(ConnectionId=connection_id, Data=b"x")
    assert error.value.response["Error"]["Code"] == code


def test_a_template_that_cannot_be_served_is_said_in_a_sentence(tmp_path: Path) -> None:
    write(tmp_path, template_dot_yaml="Resources: {}")
    done = subprocess.run(
        [sys.executable, "-m", "websocket_gateway", "--template", str(tmp_path / "template.yaml")],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 1
    assert "it declares no AWS::ApiGatewayV2::Api" in done.stderr
    assert "Traceback" not in done.stderr


@behaviour(
    "$connect",
    "no connection exists until $connect has succeeded: a post to it is a 410",
    "apigateway-websocket-api-route-keys-connect-disconnect.html",
)
def test_a_pending_connection_cannot_be_posted_to(gateway: Gateway) -> None:
    async def run() -> None:
        async with gateway.open("?wish=post") as socket:
            await ask(socket, action="echo")

    within(run())


@behaviour(
    "routes", "messages are dispatched as they come, not one after the other's end", "believed"
)
def test_a_slow_message_does_not_hold_up_the_next(gateway: Gateway) -> None:
    async def run() -> list[str]:
        async with gateway.open() as socket:
            await ask(socket, action="echo", text="warm")
            for text in ("pause", "quick"):
                await socket.send(json.dumps({"action": "echo", "text": text}))
            answers = [json.loads(await socket.recv()) for _ in range(2)]
            return [json.loads(answer["got"])["text"] for answer in answers]

    assert within(run()) == ["quick", "pause"]
