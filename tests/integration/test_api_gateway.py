"""``apigatewayv2`` on the engine's port: an API made by an AWS SDK serves at once."""

from __future__ import annotations

import asyncio
import json
import time
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError
from websockets.asyncio.client import connect

from tests.behaviours import behaviour
from tests.stack import Stack, within

DOCS = "https://docs.aws.amazon.com/apigatewayv2/latest/api-reference/api-reference.html"
DEFAULT = "$default"


@pytest.fixture
def api_id(stack: Stack) -> Iterator[str]:
    """An API with a route "hello" that is answered by a template."""
    api = stack.aws("apigatewayv2")
    made = api.create_api(
        Name=f"test-{uuid.uuid4().hex}",
        ProtocolType="WEBSOCKET",
        RouteSelectionExpression="$request.body.action",
    )
    name = made["ApiId"]
    integration = api.create_integration(ApiId=name, IntegrationType="MOCK")["IntegrationId"]
    api.create_integration_response(
        ApiId=name,
        IntegrationId=integration,
        IntegrationResponseKey=DEFAULT,
        ResponseTemplates={DEFAULT: '{"id": "$context.connectionId", "n": $input.json("$.n")}'},
    )
    route = api.create_route(ApiId=name, RouteKey="hello", Target=f"integrations/{integration}")[
        "RouteId"
    ]
    api.create_route_response(ApiId=name, RouteId=route, RouteResponseKey=DEFAULT)
    group = f"/test/{name}"
    api.create_stage(
        ApiId=name,
        StageName="live",
        AccessLogSettings={
            "DestinationArn": f"arn:aws:logs:us-east-1:000000000000:log-group:{group}",
            "Format": "$context.routeKey $context.status $context.connectionId",
        },
    )
    yield name
    api.delete_api(ApiId=name)


def url(stack: Stack, api_id: str) -> str:
    return f"{stack.ports.websocket_url}/{api_id}/live"


@behaviour("apigatewayv2", "an API made through the SDK serves at once", DOCS)
def test_an_api_made_by_the_sdk_serves(stack: Stack, api_id: str) -> None:
    async def run() -> dict[str, Any]:
        async with connect(url(stack, api_id), proxy=None) as socket:
            await socket.send('{"action": "hello", "n": 7}')
            answer: dict[str, Any] = json.loads(await socket.recv())
            await asyncio.to_thread(
                stack.aws("apigatewaymanagementapi").get_connection, ConnectionId=answer["id"]
            )
            return answer

    with pytest.raises(ClientError) as error:
        within(run())
    assert error.value.response["Error"]["Code"] == "GoneException", "it belongs to another API"


@behaviour(
    "monitoring",
    "access logs are in the stage's log group in CloudWatch Logs",
    "websocket-api-logging.html",
)
def test_access_logs_reach_the_log_group(stack: Stack, api_id: str) -> None:
    async def run() -> str:
        async with connect(url(stack, api_id), proxy=None) as socket:
            await socket.send('{"action": "hello"}')
            return str(json.loads(await socket.recv())["id"])

    name = within(run())
    logs = stack.aws("logs")
    deadline = time.monotonic() + 20
    while True:
        try:
            events = logs.filter_log_events(logGroupName=f"/test/{api_id}")["events"]
        except logs.exceptions.ResourceNotFoundException:
            events = []
        lines = [event["message"] for event in events]
        if {f"$connect 200 {name}", f"hello 200 {name}"} <= {*lines}:
            return
        assert time.monotonic() < deadline, lines


def test_the_templates_api_is_listed_with_its_routes(stack: Stack) -> None:
    api = stack.aws("apigatewayv2")
    names = {item["Name"]: item["ApiId"] for item in api.get_apis()["Items"]}
    routes = api.get_routes(ApiId=names["agent-websocket"])["Items"]
    assert {"$connect", "$disconnect", "analyze", "reply"} <= {r["RouteKey"] for r in routes}


def test_an_error_is_the_sdks_exception(stack: Stack, api_id: str) -> None:
    api = stack.aws("apigatewayv2")
    with pytest.raises(api.exceptions.NotFoundException):
        api.get_route(ApiId=api_id, RouteId="nobody")
    with pytest.raises(api.exceptions.ConflictException):
        api.create_route(ApiId=api_id, RouteKey="hello")
    with pytest.raises(api.exceptions.BadRequestException):
        api.create_api(Name="x", ProtocolType="HTTP")
