"""WebSocket routes that call AWS services without a function in between, made by a stack."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from websockets.asyncio.client import connect

from tests.stack import Stack, until, within

pytestmark = pytest.mark.same_in_docker("the same gateway asks the same engine")

TEMPLATE = """
Resources:
  Table:
    Type: AWS::DynamoDB::Table
    Properties:
      AttributeDefinitions: [{AttributeName: id, AttributeType: S}]
      KeySchema: [{AttributeName: id, KeyType: HASH}]
      BillingMode: PAY_PER_REQUEST
  Queue: {Type: AWS::SQS::Queue}
  Topic: {Type: AWS::SNS::Topic}
  Role:
    Type: AWS::IAM::Role
    Properties:
      AssumeRolePolicyDocument:
        Statement:
          - {Effect: Allow, Principal: {Service: states.amazonaws.com}, Action: sts:AssumeRole}
  Machine:
    Type: AWS::StepFunctions::StateMachine
    Properties:
      StateMachineType: EXPRESS
      RoleArn: !GetAtt Role.Arn
      Definition:
        StartAt: Double
        States:
          Double:
            Type: Pass
            Parameters: {twice.$: 'States.MathAdd($.n, $.n)'}
            End: true
  Api:
    Type: AWS::ApiGatewayV2::Api
    Properties:
      Name: !Ref AWS::StackName
      ProtocolType: WEBSOCKET
      RouteSelectionExpression: $request.body.action
  Stage:
    Type: AWS::ApiGatewayV2::Stage
    Properties: {ApiId: !Ref Api, StageName: live}
  Deployment:
    Type: AWS::ApiGatewayV2::Deployment
    DependsOn: [connect, disconnect, queue, double, topic]
    Properties: {ApiId: !Ref Api}
"""
ROUTE = """
  {id}:
    Type: AWS::ApiGatewayV2::Route
    Properties:
      ApiId: !Ref Api
      RouteKey: {key}
      Target: !Sub integrations/${{{id}Integration}}
  {id}Response:
    Type: AWS::ApiGatewayV2::RouteResponse
    Properties: {{ApiId: !Ref Api, RouteId: !Ref {id}, RouteResponseKey: $default}}
  {id}Integration:
    Type: AWS::ApiGatewayV2::Integration
    Properties:
      ApiId: !Ref Api
      IntegrationType: AWS
      IntegrationMethod: POST
      IntegrationUri: !Sub 'arn:aws:apigateway:${{AWS::Region}}:{uri}'
      CredentialsArn: !GetAtt Role.Arn
      TemplateSelectionExpression: \\$default
      RequestParameters: {parameters}
      RequestTemplates: {{$default: !Sub '{template}'}}
"""
FORM = """{integration.request.header.Content-Type: "'application/x-www-form-urlencoded'"}"""
ROUTES = (
    (
        "connect",
        "$connect",
        "dynamodb:action/PutItem",
        "{}",
        '{"TableName": "${Table}", "Item": {"id": {"S": "$context.connectionId"}}}',
    ),
    (
        "disconnect",
        "$disconnect",
        "dynamodb:action/DeleteItem",
        "{}",
        '{"TableName": "${Table}", "Key": {"id": {"S": "$context.connectionId"}}}',
    ),
    (
        "queue",
        "queue",
        "sqs:path/${AWS::AccountId}/${Queue.QueueName}",
        FORM,
        'Action=SendMessage&MessageBody=$util.urlEncode($input.json("$.data"))',
    ),
    (
        "topic",
        "topic",
        "sns:action/Publish",
        FORM,
        'TopicArn=$util.urlEncode("${Topic}")&Message=$util.urlEncode($input.path("$.data"))',
    ),
    (
        "double",
        "double",
        "states:action/StartSyncExecution",
        "{}",
        '{"stateMachineArn": "${Machine}",'
        ' "input": "$util.escapeJavaScript($input.json(\'$.data\')).replaceAll("\\\\\'", "\'")"}',
    ),
)


@pytest.fixture(scope="module")
def resources(stack: Stack) -> Iterator[dict[str, str]]:
    """A stack with a table, a queue, a workflow and a socket; physical ids by logical ones."""
    api = stack.aws("cloudformation")
    name = f"services-{uuid.uuid4().hex[:8]}"
    routes = [
        ROUTE.format(id=i, key=k, uri=u, parameters=p, template=t.replace("'", "''"))
        for i, k, u, p, t in ROUTES
    ]
    api.create_stack(
        StackName=name, TemplateBody=TEMPLATE + "".join(routes), Capabilities=["CAPABILITY_IAM"]
    )
    api.get_waiter("stack_create_complete").wait(StackName=name, WaiterConfig={"Delay": 1})
    told = api.list_stack_resources(StackName=name)["StackResourceSummaries"]
    yield {one["LogicalResourceId"]: one["PhysicalResourceId"] for one in told}
    api.delete_stack(StackName=name)
    api.get_waiter("stack_delete_complete").wait(StackName=name, WaiterConfig={"Delay": 1})


def ask(stack: Stack, resources: dict[str, str], action: str, data: Any) -> Any:
    async def run() -> Any:
        url = f"{stack.ports.websocket_url}/{resources['Api']}/live"
        async with connect(url, proxy=None) as socket:
            await socket.send(json.dumps({"action": action, "data": data}))
            return json.loads(await asyncio.wait_for(socket.recv(), 20))

    return within(run())


def test_connections_are_kept_in_a_table(stack: Stack, resources: dict[str, str]) -> None:
    def items() -> int:
        told = stack.aws("dynamodb").scan(TableName=resources["Table"], ConsistentRead=True)
        return int(told["Count"])

    async def run() -> int:
        url = f"{stack.ports.websocket_url}/{resources['Api']}/live"
        async with connect(url, proxy=None):
            return await asyncio.to_thread(items)

    assert within(run()) == 1
    until(lambda: items() == 0 or None)


def test_a_message_is_put_into_a_queue(stack: Stack, resources: dict[str, str]) -> None:
    told = ask(stack, resources, "queue", {"text": "a & b"})
    assert told["SendMessageResponse"]["SendMessageResult"]["MessageId"]
    sqs = stack.aws("sqs")
    (found,) = sqs.receive_message(QueueUrl=resources["Queue"], WaitTimeSeconds=5)["Messages"]
    assert json.loads(found["Body"]) == {"text": "a & b"}


def test_a_message_is_published(stack: Stack, resources: dict[str, str]) -> None:
    told = ask(stack, resources, "topic", "hello")
    assert told["PublishResponse"]["PublishResult"]["MessageId"]


def test_a_workflow_answers_a_message(stack: Stack, resources: dict[str, str]) -> None:
    told = ask(stack, resources, "double", {"n": 21, "text": "it's"})
    assert told["status"] == "SUCCEEDED"
    assert json.loads(told["output"]) == {"twice": 42}


def test_a_services_error_is_what_the_client_is_told(
    stack: Stack, resources: dict[str, str]
) -> None:
    told = ask(stack, resources, "double", "no object")
    assert told["status"] == "FAILED"
