"""A gateway without sockets: functions are Python callables, clients are lists."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from local_aws.credentials import SignedRequest
from local_aws.faults import Faults
from local_aws.http_message import Request, Response
from local_aws.template import Template
from websocket_gateway.core.backend import HttpAnswer, IntegrationFailed, ServiceCall
from websocket_gateway.core.connection import Connection
from websocket_gateway.core.events import Handshake
from websocket_gateway.core.faulty import FaultyGateway
from websocket_gateway.core.gateway import Gateway
from websocket_gateway.core.http_api import HttpApi
from websocket_gateway.core.limits import Limits
from websocket_gateway.core.proxy_response import ProxyResponse
from websocket_gateway.core.registry import Registry
from websocket_gateway.template_apis import read_apis

URI = "arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/{}/invocations"
BASE = """
Resources:
  Api:
    Type: AWS::ApiGatewayV2::Api
    Properties: {Name: chat, ProtocolType: WEBSOCKET}
  Stage:
    Type: AWS::ApiGatewayV2::Stage
    Properties: {ApiId: !Ref Api, StageName: dev}
"""


@dataclass
class World:
    """Stands for everything outside the gateway's core."""

    #: What each function answers to an event; an exception fails it.
    functions: dict[str, Callable[[Any], Any]] = field(default_factory=dict)
    invoked: list[tuple[str, Any]] = field(default_factory=list)
    requested: list[tuple[str, str, Mapping[str, str], str]] = field(default_factory=list)
    called: list[ServiceCall] = field(default_factory=list)
    answer: HttpAnswer = field(default_factory=lambda: HttpAnswer(200, "{}"))
    signed: list[SignedRequest] = field(default_factory=list)
    enforces: bool = True
    #: Why a signed request is refused, if it is.
    refused: str | None = None
    slept: list[float] = field(default_factory=list)
    log: list[tuple[str | None, str]] = field(default_factory=list)

    async def invoke(self, function: str, payload: bytes, timeout: float) -> bytes:
        event = json.loads(payload)
        self.invoked.append((function, event))
        if function not in self.functions:
            raise IntegrationFailed(f"Function not found: {function}")
        return json.dumps(self.functions[function](event)).encode()

    async def request(
        self, method: str, url: str, headers: Mapping[str, str], body: str, timeout: float
    ) -> HttpAnswer:
        self.requested.append((method, url, headers, body))
        return self.answer

    async def call(self, call: ServiceCall, timeout: float) -> HttpAnswer:
        self.called.append(call)
        return self.answer

    async def refusal(self, request: SignedRequest) -> str | None:
        self.signed.append(request)
        return self.refused

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)

    def now(self) -> int:
        return time.time_ns() // 1_000_000

    def steady(self) -> float:
        return time.monotonic()

    def log_access(self, group: str | None, line: str) -> None:
        self.log.append((group, line))


@dataclass
class FakeClient:
    """An open connection as the core sees it."""

    connection: Connection
    sent: list[str] = field(default_factory=list)
    close_frame: tuple[int, str] | None = None

    def send_text(self, text: str) -> None:
        self.sent.append(text)

    def close(self, code: int, reason: str) -> None:
        self.close_frame = (code, reason)

    async def closed(self) -> None: ...

    def cut(self) -> None: ...


class Bench:
    """A gateway that serves a template's resources, driven step by step."""

    def __init__(
        self, folder: Path, resources: str, faults: Faults | None = None, base: str = BASE
    ) -> None:
        path = folder / "template.yaml"
        path.write_text(base + resources)
        self.declared = read_apis(Template.load(path))
        self.world = World()
        self.registry = Registry(self.world.now)
        self.declared.register(self.registry)
        served = (self.registry, self.world, Limits())
        self.gateway = FaultyGateway(faults, *served) if faults else Gateway(*served)
        self.http_api = HttpApi(self.gateway)

    def connect(
        self, path: str = "/dev", host: str = "localhost:8080", **headers: str
    ) -> tuple[FakeClient, ProxyResponse | None]:
        """Ask for an upgrade; return the client, and the answer."""
        path, _, query = path.partition("?")
        address = self.gateway.addresses.find(host, path)
        assert address is not None, f"{path} is no stage"
        sent = (("Host", host), *((n.replace("_", "-"), v) for n, v in headers.items()))
        client = FakeClient(Connection(host, "127.0.0.1", "pytest", 1_700_000_000_000))
        answer = asyncio.run(
            self.gateway.connect(client.connection, Handshake(sent, query), address)
        )
        if answer is not None and answer.accepts:
            self.gateway.clients[client.connection.connection_id] = client
        return client, answer

    def status(self, path: str = "/dev", host: str = "localhost:8080", **headers: str) -> int:
        _, answer = self.connect(path, host, **headers)
        assert answer is not None
        return answer.status

    def opened(self, path: str = "/dev", **headers: str) -> FakeClient:
        client, answer = self.connect(path, **headers)
        assert answer is not None
        assert answer.accepts, answer
        return client

    def send(self, client: FakeClient, **message: Any) -> list[str]:
        """Send a message; return what came back for it."""
        before = len(client.sent)
        asyncio.run(self.gateway.message(client, json.dumps(message)))
        return client.sent[before:]

    def leave(self, client: FakeClient, code: int = 1000, reason: str = "") -> None:
        asyncio.run(self.gateway.disconnect(client.connection, code, reason))

    def http(
        self,
        method: str,
        target: str,
        body: Any = b"",
        signed: bool = True,
        host: str = "localhost",
    ) -> Response:
        """Send a plain HTTP request."""
        headers = {"host": host}
        if signed:
            headers["authorization"] = "AWS4-HMAC-SHA256 Credential=test"
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        return asyncio.run(self.http_api(Request(method, target, headers, data)))


def route(key: str, name: str, more: str = "", integration: str = "") -> str:
    """Return a route with a two-way Lambda proxy integration to the function ``name``."""
    word = key.strip("$").title()
    target = integration or f"{word}Integration"
    text = f"""
  {word}Route:
    Type: AWS::ApiGatewayV2::Route
    Properties:
      {{ApiId: !Ref Api, RouteKey: {key}, Target: !Sub 'integrations/${{{target}}}'{more}}}
  {word}Response:
    Type: AWS::ApiGatewayV2::RouteResponse
    Properties: {{ApiId: !Ref Api, RouteId: !Ref {word}Route, RouteResponseKey: $default}}
"""
    if not integration:
        text += f"""
  {target}:
    Type: AWS::ApiGatewayV2::Integration
    Properties:
      ApiId: !Ref Api
      IntegrationType: AWS_PROXY
      IntegrationUri: {URI.format(f"arn:aws:lambda:us-east-1:000000000000:function:{name}")}
"""
    return text
