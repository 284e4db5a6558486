"""The engine on 4566: the AWS APIs that people debug with."""

from __future__ import annotations

import asyncio
import concurrent.futures
import json
import os
import subprocess
import sys
import uuid
from pathlib import Path
from typing import Any

import boto3
import httpx
import jwt
import pytest

from local_aws.account import REGION
from local_cloud.client import demo_login, log_in
from local_cloud.installation import aws_environment
from tests.stack import Stack, fails_until_there, until, within
from tests.workflows import ROLE, Workflows

LOG_GROUP = "/aws/lambda/websocket-handler"
FUNCTIONS = [
    "parse-initial-query",
    "invoke-llm",
    "dispatch-tool",
    "send-prompt",
    "append-tool-output",
    "handle-finish",
    "websocket-handler",
]


def awslocal(stack: Stack, *words: str) -> str:
    program = Path(sys.executable).with_name("awslocal")
    environment = aws_environment(stack.ports)
    if stack.home is not None:  # it finds the cloud by itself, as a user's does
        del environment["AWS_ENDPOINT_URL"]
        environment["LOCAL_CLOUD_HOME"] = str(stack.home.path)
    done = subprocess.run(
        [str(program), *words], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_awslocal_lists_the_functions(stack: Stack) -> None:
    names = awslocal(stack, "lambda", "list-functions", "--query", "Functions[].FunctionName")
    assert json.loads(names) == FUNCTIONS


def test_awslocal_lists_tables_and_buckets(stack: Stack) -> None:
    tables = json.loads(awslocal(stack, "dynamodb", "list-tables"))["TableNames"]
    assert {"causal-analyses", "causal-connections", "causal-events", "causal-messages"} <= {
        *tables
    }
    listed = awslocal(stack, "s3", "ls")
    assert "causal-datasets" in listed
    assert "causal-results" in listed
    assert "nsw.csv" in awslocal(stack, "s3", "ls", "s3://causal-datasets/shared/")


def test_awslocal_tails_a_functions_log(stack: Stack) -> None:
    mark = f"mark-{uuid.uuid4()}"
    stack.aws("lambda").invoke(
        FunctionName="websocket-handler",
        Payload=json.dumps(
            {"requestContext": {"eventType": "CONNECT", "connectionId": mark}, "headers": {}}
        ),
    )

    def logged() -> bool:
        lines = awslocal(stack, "logs", "tail", LOG_GROUP)
        return mark in lines and "REPORT RequestId" in lines

    until(logged)


def test_awslocal_reaches_secrets_parameters_and_workflows(stack: Stack) -> None:
    name = f"/test/{uuid.uuid4()}"
    awslocal(stack, "ssm", "put-parameter", "--name", name, "--value", "v", "--type", "String")
    assert name in awslocal(stack, "ssm", "get-parameter", "--name", name)
    assert "causal/llm" in awslocal(stack, "secretsmanager", "list-secrets")
    assert "agent-workflow" in awslocal(stack, "stepfunctions", "list-state-machines")


def test_a_function_that_fails_says_so_through_the_engine(stack: Stack) -> None:
    answer = stack.aws("lambda").invoke(FunctionName="websocket-handler", Payload="{}")
    assert answer["FunctionError"] == "Unhandled"
    assert json.loads(answer["Payload"].read())["errorType"] == "KeyError"


def test_a_function_that_is_not_there_is_not_found_through_the_engine(stack: Stack) -> None:
    client = stack.aws("lambda")
    with pytest.raises(client.exceptions.ResourceNotFoundException):
        client.invoke(FunctionName="nobody")


def test_step_functions_answers_on_its_own_port(stack: Stack) -> None:
    client = boto3.client(
        "stepfunctions",
        endpoint_url=stack.ports.console_url,
        region_name=REGION,
        aws_access_key_id="test",
        aws_secret_access_key="test",
    )
    names = [machine["name"] for machine in client.list_state_machines()["stateMachines"]]
    assert "agent-workflow" in names


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"X-Amz-Target": "DynamoDB_20120810.ListTables"}, 400),
        ({"X-Amz-Target": "AWSStepFunctions.ListStateMachines", "Origin": "http://evil"}, 403),
        ({"X-Amz-Target": "AWSStepFunctions.ListStateMachines", "Host": "evil.example"}, 403),
    ],
)
def test_step_functions_port_answers_nothing_else_and_no_web_page(
    stack: Stack, headers: dict[str, str], status: int
) -> None:
    answer = httpx.post(stack.ports.console_url, headers=headers, content="{}", trust_env=False)
    assert answer.status_code == status


