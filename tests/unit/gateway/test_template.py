"""Templates: intrinsics, conditions, and what is wrong said with its place."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest

from local_aws.template import Template, TemplateError
from websocket_gateway.core.api import WebSocketApi, compile_api
from websocket_gateway.core.registry import Registry
from websocket_gateway.template_apis import read_apis
from websocket_gateway.watch import TemplateFile

API = """
Parameters:
  Stage: {Type: String, Default: dev}
Conditions:
  IsProd: !Equals [!Ref Stage, prod]
Resources:
  Chat:
    Type: AWS::ApiGatewayV2::Api
    Properties:
      Name: !Join ['-', [chat, !Ref Stage]]
      ProtocolType: WEBSOCKET
      RouteSelectionExpression: $request.body.action
  ChatStage:
    Type: AWS::ApiGatewayV2::Stage
    Properties: {ApiId: !Ref Chat, StageName: !If [IsProd, live, !Ref Stage]}
  Handler:
    Type: AWS::Serverless::Function
    Properties: {FunctionName: !Sub 'handler-${Stage}'}
  Integration:
    Type: AWS::ApiGatewayV2::Integration
    Properties:
      ApiId: !Ref Chat
      IntegrationType: AWS_PROXY
      IntegrationUri: !Sub
        - arn:aws:apigateway:${AWS::Region}:lambda:path/2015-03-31/functions/${Fn}/invocations
        - Fn: !GetAtt Handler.Arn
      TimeoutInMillis: 5000
  Route:
    Type: AWS::ApiGatewayV2::Route
    Properties: {ApiId: !Ref Chat, RouteKey: say, Target: !Sub 'integrations/${Integration}'}
  SecretRoute:
    Type: AWS::ApiGatewayV2::Route
    Condition: IsProd
    Properties: {ApiId: !Ref Chat, RouteKey: secret, Target: !Sub 'integrations/${Integration}'}
  Response:
    Type: AWS::ApiGatewayV2::RouteResponse
    Properties: {ApiId: !Ref Chat, RouteId: !Ref Route, RouteResponseKey: $default}
