"""Templates: intrinsics, conditions, and what is wrong said with its place."""

from __future__ import annotations

from pathlib import Path

import pytest

from local_aws.template import Template, TemplateError
from websocket_gateway.core.api import WebSocketApi, compile_api
from websocket_gateway.template_apis import read_apis

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
        (("AWS_PROXY", "VPC_LINK"), r"yaml:\d+: IntegrationType VPC_LINK"),
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
