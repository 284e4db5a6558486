"""CloudFormation stacks with WebSocket APIs, Cognito and functions: made, changed, deleted."""

from __future__ import annotations

import asyncio
import json
import shutil
import uuid
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from botocore.exceptions import ClientError, WaiterError
from websockets.asyncio.client import connect

from tests.stack import Stack, within

pytestmark = pytest.mark.same_in_docker("the same engine's CloudFormation")

CHAT = """
Parameters:
  Greeting: {Type: String, Default: hello}
Resources:
  Role:
    Type: AWS::IAM::Role
    Properties:
      AssumeRolePolicyDocument:
        Version: '2012-10-17'
        Statement:
          - {Effect: Allow, Principal: {Service: lambda.amazonaws.com}, Action: sts:AssumeRole}
  Function:
    Type: AWS::Lambda::Function
    Properties:
      Runtime: python3.13
      Handler: index.handler
      Role: !GetAtt Role.Arn
      Environment: {Variables: {GREETING: !Ref Greeting}}
      Code:
        ZipFile: |
          import os
          def handler(event, context):
              return {"statusCode": 200, "body": os.environ["GREETING"] + " " + event["body"]}
  Permission:
    Type: AWS::Lambda::Permission
    Properties:
      Action: lambda:InvokeFunction
      FunctionName: !Ref Function
      Principal: apigateway.amazonaws.com
  Api:
    Type: AWS::ApiGatewayV2::Api
    Properties:
      Name: !Ref AWS::StackName
      ProtocolType: WEBSOCKET
      RouteSelectionExpression: $request.body.action
  Model:
    Type: AWS::ApiGatewayV2::Model
    Properties:
      ApiId: !Ref Api
      Name: Message
      ContentType: application/json
      Schema: {$schema: 'http://json-schema.org/draft-04/schema#', type: object}
  Integration:
    Type: AWS::ApiGatewayV2::Integration
    Properties:
      ApiId: !Ref Api
      IntegrationType: AWS_PROXY
      IntegrationUri: !Sub
        arn:aws:apigateway:${AWS::Region}:lambda:path/2015-03-31/functions/${Function.Arn}/invocations
  Route:
    Type: AWS::ApiGatewayV2::Route
    Properties:
      ApiId: !Ref Api
      RouteKey: $default
      RouteResponseSelectionExpression: $default
      Target: !Sub integrations/${Integration}
  RouteResponse:
    Type: AWS::ApiGatewayV2::RouteResponse
    Properties: {ApiId: !Ref Api, RouteId: !Ref Route, RouteResponseKey: $default}
  Deployment:
    Type: AWS::ApiGatewayV2::Deployment
    DependsOn: RouteResponse
    Properties: {ApiId: !Ref Api}
  Stage:
    Type: AWS::ApiGatewayV2::Stage
    Properties: {ApiId: !Ref Api, StageName: prod, DeploymentId: !Ref Deployment}
  Pool:
    Type: AWS::Cognito::UserPool
    Properties: {Policies: {PasswordPolicy: {MinimumLength: 10}}}
  Client:
    Type: AWS::Cognito::UserPoolClient
    Properties:
      UserPoolId: !Ref Pool
      GenerateSecret: true
      ExplicitAuthFlows: [ALLOW_USER_PASSWORD_AUTH, ALLOW_REFRESH_TOKEN_AUTH]
  Admins:
    Type: AWS::Cognito::UserPoolGroup
    Properties: {UserPoolId: !Ref Pool, GroupName: admins}
  Ada:
    Type: AWS::Cognito::UserPoolUser
    Properties: {UserPoolId: !Ref Pool, Username: ada}
  AdaIsAdmin:
    Type: AWS::Cognito::UserPoolUserToGroupAttachment
    Properties: {UserPoolId: !Ref Pool, Username: !Ref Ada, GroupName: !Ref Admins}
Outputs:
  Url: {Value: !Sub '${Api.ApiEndpoint}/${Stage}'}
  Pool: {Value: !Ref Pool}
  PoolArn: {Value: !GetAtt Pool.Arn}
  Issuer: {Value: !GetAtt Pool.ProviderURL}
  Client: {Value: !Ref Client}
  Function: {Value: !Ref Function}
"""


