"""A signature that is given holds what it says: for S3's presigned URLs and forms, and URLs of
functions that want one."""

from __future__ import annotations

import io
import json
import uuid
import zipfile
from collections.abc import Iterator
from typing import Any

import boto3
import httpx
import pytest
from botocore import UNSIGNED
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials
from botocore.exceptions import ClientError

from tests.stack import Stack, until

pytestmark = pytest.mark.embedded("the same engine verifies in Docker")

REGION = "us-east-1"
HTTP = httpx.Client(trust_env=False, timeout=30)


@pytest.fixture(scope="module")
def bucket(stack: Stack) -> Iterator[str]:
    s3, name = stack.aws("s3"), f"signed-{uuid.uuid4().hex[:12]}"
    s3.create_bucket(Bucket=name)
    s3.put_object(Bucket=name, Key="a", Body=b"content")
    s3.put_object(Bucket=name, Key="b", Body=b"other")
    yield name
    for found in s3.list_objects_v2(Bucket=name)["Contents"]:
        s3.delete_object(Bucket=name, Key=found["Key"])
    s3.delete_bucket(Bucket=name)


def client(stack: Stack, version: Any, key: str = "test", secret: str = "test") -> Any:
    return boto3.client(
        "s3",
        endpoint_url=stack.ports.engine_url,
        region_name=REGION,
        aws_access_key_id=key,
        aws_secret_access_key=secret,
        config=Config(signature_version=version, s3={"addressing_style": "path"}),
    )


def url(of: Any, bucket: str, seconds: int = 60) -> str:
    address: str = of.generate_presigned_url(
        "get_object", {"Bucket": bucket, "Key": "a"}, ExpiresIn=seconds
    )
    return address


