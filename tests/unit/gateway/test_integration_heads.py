"""What a message makes of an integration's request: a header of it, never another request."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.unit.gateway.world import Bench
from websocket_gateway.core.proxy_response import parse_proxy_response

RESOURCES = """
  Keep:
    Type: AWS::ApiGatewayV2::Integration
    Properties:
      ApiId: !Ref Api
      IntegrationType: {kind}
      IntegrationMethod: POST
      IntegrationUri: {uri}
      RequestParameters: {{integration.request.header.{header}: route.request.body.tag}}
  Route:
    Type: AWS::ApiGatewayV2::Route
    Properties:
      ApiId: !Ref Api
      RouteKey: $default
      Target: !Sub integrations/${{Keep}}
"""
SERVICE = ("AWS", "arn:aws:apigateway:us-east-1:dynamodb:action/PutItem")
KINDS = [SERVICE, ("HTTP", "http://there.test/x"), ("HTTP_PROXY", "http://there.test/x")]


@pytest.mark.parametrize(("kind", "uri"), KINDS)
@pytest.mark.parametrize(
    "tag", ["1\r\nX-Amz-Target: DynamoDB_20120810.DeleteTable", "a\nb", "a\0b", "\u2192"]
)
def test_a_mapped_value_that_is_no_header_sends_nothing(
    tmp_path: Path, kind: str, uri: str, tag: str
) -> None:
    bench = Bench(tmp_path, RESOURCES.format(kind=kind, uri=uri, header="X-Tag"))
    (answer,) = bench.send(bench.opened(), tag=tag)
    assert '"Internal server error"' in answer
    assert (bench.world.called, bench.world.requested) == ([], [])


@pytest.mark.parametrize("header", ["Content-Length", "transfer-encoding", "Connection"])
def test_a_message_does_not_say_where_the_request_ends(tmp_path: Path, header: str) -> None:
    kind, uri = SERVICE
    bench = Bench(tmp_path, RESOURCES.format(kind=kind, uri=uri, header=header))
    (answer,) = bench.send(bench.opened(), tag="0")
    assert '"Internal server error"' in answer
    assert bench.world.called == []


def test_other_values_are_sent(tmp_path: Path) -> None:
    kind, uri = SERVICE
    bench = Bench(tmp_path, RESOURCES.format(kind=kind, uri=uri, header="X-Tag"))
    bench.send(bench.opened(), tag="sch\u00f6n, 1")
    assert bench.world.called[0].headers["x-tag"] == "sch\u00f6n, 1"


@pytest.mark.parametrize(
    "headers", ['{"a": "1\\r\\nb: 2"}', '{"a\\r\\nb": "1"}', '{"a": "\\u0000"}', '{"": "1"}']
)
def test_a_function_that_answers_no_header_answers_nothing(headers: str) -> None:
    assert parse_proxy_response(f'{{"statusCode": 200, "headers": {headers}}}'.encode()) is None


@pytest.mark.parametrize("depth", [300, 1000, 3000, 60_000])
def test_a_message_that_is_nested_deeply_goes_where_any_other_does(
    tmp_path: Path, depth: int
) -> None:
    kind, uri = SERVICE
    bench = Bench(tmp_path, RESOURCES.format(kind=kind, uri=uri, header="X-Tag"))
    client = bench.opened()
    text = f'{{"action": "other", "tag": "a", "more": {"[" * depth}{"]" * depth}}}'
    asyncio.run(bench.gateway.message(client, text))
    (call,) = bench.world.called
    assert call.body == text.encode()
    # What cannot be read as JSON has no tag.
    assert call.headers.get("x-tag") == ("a" if depth < 1024 else None)
