"""Messages of clients, through the gateway's core: answered, whatever they are."""

from __future__ import annotations

import asyncio
import json
import tempfile
import time
from pathlib import Path

from hypothesis import strategies as st

from local_aws.given_patterns import NotMatched, compiled
from tests.fuzz.fuzzing import fuzz
from tests.fuzz.values import JSON, JSON_TEXTS, TEXT
from tests.unit.gateway.world import Bench, FakeClient, route
from websocket_gateway.core.mapping import MappingFailed, render
from websocket_gateway.core.proxy_response import parse_proxy_response
from websocket_gateway.core.selection import Scope, SelectionExpression

RESOURCES = (
    route(
        "echo", "echo", ", ModelSelectionExpression: $default, RequestModels: {$default: Checked}"
    )
    + """
  Checked:
    Type: AWS::ApiGatewayV2::Model
    Properties:
      ApiId: !Ref Api
      Name: Checked
      Schema:
        properties:
          more: {$ref: '#/definitions/list'}
          text: {type: string, pattern: '^(x|xx)*[yz]$'}
        definitions:
          list: {anyOf: [{type: array, items: {$ref: '#/definitions/list'}}, {type: string}]}
  Mapped:
    Type: AWS::ApiGatewayV2::Integration
    Properties:
      ApiId: !Ref Api
      IntegrationType: AWS
      IntegrationMethod: POST
      IntegrationUri: arn:aws:apigateway:us-east-1:sns:action/Publish
      RequestParameters:
        integration.request.header.X-Tag: route.request.body.tag
        integration.request.querystring.Message: route.request.body.text
      TemplateSelectionExpression: \\$default
      RequestTemplates:
        $default: "Text=$util.urlEncode($input.path('$.text'))&$input.json('$.more')"
  MappedRoute:
    Type: AWS::ApiGatewayV2::Route
    Properties: {ApiId: !Ref Api, RouteKey: $default, Target: !Sub 'integrations/${Mapped}'}
  MappedResponse:
    Type: AWS::ApiGatewayV2::RouteResponse
    Properties: {ApiId: !Ref Api, RouteId: !Ref MappedRoute, RouteResponseKey: $default}
"""
)
MESSAGES = st.one_of(
    JSON_TEXTS,
    st.fixed_dictionaries(
        {"action": st.one_of(st.sampled_from(["echo", "other", "$connect", "/x/"]), JSON)},
        optional={
            "tag": st.one_of(TEXT, JSON),
            "text": st.one_of(st.sampled_from(["x" * 30_000, "xxy"]), JSON),
            "more": JSON,
        },
    ).map(json.dumps),
    st.builds(
        lambda depth: f'{{"action": "echo", "more": {"[" * depth}{"]" * depth}}}',
        st.sampled_from([10, 300, 900, 1020, 3000]),
    ),
)
_OPEN: list[tuple[Bench, FakeClient]] = []


def opened() -> tuple[Bench, FakeClient]:
    if not _OPEN:
        with tempfile.TemporaryDirectory() as folder:
            bench = Bench(Path(folder), RESOURCES)
        bench.world.functions["echo"] = lambda event: {"statusCode": 200, "body": event["body"]}
        _OPEN.append((bench, bench.opened()))
    return _OPEN[0]


@fuzz(examples=300, text=MESSAGES)
def test_a_message_is_answered_once(text: str) -> None:
    bench, client = opened()
    client.sent.clear()
    bench.world.called.clear()
    asyncio.run(bench.gateway.message(client, text))
    assert len(client.sent) == 1
    assert client.close_frame is None
    for call in bench.world.called:
        assert b"Action=Publish" in call.body
        assert not any("\r" in value or "\n" in value for value in call.headers.values())


@fuzz(
    examples=200,
    expression=st.lists(
        st.one_of(
            TEXT,
            st.sampled_from(
                ["$request.body", ".a", "${request.body.a-b}", "\\$", "$context.x", "-", "."]
            ),
        ),
        max_size=6,
    ).map("".join),
    body=JSON_TEXTS,
)
def test_a_selection_expression_gives_a_key_or_none(expression: str, body: str) -> None:
    key = SelectionExpression(expression).evaluate(Scope(body=body))
    assert key is None or isinstance(key, str)


VELOCITY = st.lists(
    st.one_of(
        TEXT,
        st.sampled_from(
            [
                *("$input.json", "('$.a')", "$input.path", "('$')", ".__class__", ".__globals__"),
                *(
                    "#set($x = ",
                    ")",
                    "#foreach($i in [1..999])",
                    "#end",
                    "#if(",
                    "$x",
                    "$i",
                    "'$x'",
                ),
                *("$util.parseJson(", "$context", ".a.b", "[0]", "['a']", " * ", " + ", '"$x$x"'),
                *("#macro(m)", "#m()", "#define($d)", "$d", "#stop", "#include('/etc/passwd')"),
                *(
                    ".replaceAll('(x|xx)*', '$0')",
                    ".size()",
                    ".add($x)",
                    "#evaluate($x)",
                    "{}",
                    "[]",
                ),
            ]
        ),
    ),
    max_size=10,
).map("".join)


@fuzz(examples=200, template=VELOCITY, body=st.one_of(JSON.map(json.dumps), TEXT))
def test_a_template_makes_text_or_fails(template: str, body: str) -> None:
    try:
        text = render(template, Scope(body=body, context={"a": {"b": 1}}), body)
    except MappingFailed:
        return
    assert not any(word in text for word in ("<function", "<class", "<module", "root:x:0"))


@fuzz(examples=200, payload=st.one_of(JSON_TEXTS.map(str.encode), st.binary(max_size=50)))
def test_an_answer_is_a_proxy_response_or_none(payload: bytes) -> None:
    answer = parse_proxy_response(payload)
    assert answer is None or 100 <= answer.status <= 599


@fuzz(
    examples=20,
    pattern=st.lists(
        st.sampled_from(["(x|xx)*", "(x+)+", "(.*)*", "[yz]", "x", "$", "^", "(x*)*", "\\s*", "|"]),
        max_size=6,
    ).map("".join),
)
def test_an_expression_takes_time_as_its_text_grows_and_no_more(pattern: str) -> None:
    def seconds(size: int) -> float:
        began = time.process_time()
        compiled(pattern).search("x" * size + "!")
        return time.process_time() - began

    try:
        seconds(10)
    except NotMatched:
        return
    # Exponential time would not end, and quadratic time would take a thousand seconds.
    assert seconds(1_000_000) < 10