def test_a_state_machine_invokes_a_function(stack: Stack) -> None:
    client = stack.aws("stepfunctions")
    invoke = {
        "Type": "Task",
        "Resource": "arn:aws:states:::lambda:invoke",
        "Parameters": {"FunctionName": "websocket-handler", "Payload": {}},
        "Catch": [{"ErrorEquals": ["KeyError"], "Next": "Caught"}],
        "End": True,
    }
    states = {"Invoke": invoke, "Caught": {"Type": "Pass", "End": True}}
    name = f"test-{uuid.uuid4().hex}"
    arn = client.create_state_machine(
        name=name,
        roleArn="arn:aws:iam::000000000000:role/test",
        definition=json.dumps({"StartAt": "Invoke", "States": states}),
    )["stateMachineArn"]
    execution = client.start_execution(stateMachineArn=arn)["executionArn"]
    found = stack.ended(execution)
    client.delete_state_machine(stateMachineArn=arn)
    assert found["status"] == "SUCCEEDED"
    assert json.loads(found["output"])["Error"] == "KeyError", "the function's error, by its name"


def test_a_tasks_output_names_the_request(stack: Stack) -> None:
    client = stack.aws("stepfunctions")
    invoke = {
        "Type": "Task",
        "Resource": "arn:aws:states:::lambda:invoke",
        "Parameters": {
            "FunctionName": "websocket-handler",
            "Payload": {
                "requestContext": {
                    "eventType": "DISCONNECT",
                    "routeKey": "$disconnect",
                    "connectionId": "nobody",
                }
            },
        },
        "End": True,
    }
    arn = client.create_state_machine(
        name=f"test-{uuid.uuid4().hex}",
        roleArn="arn:aws:iam::000000000000:role/test",
        definition=json.dumps({"StartAt": "Invoke", "States": {"Invoke": invoke}}),
    )["stateMachineArn"]
    execution = client.start_execution(stateMachineArn=arn)["executionArn"]
    found = stack.ended(execution)
    client.delete_state_machine(stateMachineArn=arn)
    assert found["status"] == "SUCCEEDED", found
    output = json.loads(found["output"])
    assert output["SdkHttpMetadata"]["HttpStatusCode"] == 200
    request_id = output["SdkResponseMetadata"]["RequestId"]
    assert uuid.UUID(request_id)
    if stack.project is None:  # SAM tells nobody the request's id
        until(lambda: request_id in awslocal(stack, "logs", "tail", LOG_GROUP))


def test_a_workflow_that_leads_nowhere_is_refused(stack: Stack) -> None:
    client = stack.aws("stepfunctions")
    definition = json.dumps({"StartAt": "A", "States": {"A": {"Type": "Pass", "Next": "B"}}})
    with pytest.raises(client.exceptions.InvalidDefinition, match="target: B at /States/A/Next"):
        client.create_state_machine(
            name=f"test-{uuid.uuid4().hex}",
            roleArn="arn:aws:iam::000000000000:role/test",
            definition=definition,
        )
    answer = client.validate_state_machine_definition(definition=definition)
    assert answer["result"] == "FAIL"
    assert [(d["code"], d.get("location")) for d in answer["diagnostics"]] == [
        ("MISSING_TRANSITION_TARGET", "/States/A/Next"),
        ("MISSING_END_STATE", None),
    ]