class Stacks:
    """Stacks of this test, which are deleted in the end."""

    def __init__(self, stack: Stack) -> None:
        self.api = stack.aws("cloudformation")
        self.names: list[str] = []

    def create(self, template: str) -> str:
        name = f"made-{uuid.uuid4().hex[:8]}"
        self.names.append(name)
        self.api.create_stack(
            StackName=name, TemplateBody=template, Capabilities=["CAPABILITY_IAM"]
        )
        self.wait("stack_create_complete", name)
        return name

    def update(self, name: str, template: str, **parameters: str) -> None:
        self.api.update_stack(
            StackName=name,
            TemplateBody=template,
            Capabilities=["CAPABILITY_IAM"],
            Parameters=[{"ParameterKey": k, "ParameterValue": v} for k, v in parameters.items()],
        )
        self.wait("stack_update_complete", name)

    def delete(self, name: str) -> None:
        self.names.remove(name)
        self.api.delete_stack(StackName=name)
        self.wait("stack_delete_complete", name)

    def wait(self, what: str, name: str) -> None:
        waiter: Any = self.api.get_waiter(what)
        waiter.wait(StackName=name, WaiterConfig={"Delay": 1, "MaxAttempts": 60})

    def status(self, name: str) -> str:
        return str(self.api.describe_stacks(StackName=name)["Stacks"][0]["StackStatus"])

    def reasons(self, name: str) -> str:
        events = self.api.describe_stack_events(StackName=name)["StackEvents"]
        return " ".join(str(event.get("ResourceStatusReason")) for event in events)

    def resources(self, name: str) -> set[tuple[str, str]]:
        told = self.api.list_stack_resources(StackName=name)["StackResourceSummaries"]
        return {(one["LogicalResourceId"], one["PhysicalResourceId"]) for one in told}

    def outputs(self, name: str) -> dict[str, str]:
        described = self.api.describe_stacks(StackName=name)["Stacks"][0]
        return {one["OutputKey"]: one["OutputValue"] for one in described["Outputs"]}


REST = """
Resources:
  Api: {Type: AWS::ApiGateway::RestApi, Properties: {Name: !Ref AWS::StackName}}
  Word:
    Type: AWS::ApiGateway::Resource
    Properties: {RestApiId: !Ref Api, ParentId: !GetAtt Api.RootResourceId, PathPart: word}
  Get:
    Type: AWS::ApiGateway::Method
    Properties:
      RestApiId: !Ref Api
      ResourceId: !Ref Word
      HttpMethod: GET
      AuthorizationType: NONE
      MethodResponses: [{StatusCode: 200}]
      Integration:
        Type: MOCK
        RequestTemplates: {application/json: '{"statusCode": 200}'}
        IntegrationResponses: [{StatusCode: 200}]
  Deployment:
    Type: AWS::ApiGateway::Deployment
    DependsOn: Get
    Properties: {RestApiId: !Ref Api, StageName: dev}
Outputs:
  Url: {Value: !Sub 'URL'}
"""


@pytest.fixture
def stacks(stack: Stack) -> Iterator[Stacks]:
    made = Stacks(stack)
    yield made
    for name in list(made.names):
        made.delete(name)


@pytest.mark.parametrize("suffix", ["amazonaws.com", "${AWS::URLSuffix}"])
def test_the_address_of_a_rest_api_on_aws_becomes_the_one_here(stacks: Stacks, suffix: str) -> None:
    url = f"https://${{Api}}.execute-api.${{AWS::Region}}.{suffix}/dev/word"
    told = stacks.outputs(stacks.create(REST.replace("URL", url)))["Url"]
    assert told.startswith("http://")
    assert httpx.get(told, trust_env=False).status_code == 200


