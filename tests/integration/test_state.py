"""What the services hold is there after the engine was killed, and after a stop and a start."""

from __future__ import annotations

import contextlib
import io
import json
import time
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from botocore.exceptions import BotoCoreError

from local_cloud import daemon, snapshots
from local_cloud.client import demo_login, log_in
from local_cloud.fork import fork
from local_cloud.make_mode import make_mode
from local_cloud.snapshot_diff import differences
from tests.conftest import mode_of, own_stack
from tests.stack import Stack, until
from tests.workflows import ROLE, Workflows

the_same_in_docker = pytest.mark.embedded("the same engine, in a process that starts sooner")

LARGE = b"large" * 100_000
CODE = "def handler(event, context):\n    return event\n"
STACK = {
    "Resources": {"Queue": {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": "of-stack"}}}
}


class Cloud:
    """A cloud that is stopped and started again in the same home."""

    def __init__(self, own: own_stack) -> None:
        self.own = own
        self.stack = own.__enter__()

    def killed(self) -> None:
        """Have the engine killed, and be back."""
        restarts = self.stack.state().restarts.get("engine", 0)
        self.stack.kill("engine")
        until(lambda: self.stack.state().restarts.get("engine", 0) > restarts, 60)

    def restarted(self) -> None:
        self.own.stop()
        self.stack = self.own.__enter__()


@pytest.fixture(scope="module")
def cloud(pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    own = own_stack(tmp_path_factory.mktemp("kept"), mode_of(pytestconfig))
    yield Cloud(own)
    own.__exit__()


def write(stack: Stack) -> dict[str, Any]:
    """Have every service hold something; return what only the service knows."""
    known: dict[str, Any] = {}
    s3, dynamodb, sqs, sns = (stack.aws(name) for name in ("s3", "dynamodb", "sqs", "sns"))
    s3.create_bucket(Bucket="kept")
    s3.put_bucket_versioning(Bucket="kept", VersioningConfiguration={"Status": "Enabled"})
    for content in (b"old", b"new"):
        s3.put_object(Bucket="kept", Key="small", Body=content, Metadata={"a": "b"})
    s3.put_object(Bucket="kept", Key="large", Body=LARGE)
    upload = s3.create_multipart_upload(Bucket="kept", Key="parts")["UploadId"]
    part = s3.upload_part(Bucket="kept", Key="parts", UploadId=upload, PartNumber=1, Body=b"one")
    known["upload"], known["etag"] = upload, part["ETag"]
    dynamodb.create_table(
        TableName="kept",
        KeySchema=[
            {"AttributeName": "id", "KeyType": "HASH"},
            {"AttributeName": "n", "KeyType": "RANGE"},
        ],
        AttributeDefinitions=[
            {"AttributeName": "id", "AttributeType": "S"},
            {"AttributeName": "n", "AttributeType": "N"},
        ],
        BillingMode="PAY_PER_REQUEST",
        StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"},
    )
    for number in range(20):
        dynamodb.put_item(
            TableName="kept", Item={"id": {"S": str(number % 3)}, "n": {"N": str(number)}}
        )
    dynamodb.update_item(
        TableName="kept",
        Key={"id": {"S": "0"}, "n": {"N": "0"}},
        UpdateExpression="SET m = :m",
        ExpressionAttributeValues={":m": {"M": {"l": {"L": [{"NULL": True}]}}}},
    )
    dynamodb.delete_item(TableName="kept", Key={"id": {"S": "1"}, "n": {"N": "1"}})
    known["queue"] = queue = sqs.create_queue(QueueName="kept")["QueueUrl"]
    sqs.send_message(QueueUrl=queue, MessageBody="waiting")
    known["fifo"] = sqs.create_queue(QueueName="kept.fifo", Attributes={"FifoQueue": "true"})[
        "QueueUrl"
    ]
    for body in ("first", "second"):
        sqs.send_message(
            QueueUrl=known["fifo"],
            MessageBody=body,
            MessageGroupId="g",
            MessageDeduplicationId=body,
        )
    known["topic"] = sns.create_topic(Name="kept")["TopicArn"]
    arn = "arn:aws:sqs:us-east-1:000000000000:kept"
    sns.subscribe(TopicArn=known["topic"], Protocol="sqs", Endpoint=arn)
    stack.aws("events").put_rule(Name="kept", EventPattern='{"source": ["test"]}')
    stack.aws("events").put_targets(Rule="kept", Targets=[{"Id": "1", "Arn": arn}])
    stack.aws("ssm").put_parameter(Name="/kept", Value="v", Type="SecureString")
    stack.aws("secretsmanager").create_secret(Name="kept", SecretString="s")
    stack.aws("iam").create_role(
        RoleName="kept", AssumeRolePolicyDocument='{"Version": "2012-10-17", "Statement": []}'
    )
    logs = stack.aws("logs")
    logs.create_log_group(logGroupName="kept")
    logs.create_log_stream(logGroupName="kept", logStreamName="s")
    line = {"timestamp": int(time.time() * 1000), "message": "a line"}
    logs.put_log_events(logGroupName="kept", logStreamName="s", logEvents=[line])
    stack.aws("cloudwatch").put_metric_alarm(
        AlarmName="kept",
        Namespace="test",
        MetricName="m",
        Statistic="Sum",
        Period=60,
        EvaluationPeriods=1,
        Threshold=1.0,
        ComparisonOperator="GreaterThanThreshold",
    )
    stack.aws("cloudformation").create_stack(StackName="kept", TemplateBody=json.dumps(STACK))
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("index.py", CODE)
    stack.aws("lambda").create_function(
        FunctionName="kept",
        Runtime="python3.13",
        Role=ROLE,
        Handler="index.handler",
        Code={"ZipFile": packed.getvalue()},
    )
    api = stack.aws("apigatewayv2").create_api(
        Name="kept", ProtocolType="WEBSOCKET", RouteSelectionExpression="$request.body.action"
    )
    known["api"] = api["ApiId"]
    workflows = Workflows(stack)
    known["ended"] = workflows.start({"Pass": {"Type": "Pass", "Result": 1, "End": True}})
    stack.ended(known["ended"])
    known["history"] = workflows.api.get_execution_history(executionArn=known["ended"])["events"]
    user = stack.new_user()
    signed_in = stack.aws("cognito-idp").initiate_auth(
        AuthFlow="USER_PASSWORD_AUTH",
        ClientId=user.client_id,
        AuthParameters={"USERNAME": user.username, "PASSWORD": user.password},
    )
    known["user"], known["tokens"] = user, signed_in["AuthenticationResult"]
    stack.aws("cloudformation").get_waiter("stack_create_complete").wait(
        StackName="kept", WaiterConfig={"Delay": 1}
    )
    stack.aws("lambda").get_waiter("function_active_v2").wait(
        FunctionName="kept", WaiterConfig={"Delay": 1}
    )
    return known


def stream_records(stack: Stack) -> int:
    streams = stack.aws("dynamodbstreams")
    arn = streams.list_streams(TableName="kept")["Streams"][0]["StreamArn"]
    (shard,) = streams.describe_stream(StreamArn=arn)["StreamDescription"]["Shards"]
    iterator = streams.get_shard_iterator(
        StreamArn=arn, ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON"
    )["ShardIterator"]
    return len(streams.get_records(ShardIterator=iterator)["Records"])


def looks(stack: Stack, known: dict[str, Any]) -> dict[str, Any]:
    """Return what each service answers now."""
    s3, dynamodb, sqs = (stack.aws(name) for name in ("s3", "dynamodb", "sqs"))
    cognito = stack.aws("cognito-idp")
    item = dynamodb.get_item(TableName="kept", Key={"id": {"S": "0"}, "n": {"N": "0"}})["Item"]
    fifo = sqs.receive_message(QueueUrl=known["fifo"], VisibilityTimeout=0)["Messages"]
    versions = s3.list_object_versions(Bucket="kept", Prefix="small")["Versions"]
    logs = stack.aws("logs").get_log_events(logGroupName="kept", logStreamName="s")["events"]
    stacks = stack.aws("cloudformation").describe_stacks(StackName="kept")["Stacks"]
    history = stack.aws("stepfunctions").get_execution_history(executionArn=known["ended"])
    targets = stack.aws("events").list_targets_by_rule(Rule="kept")["Targets"]
    apis = stack.aws("apigatewayv2").get_apis()["Items"]
    return {
        "object": s3.get_object(Bucket="kept", Key="small")["Body"].read(),
        "metadata": s3.head_object(Bucket="kept", Key="small")["Metadata"],
        "versions": [
            s3.get_object(Bucket="kept", Key="small", VersionId=v["VersionId"])["Body"].read()
            for v in versions
        ],
        "large": s3.get_object(Bucket="kept", Key="large")["Body"].read() == LARGE,
        "parts": [
            part["ETag"]
            for part in s3.list_parts(Bucket="kept", Key="parts", UploadId=known["upload"])["Parts"]
        ],
        "items": dynamodb.scan(TableName="kept")["Count"],
        "item": item,
        "stream": stream_records(stack),
        "messages": sqs.get_queue_attributes(
            QueueUrl=known["queue"], AttributeNames=["ApproximateNumberOfMessages"]
        )["Attributes"],
        "first of the fifo": fifo[0]["Body"],
        "subscriptions": len(
            stack.aws("sns").list_subscriptions_by_topic(TopicArn=known["topic"])["Subscriptions"]
        ),
        "targets": targets,
        "parameter": stack.aws("ssm").get_parameter(Name="/kept", WithDecryption=True)["Parameter"][
            "Value"
        ],
        "secret": stack.aws("secretsmanager").get_secret_value(SecretId="kept")["SecretString"],
        "role": stack.aws("iam").get_role(RoleName="kept")["Role"]["RoleName"],
        "lines": [event["message"] for event in logs],
        "alarms": [
            alarm["AlarmName"]
            for alarm in stack.aws("cloudwatch").describe_alarms()["MetricAlarms"]
        ],
        "stack": [(one["StackName"], one["StackStatus"]) for one in stacks],
        "queue of the stack": sqs.get_queue_url(QueueName="of-stack")["QueueUrl"].rsplit("/")[-1],
        "function": stack.aws("lambda")
        .invoke(FunctionName="kept", Payload=b'"called"')["Payload"]
        .read(),
        "apis": sorted(api["Name"] for api in apis if api["ApiId"] == known["api"]),
        "history": history["events"] == known["history"],
        "login": bool(log_in(known["user"], stack.ports)),
        "user": cognito.get_user(AccessToken=known["tokens"]["AccessToken"])["Username"],
        "refreshed": bool(
            cognito.get_tokens_from_refresh_token(
                ClientId=known["user"].client_id, RefreshToken=known["tokens"]["RefreshToken"]
            )
        ),
        "demo's login": bool(log_in(demo_login(stack.ports), stack.ports)),
    }


@pytest.fixture(scope="module")
def known(cloud: Cloud) -> dict[str, Any]:
    return write(cloud.stack)


@pytest.fixture(scope="module")
def before(cloud: Cloud, known: dict[str, Any]) -> dict[str, Any]:
    return looks(cloud.stack, known)


@pytest.mark.parametrize("gone", [Cloud.killed, Cloud.restarted], ids=["killed", "restarted"])
def test_every_service_holds_what_it_held(
    cloud: Cloud, known: dict[str, Any], before: dict[str, Any], gone: Callable[[Cloud], None]
) -> None:
    gone(cloud)
    assert until(lambda: try_to(lambda: looks(cloud.stack, known)), 60) == before


def test_a_snapshot_holds_what_every_service_does(
    cloud: Cloud,
    known: dict[str, Any],
    before: dict[str, Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    stack, home = cloud.stack, cloud.own.home
    monkeypatch.setenv("COMPOSE_PROJECT_NAME", cloud.own.project)
    mode = make_mode(stack.state().mode, stack.ports, home, stack.state().options)
    snapshots.save(mode, "all")
    snapshots.export(home, "all", tmp_path / "file")
    snapshots.delete(home, "all")
    snapshots.take(home, tmp_path / "file", "given")

    stack.aws("s3").delete_object(Bucket="kept", Key="small")
    stack.aws("sqs").create_queue(QueueName="later")
    different = list(differences(snapshots.held(home, "given"), snapshots.held_now(mode)))
    assert {"s3", "sqs"} <= {one.service for one in different}
    assert any("later" in " ".join(one.path) for one in different)

    snapshots.load(home, "given")
    daemon.begin_anew(home, stack.state())
    assert until(lambda: try_to(lambda: looks(stack, known)), 60) == before
    again = differences(snapshots.held(home, "given"), snapshots.held_now(mode))
    assert not any("later" in " ".join(one.path) for one in again)


@the_same_in_docker
def test_what_is_loaded_inert_runs_nothing_by_itself(
    cloud: Cloud, known: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stack, home = cloud.stack, cloud.own.home
    workflows, queues = Workflows(stack), stack.aws("sqs")
    queue = queues.create_queue(QueueName="polled")["QueueUrl"]
    arn = "arn:aws:sqs:us-east-1:000000000000:polled"
    mapping = stack.aws("lambda").create_event_source_mapping(
        FunctionName="kept", EventSourceArn=arn
    )["UUID"]
    stack.aws("events").put_rule(Name="enabled", EventPattern='{"source": ["test"]}')
    group = {"FlexibleTimeWindow": {"Mode": "OFF"}, "Name": "due"}
    target = {"Arn": arn, "RoleArn": ROLE}
    stack.aws("scheduler").create_schedule(
        ScheduleExpression="rate(1 hour)", Target=target, **group
    )
    waits = workflows.start({"Wait": {"Type": "Wait", "Seconds": 3600, "End": True}})
    until(lambda: "WaitStateEntered" in [event["type"] for event in workflows.history(waits)])

    monkeypatch.setenv("COMPOSE_PROJECT_NAME", cloud.own.project)
    mode = make_mode(stack.state().mode, stack.ports, home, stack.state().options)
    snapshots.save(mode, "running")
    snapshots.export(home, "running", tmp_path / "file")
    snapshots.take(home, tmp_path / "file", "theirs")
    runs = snapshots.runs(home, "theirs")
    assert "kept" in runs["functions"]
    assert runs["running executions"] == [waits.rpartition(":")[2]]
    assert runs["event source mappings"] == ["polled → kept"]
    assert "enabled" in runs["rules"]
    assert runs["schedules"] == ["due"]

    snapshots.load(home, "theirs", inert=True)
    daemon.begin_anew(home, stack.state())
    ended = until(lambda: try_to(lambda: stack.ended(waits, 60)), 60)
    assert (ended["status"], "--inert" in ended["cause"]) == ("ABORTED", True)
    assert workflows.history(waits)[-1]["type"] == "ExecutionAborted"
    found = stack.aws("lambda").get_event_source_mapping(UUID=mapping)
    assert found["State"] == "Disabled"
    assert stack.aws("events").describe_rule(Name="enabled")["State"] == "DISABLED"
    assert stack.aws("scheduler").get_schedule(Name="due")["State"] == "DISABLED"
    queues.send_message(QueueUrl=queue, MessageBody="left")
    answer = stack.aws("lambda").invoke(FunctionName="kept", Payload=b'"called"')
    assert answer["Payload"].read() == b'"called"', "what somebody asks for runs"
    cloud.killed()
    found = until(
        lambda: try_to(lambda: stack.aws("lambda").get_event_source_mapping(UUID=mapping)), 60
    )
    assert found["State"] == "Disabled", "and stays so"
    message = queues.receive_message(QueueUrl=queue, WaitTimeSeconds=5)["Messages"]
    assert [one["Body"] for one in message] == ["left"]


def try_to(look: Callable[[], Any]) -> Any:
    """Return what is seen, nothing while the engine is on its way back."""
    try:
        return look()
    except BotoCoreError:
        return None


def test_what_was_answered_before_a_kill_is_there(cloud: Cloud) -> None:
    table = cloud.stack.aws("dynamodb")
    bucket = cloud.stack.aws("s3")
    key, other = ({"id": {"S": "kill"}, "n": {"N": number}} for number in "12")

    def puts(**values: int) -> list[dict[str, Any]]:
        keys = {"one": key, "other": other}
        items = [{**keys[name], "v": {"N": str(value)}} for name, value in values.items()]
        return [{"Put": {"TableName": "kept", "Item": item}} for item in items]

    never = {
        "TableName": "kept",
        "Key": {**key, "n": {"N": "3"}},
        "ConditionExpression": "attribute_exists(id)",
    }
    for number in range(2):
        body = f"{number}".encode() * 1000
        table.put_item(TableName="kept", Item={**key, "v": {"N": str(number)}})
        table.transact_write_items(TransactItems=puts(other=number))
        with pytest.raises(table.exceptions.TransactionCanceledException):
            table.transact_write_items(
                TransactItems=[*puts(one=7, other=7), {"ConditionCheck": never}]
            )
        bucket.put_object(Bucket="kept", Key="kill", Body=body)
        cloud.killed()  # the moment that both were answered
        item = until(lambda: try_to(lambda: table.get_item(TableName="kept", Key=key)), 60)
        assert item["Item"]["v"] == {"N": str(number)}
        found = table.get_item(TableName="kept", Key=other)["Item"]
        assert found["v"] == {"N": str(number)}
        assert bucket.get_object(Bucket="kept", Key="kill")["Body"].read() == body


@the_same_in_docker
def test_a_token_that_was_handed_out_is_taken_after_a_kill(cloud: Cloud) -> None:
    stack = cloud.stack
    workflows, sqs = Workflows(stack), stack.aws("sqs")
    queue = sqs.create_queue(QueueName="tokens")["QueueUrl"]
    ask = {
        "Type": "Task",
        "Resource": "arn:aws:states:::sqs:sendMessage.waitForTaskToken",
        "Parameters": {"QueueUrl": queue, "MessageBody": {"token.$": "$$.Task.Token"}},
        "End": True,
    }
    execution = workflows.start({"Ask": ask})
    (message,) = sqs.receive_message(QueueUrl=queue, WaitTimeSeconds=5)["Messages"]
    cloud.killed()
    token = json.loads(message["Body"])["token"]
    answered = lambda: workflows.api.send_task_success(taskToken=token, output='"yes"')  # noqa: E731
    assert until(lambda: try_to(answered), 60)
    assert json.loads(stack.ended(execution, 60)["output"]) == "yes"


@the_same_in_docker
def test_an_execution_that_was_kept_can_be_played_on(cloud: Cloud, known: dict[str, Any]) -> None:
    events = Workflows(cloud.stack).history(known["ended"])
    entered = [e["stateEnteredEventDetails"] for e in events if "stateEnteredEventDetails" in e]
    made = fork(cloud.stack.ports, known["ended"], entered[-1]["name"])
    assert cloud.stack.ended(made)["status"] == "SUCCEEDED"


@the_same_in_docker
def test_a_wait_ends_when_it_would_have(cloud: Cloud) -> None:
    workflows = Workflows(cloud.stack)
    began = time.time()
    execution = workflows.start({"Wait": {"Type": "Wait", "Seconds": 20, "End": True}})
    cloud.restarted()
    back = time.time()
    ended = cloud.stack.ended(execution, 60)
    assert ended["status"] == "SUCCEEDED"
    assert began + 20 <= ended["stopDate"].timestamp() < max(began + 20, back) + 5


@the_same_in_docker
def test_branches_and_items_that_were_done_are_not_run_again(cloud: Cloud) -> None:
    workflows, sqs = Workflows(cloud.stack), cloud.stack.aws("sqs")
    queue = sqs.create_queue(QueueName="once")["QueueUrl"]
    send = {
        "Type": "Task",
        "Resource": "arn:aws:states:::sqs:sendMessage",
        "Parameters": {"QueueUrl": queue, "MessageBody.$": "States.Format('{}', $)"},
        "Next": "Wait",
    }
    wait = {"Type": "Wait", "Seconds": 6, "End": True}
    each = {
        "Type": "Map",
        "ItemsPath": "$.items",
        "ItemProcessor": {"StartAt": "Send", "States": {"Send": send, "Wait": wait}},
        "ResultPath": None,
        "End": True,
    }
    execution = workflows.start({"Each": each}, {"items": ["a", "b", "c"]})

    def waiting() -> bool:
        events = workflows.api.get_execution_history(executionArn=execution)["events"]
        return [event["type"] for event in events].count("WaitStateEntered") == 3

    until(waiting)
    # What an execution does by itself is written within a tenth of a second, and this is sooner.
    saving = f"{cloud.stack.ports.engine_url}/_state/save"
    assert httpx.post(saving, trust_env=False).status_code == 200
    cloud.killed()
    ended = until(lambda: try_to(lambda: cloud.stack.ended(execution, 60)), 60)
    assert ended["status"] == "SUCCEEDED"
    sent = []
    while found := sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages"):
        sent += [message["Body"] for message in found]
    assert sorted(sent) == ["a", "b", "c"], "each once"


@the_same_in_docker
def test_a_stack_that_the_engine_died_in_the_middle_of_has_failed(
    cloud: Cloud, known: dict[str, Any]
) -> None:
    api = cloud.stack.aws("cloudformation")
    # The function answers the call, and never the address that the stack waits at.
    token = "arn:aws:lambda:us-east-1:000000000000:function:kept"
    slow = {"Type": "Custom::Slow", "Properties": {"ServiceToken": token}}
    api.create_stack(StackName="slow", TemplateBody=json.dumps({"Resources": {"Slow": slow}}))

    def of_the_stack() -> Any:
        return api.describe_stacks(StackName="slow")["Stacks"][0]

    def waits() -> bool:
        events = api.describe_stack_events(StackName="slow")["StackEvents"]
        return "Slow" in [event["LogicalResourceId"] for event in events]

    until(waits)
    cloud.killed()
    found = until(lambda: try_to(of_the_stack), 60)
    assert found["StackStatus"] == "CREATE_FAILED"
    assert "stopped in the middle" in found["StackStatusReason"]
    api.delete_stack(StackName="slow")


@the_same_in_docker
def test_a_rest_api_is_there_as_soon_as_the_engine_is(cloud: Cloud) -> None:
    api = cloud.stack.aws("apigateway")
    made = api.create_rest_api(name="kept")["id"]
    root = api.get_resources(restApiId=made)["items"][0]["id"]
    method = {"restApiId": made, "resourceId": root, "httpMethod": "GET"}
    api.put_method(**method, authorizationType="NONE")
    api.put_method_response(**method, statusCode="200")
    templates = {"application/json": '{"statusCode": 200}'}
    api.put_integration(**method, type="MOCK", requestTemplates=templates)
    api.put_integration_response(**method, statusCode="200")
    api.create_deployment(restApiId=made, stageName="dev")
    url = f"{cloud.stack.ports.engine_url}/_aws/execute-api/{made}/dev/"
    assert httpx.get(url, trust_env=False).status_code == 200
    cloud.stack.kill("engine")
    with contextlib.suppress(httpx.TransportError):
        until(lambda: httpx.get(url, trust_env=False).status_code != 200, 10)  # it has died

    def first() -> int | None:
        with contextlib.suppress(httpx.TransportError):
            return httpx.get(url, trust_env=False, timeout=60).status_code
        return None

    assert until(first, 60) == 200


@the_same_in_docker
def test_an_execution_that_has_not_gone_on_yet_can_be_stopped(cloud: Cloud) -> None:
    workflows = Workflows(cloud.stack)
    execution = workflows.start({"Wait": {"Type": "Wait", "Seconds": 600, "End": True}})
    until(lambda: "WaitStateEntered" in {e["type"] for e in workflows.history(execution)})
    cloud.killed()
    # The moment that it answers: what is asked of the supervisor comes later.
    assert until(lambda: try_to(lambda: workflows.api.stop_execution(executionArn=execution)), 60)
    assert cloud.stack.ended(execution)["status"] == "ABORTED"
    assert workflows.history(execution)[-1]["type"] == "ExecutionAborted"
