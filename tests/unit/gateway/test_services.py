"""Integrations with AWS services other than Lambda: the call that each URI stands for."""

from __future__ import annotations

import json
from pathlib import Path
from urllib.parse import parse_qs

import pytest

from tests.behaviours import behaviour
from tests.unit.gateway.world import Bench
from websocket_gateway.core.backend import HttpAnswer, IntegrationFailed
from websocket_gateway.core.services import service_call

FORM = {"Content-Type": "application/x-www-form-urlencoded"}
DOCS = "https://docs.aws.amazon.com/apigateway/latest/api/API_PutIntegration.html"


def of(path: str) -> str:
    return f"arn:aws:apigateway:eu-west-1:{path}"


@pytest.mark.parametrize(
    ("uri", "target"),
    [
        (of("dynamodb:action/PutItem"), "DynamoDB_20120810.PutItem"),
        (of("states:action/StartSyncExecution"), "AWSStepFunctions.StartSyncExecution"),
        (of("events:action/PutEvents"), "AWSEvents.PutEvents"),
        (of("sqs:action/SendMessage"), "AmazonSQS.SendMessage"),
    ],
)
def test_an_action_of_a_json_service_is_named_in_a_header(uri: str, target: str) -> None:
    call = service_call(uri, "POST", {}, {}, '{"a": 1}')
    assert (call.method, call.target, call.body) == ("POST", "/", b'{"a": 1}')
    assert call.headers["x-amz-target"] == target
    assert call.headers["content-type"].startswith("application/x-amz-json-1.")
    assert call.region == "eu-west-1"


def test_an_action_of_a_query_service_is_a_field_of_its_form() -> None:
    call = service_call(of("sns:action/Publish"), "POST", {}, {"TopicArn": "t"}, "Message=a%20b")
    assert parse_qs(call.body.decode()) == {
        "Action": ["Publish"],
        "Version": ["2010-03-31"],
        "TopicArn": ["t"],
        "Message": ["a b"],
    }


def test_a_path_is_asked_for_as_it_is() -> None:
    call = service_call(of("sqs:path/000000000000/queue"), "POST", FORM, {}, "Action=SendMessage")
    assert (call.service, call.target, call.body) == (
        "sqs",
        "/000000000000/queue",
        b"Action=SendMessage",
    )
    call = service_call(of("s3:path/bucket/a b.txt"), "GET", {}, {"versionId": "1"}, "")
    assert (call.method, call.target) == ("GET", "/bucket/a%20b.txt?versionId=1")


@pytest.mark.parametrize(
    ("uri", "words"),
    [
        ("arn:aws:sqs:eu-west-1:000000000000:queue", "names no AWS service"),
        (of("nothing:action/Do"), "no service 'nothing'"),
        (of("s3:action/GetObject"), "s3:path/"),
    ],
)
def test_what_is_no_call_is_refused(uri: str, words: str) -> None:
    with pytest.raises(IntegrationFailed, match=words):
        service_call(uri, "POST", {}, {}, "")


@pytest.mark.parametrize("body", ["Action=DeleteTopic&TopicArn=t", "Message=a&Action=DeleteTopic"])
def test_no_body_names_another_action_than_the_integration_does(body: str) -> None:
    with pytest.raises(IntegrationFailed, match="action is Publish, the request's 'DeleteTopic'"):
        service_call(of("sns:action/Publish"), "POST", {}, {}, body)
    with pytest.raises(IntegrationFailed, match="action is Publish"):
        service_call(of("sns:action/Publish"), "POST", {}, {"Action": "DeleteTopic"}, "")


def test_an_action_may_be_told_again_and_have_parameters_in_the_uri() -> None:
    call = service_call(
        of("ec2:action/RunInstances&MinCount=1"), "POST", FORM, {}, "Action=RunInstances&MaxCount=2"
    )
    form = parse_qs(call.body.decode())
    assert (form["Action"], form["MinCount"], form["MaxCount"]) == (["RunInstances"], ["1"], ["2"])


def test_no_header_names_another_action_or_somebody_else() -> None:
    headers = {"X-Amz-Target": "DynamoDB_20120810.DeleteTable", "Authorization": "mine"}
    for uri, more in ((of("dynamodb:action/PutItem"), {}), (of("sqs:action/SendMessage"), FORM)):
        call = service_call(uri, "POST", {**headers, **more}, {}, "")
        assert "DeleteTable" not in call.headers.get("x-amz-target", "")
        assert "authorization" not in call.headers


@behaviour("integration", "AWS integrations reach any service; templates make its request", DOCS)
def test_a_template_makes_the_request_and_the_answer_goes_to_the_client(tmp_path: Path) -> None:
    bench = Bench(
        tmp_path,
        """
  Keep:
    Type: AWS::ApiGatewayV2::Integration
    Properties:
      ApiId: !Ref Api
      IntegrationType: AWS
      IntegrationMethod: POST
      IntegrationUri: arn:aws:apigateway:us-east-1:dynamodb:action/PutItem
      TemplateSelectionExpression: \\$default
      RequestTemplates:
        $default: >
          {"TableName": "kept", "Item": {"id": {"S": "$context.connectionId"},
          "query": {"S": "$input.params().get('querystring')"},
          "told": {"S": "$input.path('$.told')"}}}
  KeepAnswer:
    Type: AWS::ApiGatewayV2::IntegrationResponse
    Properties:
      ApiId: !Ref Api
      IntegrationId: !Ref Keep
      IntegrationResponseKey: $default
  Route:
    Type: AWS::ApiGatewayV2::Route
    Properties:
      ApiId: !Ref Api
      RouteKey: $default
      Target: !Sub integrations/${Keep}
  RouteResponse:
    Type: AWS::ApiGatewayV2::RouteResponse
    Properties: {ApiId: !Ref Api, RouteId: !Ref Route, RouteResponseKey: $default}
""",
    )
    bench.world.answer = HttpAnswer(200, '{"kept": true}')
    client = bench.opened("/dev?name=ann")
    bench.send(client, told={"a": 1, "b": [1]})
    (call,) = bench.world.called
    item = json.loads(call.body)["Item"]
    assert item["id"] == {"S": client.connection.connection_id}
    # Objects print as Velocity prints them.
    assert item["query"] == {"S": "{}"}
    assert item["told"] == {"S": "{a=1, b=[1]}"}
    assert client.sent == ['{"kept": true}']