ROLE = """
Resources:
  Role:
    Type: AWS::IAM::Role
    Properties:
      AssumeRolePolicyDocument:
        Statement: [{Effect: Allow, Principal: {Service: SERVICE}, Action: sts:AssumeRole}]
      ManagedPolicyArns: ['arn:aws:iam::aws:policy/MANAGED']
      Policies:
        - PolicyName: NAME
          PolicyDocument: {Statement: [{Effect: Allow, Action: ACTION, Resource: '*'}]}
        - PolicyName: stays
          PolicyDocument: {Statement: [{Effect: Allow, Action: ACTION, Resource: '*'}]}
Outputs:
  Name: {Value: !Ref Role}
  Arn: {Value: !GetAtt Role.Arn}
"""


def test_a_role_that_a_template_changes_may_do_what_it_says_then(
    stack: Stack, stacks: Stacks
) -> None:
    def said(**words: str) -> str:
        text = ROLE
        for word, value in words.items():
            text = text.replace(word, value)
        return text

    def told() -> tuple[str, set[str], list[str], set[str]]:
        iam = stack.aws("iam")
        names = iam.list_role_policies(RoleName=role["Name"])["PolicyNames"]
        found = [iam.get_role_policy(RoleName=role["Name"], PolicyName=one) for one in names]
        statements = [one["PolicyDocument"]["Statement"][0] for one in found]
        attached = iam.list_attached_role_policies(RoleName=role["Name"])["AttachedPolicies"]
        trust = iam.get_role(RoleName=role["Name"])["Role"]["AssumeRolePolicyDocument"]
        return (
            trust["Statement"][0]["Principal"]["Service"],
            {one["Action"] for one in statements},
            sorted(names),
            {one["PolicyName"] for one in attached},
        )

    first = said(SERVICE="a.amazonaws.com", MANAGED="ReadOnlyAccess", NAME="one", ACTION="s3:Get*")
    name = stacks.create(first)
    role = stacks.outputs(name)
    assert told() == ("a.amazonaws.com", {"s3:Get*"}, ["one", "stays"], {"ReadOnlyAccess"})
    second = {"MANAGED": "AdministratorAccess", "NAME": "two", "ACTION": "sqs:*"}
    stacks.update(name, said(SERVICE="b.amazonaws.com", **second))
    assert stacks.outputs(name) == role
    assert told() == ("b.amazonaws.com", {"sqs:*"}, ["stays", "two"], {"AdministratorAccess"})
    stacks.update(name, first)
    assert told() == ("a.amazonaws.com", {"s3:Get*"}, ["one", "stays"], {"ReadOnlyAccess"})


def ask(url: str, text: str) -> str:
    async def run() -> str:
        async with connect(url, proxy=None) as socket:
            await socket.send(text)
            return str(await socket.recv())

    return within(run())


def test_a_stack_makes_a_socket_that_answers_and_a_pool_with_its_users(
    stack: Stack, stacks: Stacks
) -> None:
    name = stacks.create(CHAT)
    outputs = stacks.outputs(name)
    assert ask(outputs["Url"], "there") == "hello there"
    cognito = stack.aws("cognito-idp")
    pool = cognito.describe_user_pool(UserPoolId=outputs["Pool"])["UserPool"]
    assert pool["Arn"] == outputs["PoolArn"]
    assert outputs["Issuer"].endswith(outputs["Pool"])
    members = cognito.list_users_in_group(UserPoolId=outputs["Pool"], GroupName="admins")["Users"]
    assert [user["Username"] for user in members] == ["ada"]
    client = cognito.describe_user_pool_client(
        UserPoolId=outputs["Pool"], ClientId=outputs["Client"]
    )["UserPoolClient"]
    assert client["ClientSecret"]

    stacks.update(
        name, CHAT.replace("[ALLOW_USER", "[ALLOW_CUSTOM_AUTH, ALLOW_USER"), Greeting="ho"
    )
    assert stacks.outputs(name)["Url"] == outputs["Url"], "what did not change is the same"
    assert ask(outputs["Url"], "there") == "ho there"
    client = cognito.describe_user_pool_client(
        UserPoolId=outputs["Pool"], ClientId=outputs["Client"]
    )["UserPoolClient"]
    assert "ALLOW_CUSTOM_AUTH" in client["ExplicitAuthFlows"]

    stacks.delete(name)
    assert name not in {api["Name"] for api in stack.aws("apigatewayv2").get_apis()["Items"]}
    with pytest.raises(ClientError, match="ResourceNotFound"):
        cognito.describe_user_pool(UserPoolId=outputs["Pool"])
    names = {one["FunctionName"] for one in stack.aws("lambda").list_functions()["Functions"]}
    assert outputs["Function"] not in names


