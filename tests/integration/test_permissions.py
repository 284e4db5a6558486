"""A function may do what its role allows: refused where that is enforced, noted where not."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import uuid
import zipfile
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from local_cloud.installation import PROJECT, Options, Permissions
from local_cloud.trace_store import TraceStore
from tests.conftest import own_stack
from tests.stack import Stack, until

pytestmark = pytest.mark.embedded("the same engine judges in Docker, and the shared stack enforces")

CODE = """
import boto3
import botocore.exceptions

def handler(event, context):
    calls = {
        "read": lambda: boto3.client("dynamodb").scan(TableName="causal-analyses"),
        "put": lambda: boto3.client("s3").put_object(Bucket="causal-results", Key="k", Body=b"x"),
        "send": lambda: boto3.client("sqs").send_message(QueueUrl=event["queue"], MessageBody="m"),
        "encrypt": lambda: boto3.client("kms").encrypt(KeyId=event["key"], Plaintext=b"x"),
        "who": lambda: boto3.client("sts").get_caller_identity(),
        "url": lambda: boto3.client("s3").generate_presigned_url(
            "get_object", Params={"Bucket": "causal-datasets", "Key": "shared/nsw.json"}
        ),
    }
    try:
        answer = calls[event["do"]]()
    except botocore.exceptions.ClientError as error:
        told = error.response
        return {
            "code": told["Error"]["Code"],
            "words": told["Error"]["Message"],
            "status": told["ResponseMetadata"]["HTTPStatusCode"],
        }
    return {"code": None, "answer": answer if isinstance(answer, str) else None}
"""
TRUST = '{"Version": "2012-10-17", "Statement": []}'


class Made:
    """A function with a role of its own."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self.name = f"judged-{uuid.uuid4().hex[:10]}"
        self.iam = stack.aws("iam")
        role = self.iam.create_role(RoleName=self.name, AssumeRolePolicyDocument=TRUST)
        self.role = role["Role"]["Arn"]
        self.queue = stack.aws("sqs").create_queue(QueueName=self.name)["QueueUrl"]
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w") as archive:
            archive.writestr("index.py", CODE)
        api = stack.aws("lambda")
        api.create_function(
            FunctionName=self.name,
            Runtime="python3.13",
            Handler="index.handler",
            Role=self.role,
            Code={"ZipFile": packed.getvalue()},
            Timeout=30,
        )
        api.get_waiter("function_active_v2").wait(FunctionName=self.name)

    def allow(self, *statements: dict[str, Any]) -> None:
        document = json.dumps({"Version": "2012-10-17", "Statement": list(statements)})
        self.iam.put_role_policy(RoleName=self.name, PolicyName="own", PolicyDocument=document)

    def does(self, what: str, **more: str) -> dict[str, Any]:
        event = json.dumps({"do": what, "queue": self.queue, **more})
        answer = self.stack.aws("lambda").invoke(FunctionName=self.name, Payload=event)
        told: dict[str, Any] = json.loads(answer["Payload"].read())
        return told


@pytest.fixture(scope="module")
def made(stack: Stack) -> Made:
    """A function of the shared stack, where permissions are enforced."""
    if stack.home is None:
        pytest.skip("needs a stack that the tests started themselves")
    return Made(stack)


@pytest.mark.parametrize(
    ("what", "code", "status"),
    [("read", "AccessDeniedException", 400), ("put", "AccessDenied", 403)],
)
def test_what_no_policy_allows_is_refused_in_awss_words(
    made: Made, what: str, code: str, status: int
) -> None:
    refused = made.does(what)
    assert (refused["code"], refused["status"]) == (code, status)
    assert refused["words"].startswith(
        f"User: arn:aws:sts::000000000000:assumed-role/{made.name}/{made.name} "
        "is not authorized to perform: "
    )
    assert "because no identity-based policy allows the " in refused["words"]


def test_what_anybody_may_is_never_refused(made: Made) -> None:
    assert made.does("who")["code"] is None


def test_a_policy_counts_as_soon_as_it_is_there_and_a_deny_more(made: Made) -> None:
    everything = {"Effect": "Allow", "Action": "sqs:*", "Resource": "*"}
    assert made.does("send")["code"] is not None
    made.allow(everything)
    assert made.does("send")["code"] is None
    made.allow(everything, {"Effect": "Deny", "Action": "sqs:SendMessage", "Resource": "*"})
    assert "with an explicit deny" in made.does("send")["words"]


def policy(principal: str, action: str) -> str:
    """Return a resource's policy that allows this."""
    statement = {"Effect": "Allow", "Principal": {"AWS": principal}, "Action": action}
    return json.dumps({"Version": "2012-10-17", "Statement": [{**statement, "Resource": "*"}]})