"""


def template(folder: Path, text: str, **parameters: str) -> Template:
    path = folder / "template.yaml"
    path.write_text(text)
    return Template.load(path, parameters)


def read(folder: Path, text: str = API, **parameters: str) -> WebSocketApi:
    (record,) = read_apis(template(folder, text, **parameters)).records
    return compile_api(record)


def test_an_api_is_read_with_its_routes(tmp_path: Path) -> None:
    api = read(tmp_path)
    assert (api.name, list(api.stages), sorted(api.routes)) == ("chat-dev", ["dev"], ["say"])
    route = api.routes["say"]
    assert route.integration is not None
    assert ":function:handler-dev/" in route.integration.uri
    assert (route.integration.timeout, route.two_way) == (5.0, True)


def test_what_is_not_served_is_named_with_its_line(tmp_path: Path) -> None:
    text = API.replace("      TimeoutInMillis: 5000", "      TlsConfig: {}")
    (words,) = read_apis(template(tmp_path, text)).unsupported
    line = text.splitlines().index("      TlsConfig: {}") + 1
    assert f"template.yaml:{line}: TlsConfig" in words


def test_parameters_decide_names_and_conditions(tmp_path: Path) -> None:
    api = read(tmp_path, Stage="prod")
    assert (api.name, list(api.stages)) == ("chat-prod", ["live"])
    assert sorted(api.routes) == ["say", "secret"]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (("!Ref Chat", "!Ref Nobody"), "Nobody"),
        (("AWS_PROXY", "VPC_LINK"), r"yaml:\d+: .*IntegrationType: .*VPC_LINK"),
        (("integrations/${Integration}", "integrations/x"), "has no integration"),
        (("WEBSOCKET", "HTTP"), "declares no"),
        (("!If [IsProd,", "!If [Unknown,"), "Unknown"),
    ],
)
def test_what_cannot_be_served_is_named(
    tmp_path: Path, change: tuple[str, str], words: str
) -> None:
    with pytest.raises(TemplateError, match=words):
        read_apis(template(tmp_path, API.replace(*change)))


@pytest.mark.parametrize("text", ["a: [", "just text", "Resources: 7", "Resources: {A: {}}"])
def test_a_file_that_is_no_template_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(TemplateError, match=r"template\.yaml"):
        read_apis(template(tmp_path, text))


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(TemplateError, match="no-such"):
        Template.load(tmp_path / "no-such.yaml")


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("!Select [5, [a]]", "no item 5"),
        ("!Select [x, [a]]", "Fn::Select cannot take"),
        ("!Select a", "Fn::Select cannot take"),
        ("!FindInMap [Sizes, small, cpu]", "Mappings has no"),
        ("{'Fn::FindInMap': 7}", "Fn::FindInMap cannot take"),
        ("!Join [',']", "Fn::Join cannot take"),
        ("!Join [',', 7]", "Fn::Join cannot take"),
        ("!Split [',']", "Fn::Split cannot take"),
        ("!If [IsProd, a]", "Fn::If cannot take"),
        ("!If [7, a, b]", "no condition"),
        ("!GetAtt Handler", "Fn::GetAtt cannot take"),
        ("!GetAtt Nobody.Arn", "GetAtt of Nobody"),
        ("!Ref [a]", "Ref cannot take"),
        ("!Ref Nobody", "Ref to Nobody"),
        ("!Sub 'a${Nobody}'", "Ref to Nobody"),
        ("!Sub [a, b, c]", "Fn::Sub cannot take"),
    ],
)
def test_an_intrinsic_function_that_has_no_result_is_named_with_its_line(
    tmp_path: Path, value: str, words: str
) -> None:
    text = API.replace("      Name: !Join ['-', [chat, !Ref Stage]]", f"      Name: {value}")
    line = text.splitlines().index(f"      Name: {value}") + 1
    with pytest.raises(TemplateError, match=rf"template\.yaml:{line}: .*{words}"):
        read_apis(template(tmp_path, text))


@pytest.mark.parametrize(
    "change",
    [
        ("IsProd: !Equals [!Ref Stage, prod]", "IsProd: !Equals [a]"),
        ("IsProd: !Equals [!Ref Stage, prod]", "IsProd: !Not []"),
        ("IsProd: !Equals [!Ref Stage, prod]", "IsProd: !Condition IsProd"),
        ("IsProd: !Equals [!Ref Stage, prod]", "IsProd: [a]"),
        ("{FunctionName: !Sub 'handler-${Stage}'}", "{FunctionName: !Ref Handler}"),
        ("Parameters:\n  Stage: {Type: String, Default: dev}", "Parameters: [a]"),
        ("TimeoutInMillis: 5000", "TimeoutInMillis: abc"),
        ("TimeoutInMillis: 5000", "TimeoutInMillis: 60000"),
        ("TimeoutInMillis: 5000", "RequestParameters: [a]"),
        ("RouteKey: say", "RequestModels: {m: Nobody}, RouteKey: say"),
        ("RouteKey: say", "AuthorizationType: CUSTOM, RouteKey: say"),
    ],
)
def test_whatever_is_wrong_with_a_template_is_a_template_error(
    tmp_path: Path, change: tuple[str, str]
) -> None:
    assert change[0] in API
    with pytest.raises(TemplateError, match=r"template\.yaml"):
        read_apis(template(tmp_path, API.replace(*change)))


def test_texts_are_numbers_and_truth_values_where_those_are_wanted(tmp_path: Path) -> None:
    text = API.replace("TimeoutInMillis: 5000", 'TimeoutInMillis: "5000"')
    text = text.replace("RouteKey: say", "ApiKeyRequired: 'true', RouteKey: say")
    route = read(tmp_path, text).routes["say"]
    assert route.integration is not None
    assert (route.integration.timeout, route.api_key_required) == (5.0, True)


def test_a_watched_template_is_taken_again_once_it_is_mended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("websocket_gateway.watch.POLL_SECONDS", 0.01)
    path = template(tmp_path, API).path
    registry = Registry()
    file = TemplateFile(path, {}, registry)
    file.load()

    async def run() -> None:
        watching = asyncio.create_task(file.watch())
        for number, text in enumerate(
            [
                API.replace("!Ref Stage, prod", ""),
                API.replace("- Fn: !GetAtt Handler.Arn", "- !Select [5, [a]]"),
                API.replace("Name: !Join", "Name: !FindInMap [a, b, c] #"),
                "a: [",
            ]
        ):
            before = len(caplog.records)
            path.write_text(text)
            os.utime(path, ns=(number, number))
            while len(caplog.records) == before:  # noqa: ASYNC110 - a log has no event
                await asyncio.sleep(0.005)
            assert "kept" in caplog.records[-1].getMessage()
            assert not watching.done()
            assert [api.name for api in registry.served.values()] == ["chat-dev"]
        changed = asyncio.Event()
        registry.on_change.append(changed.set)
        path.write_text(API.replace("[chat, ", "[talk, "))
        await changed.wait()
        assert [api.name for api in registry.served.values()] == ["talk-dev"]
        watching.cancel()

    asyncio.run(asyncio.wait_for(run(), 10))


def test_a_domain_name_that_the_template_drops_is_served_no_more(tmp_path: Path) -> None:
    domains = """
  Domain:
    Type: AWS::ApiGatewayV2::DomainName
    Properties: {DomainName: chat.example.com}
  Mapping:
    Type: AWS::ApiGatewayV2::ApiMapping
    Properties: {DomainName: !Ref Domain, ApiId: !Ref Chat, Stage: !Ref ChatStage}
"""
    registry = Registry()
    registry.domain_names["by.api"], registry.mappings["by.api"] = {}, {}
    read_apis(template(tmp_path, API + domains)).register(registry)
    assert set(registry.mappings) == {"by.api", "chat.example.com"}
    read_apis(template(tmp_path, API)).register(registry)
    assert set(registry.mappings) == set(registry.domain_names) == {"by.api"}