@pytest.mark.parametrize(
    ("resource", "words"),
    [
        ("{Type: AWS::MediaLive::Channel}", "AWS::MediaLive::Channel"),
        (
            "{Type: AWS::ApiGatewayV2::Api, Properties: {Name: h, ProtocolType: HTTP}}",
            "WEBSOCKET",
        ),
        (
            "{Type: AWS::Cognito::UserPoolClient, Properties: {UserPoolId: us-east-1_none}}",
            "us-east-1_none",
        ),
        (
            "{Type: AWS::ApiGatewayV2::Api, Properties: {Name: a, ProtocolType: WEBSOCKET, No: 1}}",
            "No",
        ),
    ],
    ids=["a type that is not created", "an HTTP API", "a pool that is not there", "a property"],
)
def test_what_cannot_be_made_fails_the_stack_with_the_reason_and_leaves_nothing(
    stack: Stack, stacks: Stacks, resource: str, words: str
) -> None:
    bucket = f"left-{uuid.uuid4().hex[:8]}"
    template = f"""
Resources:
  Bucket: {{Type: AWS::S3::Bucket, Properties: {{BucketName: {bucket}}}}}
  Wrong:
    DependsOn: Bucket
    {resource[1:-1].replace(", Properties: ", chr(10) + "    Properties: ", 1)}
"""
    with pytest.raises(WaiterError):
        stacks.create(template)
    (name,) = stacks.names
    assert words in stacks.reasons(name)
    assert stacks.status(name) == "ROLLBACK_COMPLETE"
    assert not stacks.api.list_stack_resources(StackName=name)["StackResourceSummaries"]
    buckets = stack.aws("s3").list_buckets()["Buckets"]
    assert bucket not in {one["Name"] for one in buckets}


def test_a_type_that_is_not_created_is_named_with_its_line(stacks: Stacks) -> None:
    with pytest.raises(WaiterError):
        stacks.create("Resources:\n  Topic: {Type: AWS::SNS::Topic}\n  Tv: {Type: AWS::Tv::On}\n")
    (name,) = stacks.names
    assert "Tv (AWS::Tv::On, line 3)" in stacks.reasons(name)


def test_an_update_that_fails_leaves_the_stack_as_it_was(stack: Stack, stacks: Stacks) -> None:
    name = stacks.create(CHAT)
    outputs, resources = stacks.outputs(name), stacks.resources(name)
    more = f"made-{uuid.uuid4().hex[:8]}"
    broken = f"""
  Topic: {{Type: AWS::SNS::Topic, Properties: {{TopicName: {more}}}}}
  Wrong:
    Type: AWS::Cognito::UserPoolClient
    DependsOn: [Topic, Function]
    Properties: {{UserPoolId: us-east-1_none}}
Outputs:"""
    with pytest.raises(WaiterError):
        stacks.update(name, CHAT.replace("\nOutputs:", broken), Greeting="ho")
    assert stacks.status(name) == "UPDATE_ROLLBACK_COMPLETE"
    assert "us-east-1_none" in stacks.reasons(name)
    assert stacks.outputs(name) == outputs
    assert stacks.resources(name) == resources
    assert ask(outputs["Url"], "there") == "hello there"
    topics = stack.aws("sns").list_topics()["Topics"]
    assert not [one for one in topics if one["TopicArn"].endswith(more)]

    stacks.update(name, CHAT, Greeting="ho")
    assert ask(outputs["Url"], "there") == "ho there"