def test_the_log_of_an_execution_has_long_data_cut_and_says_so(stack: Stack) -> None:
    logs, group = stack.aws("logs"), f"/aws/vendedlogs/states/{uuid.uuid4().hex}"
    logs.create_log_group(logGroupName=group)
    destination = {"logGroupArn": f"arn:aws:logs:{REGION}:000000000000:log-group:{group}:*"}
    workflows = Workflows(stack)
    states = {"Pass": {"Type": "Pass", "Result": "x", "End": True}}
    machine = workflows.api.create_state_machine(
        name=f"test-{uuid.uuid4().hex}",
        definition=json.dumps({"StartAt": "Pass", "States": states}),
        roleArn=ROLE,
        loggingConfiguration={
            "level": "ALL",
            "includeExecutionData": True,
            "destinations": [{"cloudWatchLogsLogGroup": destination}],
        },
    )["stateMachineArn"]
    given = json.dumps('"' * 120_000)  # a character of two bytes, which are escaped to four
    execution = workflows.api.start_execution(stateMachineArn=machine, input=given)["executionArn"]
    assert stack.ended(execution)["status"] == "SUCCEEDED"
    history = workflows.history(execution)
    entered = next(
        e["stateEnteredEventDetails"] for e in history if "stateEnteredEventDetails" in e
    )
    assert (entered["input"], entered["inputDetails"]) == (given, {"truncated": False})

    def events() -> dict[str, Any] | None:
        found = logs.filter_log_events(logGroupName=group)["events"]
        told = {(event := json.loads(line["message"]))["type"]: event for line in found}
        return told if "ExecutionSucceeded" in told else None

    told = until(events)
    details = told["PassStateEntered"]["details"]
    assert given.startswith(details["input"])
    assert len(details["input"]) < len(given)
    assert 247 * 1024 < len(json.dumps(details["input"])) <= 248 * 1024 + 2
    assert details["inputDetails"] == {"truncated": True}
    assert told["ExecutionSucceeded"]["details"]["outputDetails"] == {"truncated": False}


def test_a_failed_execution_is_redriven_from_where_it_failed(stack: Stack) -> None:
    client = stack.aws("stepfunctions")
    mark = uuid.uuid4().hex
    arn = client.create_state_machine(
        name=f"test-{mark}",
        roleArn="arn:aws:iam::000000000000:role/test",
        definition=json.dumps(fails_until_there(mark)),
    )["stateMachineArn"]
    execution = client.start_execution(stateMachineArn=arn, input='{"n": 1}')["executionArn"]
    first = stack.ended(execution)
    assert first["status"] == "FAILED"
    assert (first["redriveCount"], first["redriveStatus"]) == (0, "REDRIVABLE")
    stack.aws("dynamodb").put_item(
        TableName="causal-connections", Item={"connectionId": {"S": mark}}
    )
    client.redrive_execution(executionArn=execution)
    again = stack.ended(execution)
    assert again["status"] == "SUCCEEDED", again
    assert json.loads(again["output"]) == {"n": 1, "first": True}
    assert (again["redriveCount"], again["redriveStatus"]) == (1, "NOT_REDRIVABLE")
    assert "error" not in again
    events = client.get_execution_history(executionArn=execution)["events"]
    assert [event["id"] for event in events] == list(range(1, len(events) + 1))
    entered = [
        e["stateEnteredEventDetails"]["name"] for e in events if "stateEnteredEventDetails" in e
    ]
    assert entered == ["First", "Find"], "what had succeeded is not repeated"
    assert "ExecutionRedriven" in [event["type"] for event in events]
    with pytest.raises(client.exceptions.ExecutionNotRedrivable, match="SUCCEEDED"):
        client.redrive_execution(executionArn=execution)
    client.delete_state_machine(stateMachineArn=arn)