def test_a_queues_own_policy_can_allow_what_no_policy_of_the_role_does(made: Made) -> None:
    made.allow({"Effect": "Allow", "Action": "sqs:ListQueues", "Resource": "*"})
    assert made.does("send")["code"] is not None
    queues = made.stack.aws("sqs")

    def put(document: str) -> None:
        queues.set_queue_attributes(QueueUrl=made.queue, Attributes={"Policy": document})

    put(policy(made.role, "sqs:SendMessage"))
    assert made.does("send")["code"] is None
    put("")
    assert made.does("send")["code"] is not None


def test_a_role_may_use_a_key_where_the_keys_policy_lets_its_account(made: Made) -> None:
    keys, alias = made.stack.aws("kms"), f"alias/{made.name}"
    root = "arn:aws:iam::000000000000:root"
    own = policy("arn:aws:iam::000000000000:role/somebody", "kms:*")
    key = keys.create_key(Policy=own)["KeyMetadata"]
    keys.create_alias(AliasName=alias, TargetKeyId=key["KeyId"])
    made.allow({"Effect": "Allow", "Action": "kms:Encrypt", "Resource": key["Arn"]})
    refused = made.does("encrypt", key=alias)
    assert "because no resource-based policy allows the kms:Encrypt action" in refused["words"]
    assert key["Arn"] in refused["words"]
    keys.put_key_policy(KeyId=key["KeyId"], PolicyName="default", Policy=policy(root, "kms:*"))
    assert made.does("encrypt", key=alias)["code"] is None


def test_a_boundary_is_named_where_it_is_what_refuses(made: Made) -> None:
    document = {"Statement": {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}}
    boundary = made.iam.create_policy(
        PolicyName=f"{made.name}-boundary",
        PolicyDocument=json.dumps({"Version": "2012-10-17", **document}),
    )["Policy"]["Arn"]
    made.allow({"Effect": "Allow", "Action": "sqs:*", "Resource": "*"})
    made.iam.put_role_permissions_boundary(RoleName=made.name, PermissionsBoundary=boundary)
    refused = made.does("send")
    assert "because no permissions boundary allows the sqs:" in refused["words"]
    made.iam.delete_role_permissions_boundary(RoleName=made.name)
    assert made.does("send")["code"] is None


def test_a_url_that_a_function_has_signed_may_what_its_role_may(made: Made) -> None:
    def status() -> int:
        return httpx.get(made.does("url")["answer"], trust_env=False).status_code

    made.allow({"Effect": "Allow", "Action": "s3:PutObject", "Resource": "*"})
    assert status() == 403
    made.allow({"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"})
    assert status() == 200


def test_the_command_names_what_is_missing_and_the_least_policy(made: Made) -> None:
    assert made.stack.home is not None
    made.does("read")
    told = json.loads(
        subprocess.run(
            [sys.executable, "-m", "local_cloud", "permissions", made.name, "--json"],
            cwd=PROJECT,
            env={**os.environ, "LOCAL_CLOUD_HOME": str(made.stack.home.path)},
            capture_output=True,
            text=True,
            check=True,
            timeout=60,
        ).stdout
    )
    assert told["mode"] == "enforce"
    (report,) = told["functions"]
    table = "arn:aws:dynamodb:us-east-1:000000000000:table/causal-analyses"
    missing = {(one["action"], one["resource"]) for one in report["missing"]}
    assert ("dynamodb:Scan", table) in missing
    allows = {"Effect": "Allow", "Action": ["dynamodb:Scan"], "Resource": [table]}
    assert allows in report["least"]


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Made]:
    options = Options(permissions=Permissions.WATCH.value)
    with own_stack(tmp_path_factory.mktemp("watched"), options=options) as started:
        yield Made(started)


def test_where_nothing_is_enforced_a_call_goes_through_and_is_marked(watched: Made) -> None:
    assert watched.does("read")["code"] is None
    home = watched.stack.home
    assert home is not None

    def denied() -> dict[str, Any] | None:
        spans = (s for t in TraceStore(home.traces).latest(50) for s in t.spans.values())
        return next((span for span in spans if span.get("caller") == watched.name), None)

    look: Callable[[], dict[str, Any] | None] = denied
    span = until(look)
    assert span["name"] == "dynamodb.Scan"
    assert "is not authorized to perform: dynamodb:Scan" in span["denied"]
    assert span["status"] == 200
    assert "AWS would have denied this" in home.log("engine").read_text()