def test_a_failed_stack_stays_as_it_is_where_that_is_asked_for(
    stack: Stack, stacks: Stacks
) -> None:
    topic = f"left-{uuid.uuid4().hex[:8]}"
    name = f"made-{uuid.uuid4().hex[:8]}"
    stacks.names.append(name)
    stacks.api.create_stack(
        StackName=name,
        OnFailure="DO_NOTHING",
        TemplateBody=f"""
Resources:
  Topic: {{Type: AWS::SNS::Topic, Properties: {{TopicName: {topic}}}}}
  Wrong:
    Type: AWS::Cognito::UserPoolClient
    DependsOn: Topic
    Properties: {{UserPoolId: us-east-1_none}}
""",
    )
    with pytest.raises(WaiterError):
        stacks.wait("stack_create_complete", name)
    assert stacks.status(name) == "CREATE_FAILED"

    def there() -> bool:
        topics = stack.aws("sns").list_topics()["Topics"]
        return any(one["TopicArn"].endswith(topic) for one in topics)

    assert there()
    stacks.delete(name)
    assert not there()


CUSTOM = """
Parameters:
  Answer: {Type: String, Default: SUCCESS}
Resources:
  Role:
    Type: AWS::IAM::Role
    Properties:
      AssumeRolePolicyDocument:
        Statement:
          - {Effect: Allow, Principal: {Service: lambda.amazonaws.com}, Action: sts:AssumeRole}
      Policies:
        - PolicyName: own
          PolicyDocument:
            Version: "2012-10-17"
            Statement: [{Effect: Allow, Action: ssm:PutParameter, Resource: "*"}]
  Kept: {Type: AWS::SSM::Parameter, Properties: {Type: String, Value: none, Name: NAME}}
  Function:
    Type: AWS::Lambda::Function
    Properties: CODE
  Made:
    Type: Custom::Thing
    DependsOn: Kept
    Properties:
      ServiceToken: !GetAtt Function.Arn
      Answer: !Ref Answer
      Count: 3
      Literal: !Sub 'a ${!Literal} of ${AWS::Region}'
Outputs:
  Made: {Value: !Ref Made}
  Told: {Value: !GetAtt Made.Told}
"""
PYTHON = """
      Runtime: python3.13
      Handler: index.handler
      Role: !GetAtt Role.Arn
      Code:
        ZipFile: |
          import boto3, cfnresponse, json
          def handler(event, context):
              given = event["ResourceProperties"]
              if event["RequestType"] == "Delete":
                  boto3.client("ssm").put_parameter(
                      Name="NAME", Value="deleted", Overwrite=True)
              if given["Answer"] == "raise":
                  raise RuntimeError("a bug")
              told = {"Told": json.dumps([event["RequestType"], given["Count"], given["Literal"]])}
              cfnresponse.send(event, context, given["Answer"], told, "thing", reason="no luck")
"""
NODE = """
      Runtime: nodejs22.x
      Handler: index.handler
      Role: !GetAtt Role.Arn
      Code:
        ZipFile: |
          const cfnresponse = require("cfn-response");
          const https = require("https");
          exports.handler = async (event, context) => {
            const given = event.ResourceProperties;
            const told = JSON.stringify([event.RequestType, given.Count, given.Literal]);
            if (event.RequestType !== "Update")
              return cfnresponse.send(event, context, given.Answer, { Told: told }, "thing");
            // As CDK's own resources answer: over https, to the host and path alone.
            const { hostname, pathname } = new URL(event.ResponseURL);
            const body = JSON.stringify(
              { Status: "SUCCESS", PhysicalResourceId: "thing", Data: { Told: told } });
            await new Promise((resolve, reject) => {
              const request = https.request(
                { hostname, path: pathname, method: "PUT" }, (answer) => resolve(answer.resume()));
              request.on("error", reject);
              request.end(body);
            });
          };
"""