def test_a_pool_publishes_the_key_that_signs_its_tokens(stack: Stack) -> None:
    login = demo_login(stack.ports)
    base = f"{stack.ports.engine_url}/{login.pool_id}/.well-known"
    configuration = httpx.get(f"{base}/openid-configuration", trust_env=False).json()
    assert configuration["issuer"] == f"https://cognito-idp.{REGION}.amazonaws.com/{login.pool_id}"
    keys = httpx.get(configuration["jwks_uri"], trust_env=False).json()
    assert set(keys["keys"][0]) == {"kty", "n", "e", "kid", "alg", "use"}, "nothing private"
    token = log_in(login, stack.ports)
    key = jwt.PyJWKSet.from_dict(keys)[jwt.get_unverified_header(token)["kid"]]
    claims = jwt.decode(token, key, issuer=configuration["issuer"], options={"verify_aud": False})
    assert claims["token_use"] == "access"


def test_tokens_are_not_signed_with_the_key_that_moto_publishes(stack: Stack) -> None:
    header = jwt.get_unverified_header(stack.token())
    assert header["kid"] != "dummy"


def test_a_pool_that_is_not_there_has_no_keys(stack: Stack) -> None:
    url = f"{stack.ports.engine_url}/us-east-1_nobody/.well-known/jwks.json"
    assert httpx.get(url, trust_env=False).status_code == 404


def test_a_wrong_password_is_refused(stack: Stack) -> None:
    client = stack.aws("cognito-idp")
    login = demo_login(stack.ports)
    with pytest.raises(client.exceptions.NotAuthorizedException):
        client.initiate_auth(
            AuthFlow="USER_PASSWORD_AUTH",
            ClientId=login.client_id,
            AuthParameters={"USERNAME": login.username, "PASSWORD": "wrong"},
        )


def test_of_many_conditional_writes_at_once_one_wins(stack: Stack) -> None:
    client = stack.aws("dynamodb")
    key = {"connectionId": {"S": f"test-{uuid.uuid4()}"}}

    def write(number: int) -> bool:
        try:
            client.put_item(
                TableName="causal-connections",
                Item={**key, "n": {"N": str(number)}},
                ConditionExpression="attribute_not_exists(connectionId)",
            )
        except client.exceptions.ConditionalCheckFailedException:
            return False
        return True

    with concurrent.futures.ThreadPoolExecutor(16) as threads:
        won = sum(threads.map(write, range(64)))
    client.delete_item(TableName="causal-connections", Key=key)
    assert won == 1


@pytest.mark.embedded("in Docker it lies in a volume")
def test_the_signing_key_is_readable_by_its_owner_only(stack: Stack) -> None:
    if stack.home is None:
        pytest.skip("needs a stack that the tests started themselves")
    assert os.stat(stack.home.signing_key).st_mode & 0o777 == 0o600


def test_awslocal_posts_to_a_connection_through_the_engine(stack: Stack) -> None:
    async def run() -> None:
        async with stack.connect() as agent:
            async with httpx.AsyncClient(trust_env=False) as client:
                page = await client.get(f"{stack.ports.gateway_url}/_gateway/connections")
            opened = page.json()["connections"]
            identifier = max(opened, key=lambda c: str(c["connectedAt"]))["connectionId"]
            api = stack.aws("apigatewaymanagementapi")
            await asyncio.to_thread(
                api.post_to_connection, ConnectionId=identifier, Data=b'{"type": "hello"}'
            )
            assert (await agent.receive())["type"] == "hello"
            await asyncio.to_thread(api.delete_connection, ConnectionId=identifier)
            await agent.socket.wait_closed()
            with pytest.raises(api.exceptions.GoneException):
                await asyncio.to_thread(
                    api.post_to_connection, ConnectionId=identifier, Data=b"gone"
                )

    within(run())