def code(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.text.partition("<Code>")[2].partition("</Code>")[0]


@pytest.mark.parametrize("version", ["s3", "s3v4"])
def test_a_presigned_url_opens_its_object_alone_and_for_its_time(
    stack: Stack, bucket: str, version: str
) -> None:
    s3 = client(stack, version)
    address = url(s3, bucket)
    assert HTTP.get(address).text == "content"
    assert code(HTTP.get(address.replace("/a?", "/b?"))) == (403, "SignatureDoesNotMatch")
    assert code(HTTP.put(address, content=b"x")) == (403, "SignatureDoesNotMatch")
    short = url(s3, bucket, 1)
    until(lambda: "Request has expired" in HTTP.get(short).text)
    assert code(HTTP.get(short)) == (403, "AccessDenied")


@pytest.mark.parametrize("version", ["s3", "s3v4"])
def test_a_presigned_url_of_a_guessed_secret_opens_nothing(
    stack: Stack, bucket: str, version: str
) -> None:
    guessed = url(client(stack, version, "test", "guessed"), bucket)
    assert code(HTTP.get(guessed)) == (403, "SignatureDoesNotMatch")


def test_a_users_key_signs_until_it_is_deleted(stack: Stack, bucket: str) -> None:
    iam, name = stack.aws("iam"), f"signer-{uuid.uuid4().hex[:8]}"
    iam.create_user(UserName=name)
    key = iam.create_access_key(UserName=name)["AccessKey"]
    address = url(client(stack, "s3v4", key["AccessKeyId"], key["SecretAccessKey"]), bucket)
    assert HTTP.get(address).text == "content"
    guessed = url(client(stack, "s3v4", key["AccessKeyId"], "test"), bucket)
    assert code(HTTP.get(guessed)) == (403, "SignatureDoesNotMatch")
    iam.delete_access_key(UserName=name, AccessKeyId=key["AccessKeyId"])
    assert HTTP.get(address).status_code == 403


def test_a_key_that_nobody_made_signs_with_the_secret_that_localstack_documents(
    stack: Stack, bucket: str
) -> None:
    assert HTTP.get(url(client(stack, "s3v4", "000000000001", "test"), bucket)).status_code != 403
    unknown = url(client(stack, "s3v4", "foo", "bar"), bucket)
    assert code(HTTP.get(unknown)) == (403, "SignatureDoesNotMatch")


@pytest.mark.parametrize("version", ["s3", "s3v4"])
def test_a_presigned_form_takes_what_was_signed(stack: Stack, bucket: str, version: str) -> None:
    form = client(stack, version).generate_presigned_post(bucket, "form")

    def post(**changed: str) -> httpx.Response:
        return HTTP.post(form["url"], data=form["fields"] | changed, files={"file": b"x"})

    assert post().status_code == 204
    other = client(stack, version).generate_presigned_post(bucket, "another")["fields"]
    tampered = post(key="another", policy=other["policy"].replace("=", "") + "==")
    assert tampered.status_code in (400, 403)
    swapped = client(stack, version, "test", "guessed").generate_presigned_post(bucket, "form")
    answer = HTTP.post(swapped["url"], data=swapped["fields"], files={"file": b"x"})
    assert code(answer) == (403, "SignatureDoesNotMatch")


@pytest.mark.parametrize("key", ["test", "AKIANOBODY", None])
def test_the_engines_apis_answer_whatever_a_calls_header_is_signed_with(
    stack: Stack, bucket: str, key: str | None
) -> None:
    version = "s3v4" if key else UNSIGNED
    s3 = client(stack, version, key or "test", "guessed")
    assert s3.get_object(Bucket=bucket, Key="a")["Body"].read() == b"content"


def test_a_users_calls_are_signed_with_the_users_own_secret(stack: Stack, bucket: str) -> None:
    iam, name = stack.aws("iam"), f"caller-{uuid.uuid4().hex[:8]}"
    iam.create_user(UserName=name)
    key = iam.create_access_key(UserName=name)["AccessKey"]

    def of(service: Any, secret: str) -> Any:
        return boto3.client(
            service,
            endpoint_url=stack.ports.engine_url,
            region_name=REGION,
            aws_access_key_id=key["AccessKeyId"],
            aws_secret_access_key=secret,
        )

    own = key["SecretAccessKey"]
    strange = "a b/../c//d+e'(ü)*~"
    s3 = of("s3", own)
    s3.put_object(Bucket=bucket, Key=strange, Body=b"x" * 70_000, Metadata={"m": " two  spaces "})
    assert s3.get_object(Bucket=bucket, Key=strange)["Body"].read() == b"x" * 70_000
    s3.list_objects_v2(Bucket=bucket, Prefix="a b", Delimiter="/")
    of("dynamodb", own).list_tables()
    of("sqs", own).list_queues()
    of("iam", own).list_users(MaxItems=1)
    template = {"Resources": {"T": {"Type": "AWS::SNS::Topic"}}, "Description": "a b+c/~*'(ü)"}
    of("cloudformation", own).validate_template(TemplateBody=json.dumps(template))
    of("lambda", own).list_functions()
    of("logs", own).describe_log_groups(logGroupNamePrefix="/aws/ü")
    wanted = {
        "dynamodb": ("list_tables", "InvalidSignatureException"),
        "iam": ("list_users", "SignatureDoesNotMatch"),
        "cloudformation": ("list_stacks", "SignatureDoesNotMatch"),
        "s3": ("list_buckets", "SignatureDoesNotMatch"),
        "lambda": ("list_functions", "InvalidSignatureException"),
    }
    for service, (operation, error) in wanted.items():
        with pytest.raises(ClientError, match=error):
            getattr(of(service, "guessed"), operation)()
    iam.update_access_key(UserName=name, AccessKeyId=key["AccessKeyId"], Status="Inactive")
    with pytest.raises(ClientError, match="UnrecognizedClientException"):
        of("dynamodb", own).list_tables()


def test_a_sessions_calls_are_signed_with_its_secret(stack: Stack) -> None:
    session = stack.aws("sts").get_session_token()["Credentials"]

    def of(secret: str) -> Any:
        return boto3.client(
            "dynamodb",
            endpoint_url=stack.ports.engine_url,
            region_name=REGION,
            aws_access_key_id=session["AccessKeyId"],
            aws_secret_access_key=secret,
            aws_session_token=session["SessionToken"],
        )

    of(session["SecretAccessKey"]).list_tables()
    with pytest.raises(ClientError, match="InvalidSignatureException"):
        of("guessed").list_tables()


CODE = """
import boto3, json, os

def handler(event, context):
    if "presign" in event:
        return boto3.client("s3").generate_presigned_url(
            "get_object", Params={"Bucket": event["presign"], "Key": "a"})
    return {"statusCode": 200, "body": json.dumps(event["requestContext"].get("authorizer"))}
"""


@pytest.fixture(scope="module")
def function(stack: Stack) -> str:
    name = f"signed-{uuid.uuid4().hex[:10]}"
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("index.py", CODE)
    api = stack.aws("lambda")
    role = stack.aws("iam").create_role(RoleName=name, AssumeRolePolicyDocument="{}")["Role"]
    statement = {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}
    stack.aws("iam").put_role_policy(
        RoleName=name,
        PolicyName="own",
        PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [statement]}),
    )
    api.create_function(
        FunctionName=name,
        Runtime="python3.13",
        Handler="index.handler",
        Role=role["Arn"],
        Code={"ZipFile": packed.getvalue()},
        Timeout=20,
    )
    api.get_waiter("function_active_v2").wait(FunctionName=name)
    return name


def test_what_a_function_presigns_is_opened(stack: Stack, bucket: str, function: str) -> None:
    answer = stack.aws("lambda").invoke(
        FunctionName=function, Payload=json.dumps({"presign": bucket})
    )
    assert HTTP.get(json.loads(answer["Payload"].read())).text == "content"


@pytest.mark.parametrize("mode", ["BUFFERED", "RESPONSE_STREAM"])
def test_a_functions_url_that_wants_a_signature_runs_nothing_without(
    stack: Stack, function: str, mode: str
) -> None:
    api = stack.aws("lambda")
    address = api.create_function_url_config(
        FunctionName=function, AuthType="AWS_IAM", InvokeMode=mode
    )["FunctionUrl"]
    host = httpx.URL(address).netloc.decode()

    def get(key: str | None, secret: str = "test", path: str = "/") -> httpx.Response:
        request = AWSRequest("GET", f"http://{host}{path}", headers={"Host": host})
        if key is not None:
            SigV4Auth(Credentials(key, secret), "lambda", REGION).add_auth(request)
        return HTTP.get(f"{stack.ports.engine_url}/", headers=dict(request.headers))

    try:
        unsigned = get(None)
        assert (unsigned.status_code, unsigned.json()) == (403, {"Message": "Forbidden"})
        assert get("test", "guessed").status_code == 403
        assert get("AKIANOBODY").status_code == 403
        assert get("test", path="/elsewhere").status_code == 403
        caller = get("test")
        assert caller.status_code == 200, caller.text
        assert "arn:aws:iam::000000000000:root" in caller.text
    finally:
        api.delete_function_url_config(FunctionName=function)