@pytest.mark.parametrize("code", [PYTHON, NODE], ids=["Python", "Node.js"])
def test_a_custom_resource_is_what_its_function_says(
    stack: Stack, stacks: Stacks, code: str
) -> None:
    if code is NODE and shutil.which("node") is None:
        pytest.skip("Node.js is not installed")
    parameter = f"/made/{uuid.uuid4().hex}"
    template = CUSTOM.replace(" CODE", code).replace("NAME", parameter)
    name = stacks.create(template)
    outputs = stacks.outputs(name)
    assert outputs["Made"] == "thing"
    assert json.loads(outputs["Told"]) == ["Create", "3", "a ${Literal} of us-east-1"]
    stacks.update(name, template.replace("Count: 3", "Count: true"))
    assert json.loads(stacks.outputs(name)["Told"])[:2] == ["Update", "true"]
    if code is PYTHON:
        with pytest.raises(WaiterError):
            stacks.update(name, template, Answer="FAILED")
        assert "no luck" in stacks.reasons(name)
        with pytest.raises(WaiterError):
            stacks.update(name, template, Answer="raise")
        assert "a bug" in stacks.reasons(name)
        # The parameter is deleted after the resource that depends on it.
        assert stacks.outputs(name)["Made"] == "thing"
    stacks.delete(name)


def test_open_connections_end_with_their_api(stacks: Stacks) -> None:
    name = stacks.create(CHAT)
    url = stacks.outputs(name)["Url"]

    async def run() -> tuple[int | None, str | None]:
        async with connect(url, proxy=None) as socket:
            await socket.send("there")
            await socket.recv()
            await asyncio.to_thread(stacks.delete, name)
            await socket.wait_closed()
            return socket.close_code, socket.close_reason

    assert within(run()) == (1001, "Going away")


CIRCLE = """
Resources:
  One: {Type: AWS::SNS::Topic, Properties: {DisplayName: !GetAtt Other.TopicName}}
  Other: {Type: AWS::SNS::Topic, Properties: {DisplayName: !GetAtt One.TopicName}}
"""


def test_a_circle_of_references_is_refused(stacks: Stacks) -> None:
    with pytest.raises(ClientError, match=r"Circular dependency between resources: \[One, Other\]"):
        stacks.create(CIRCLE)
    (name,) = stacks.names
    stacks.names.clear()
    with pytest.raises(ClientError, match="does not exist"):
        stacks.api.describe_stacks(StackName=name)


def test_a_large_template_comes_by_s3(stack: Stack, stacks: Stacks) -> None:
    described = {"Type": "AWS::SNS::Topic", "Metadata": {"Words": "x" * 60_000}}
    template = json.dumps({"Resources": {"Topic": described}})
    with pytest.raises(ClientError, match="51200"):
        stacks.create(template)
    stacks.names.clear()
    s3, name = stack.aws("s3"), f"made-{uuid.uuid4().hex[:8]}"
    s3.create_bucket(Bucket=name)
    s3.put_object(Bucket=name, Key="template.json", Body=template.encode())
    stacks.names.append(name)
    stacks.api.create_stack(
        StackName=name, TemplateURL=f"{stack.ports.engine_url}/{name}/template.json"
    )
    stacks.wait("stack_create_complete", name)
    assert len(stacks.resources(name)) == 1


def test_two_stacks_do_not_share_a_name(stacks: Stacks) -> None:
    name = stacks.create("Resources: {Topic: {Type: AWS::SNS::Topic}}")
    with pytest.raises(ClientError, match="already exists"):
        stacks.api.create_stack(
            StackName=name,
            TemplateBody=json.dumps({"Resources": {"T": {"Type": "AWS::SNS::Topic"}}}),
        )
