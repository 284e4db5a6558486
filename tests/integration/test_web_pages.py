"""What a page at another origin, and a name that was rebound, can do on the four ports: nothing."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

import boto3
import httpx
import pytest
from botocore import UNSIGNED
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials

from tests.conftest import ALLOWED_ORIGIN
from tests.integration.raw_socket import RawSocket, handshake
from tests.stack import Stack

EVIL = "http://evil.example"
SIGNED = "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/{}/aws4_request, Signature=0"
BROWSER = {"User-Agent": "Mozilla/5.0", "Accept-Language": "en"}
REBOUND = {"Host": "evil.example"}
#: What a browser adds to a request that it makes for another site's page.
OTHER_SITE = {"Origin": EVIL, "Sec-Fetch-Site": "cross-site"}

embedded = pytest.mark.embedded("SAM's own server listens on 3001")


@pytest.fixture
def bucket(stack: Stack) -> Iterator[str]:
    name = f"pages-{uuid.uuid4().hex[:12]}"
    s3 = stack.aws("s3")
    s3.create_bucket(Bucket=name)
    s3.put_object(Bucket=name, Key="kept", Body=b"mine")
    yield name
    s3.delete_object(Bucket=name, Key="kept")
    s3.delete_bucket(Bucket=name)


def status(method: str, url: str, headers: dict[str, str], content: str = "") -> int:
    answer = httpx.request(method, url, headers=headers, content=content, trust_env=False)
    return answer.status_code


@pytest.mark.parametrize("page", [REBOUND, REBOUND | {"Origin": EVIL}, OTHER_SITE])
def test_no_page_makes_an_api_on_the_gateway(stack: Stack, page: dict[str, str]) -> None:
    url = f"{stack.ports.gateway_url}/v2/apis"
    headers = {"Authorization": SIGNED.format("apigateway"), **page}
    body = '{"name": "x", "protocolType": "WEBSOCKET", "routeSelectionExpression": "$x"}'
    assert status("POST", url, headers, body) == 403
    assert status("GET", url, headers) == 403
    assert status("GET", url, {"Authorization": SIGNED.format("apigateway")}) == 200


@pytest.mark.parametrize("page", [REBOUND, OTHER_SITE])
def test_no_page_posts_to_a_connection_or_sees_one(stack: Stack, page: dict[str, str]) -> None:
    signed = {"Authorization": SIGNED.format("execute-api")}
    url = f"{stack.ports.gateway_url}/dev/@connections/WyHPAfymhcwCENw%3D"
    assert status("POST", url, signed | page, "hello") == 403
    request = AWSRequest("POST", url, data="hello")
    SigV4Auth(Credentials("test", "test"), "execute-api", "us-east-1").add_auth(request)
    by_sdk = dict(request.headers.items())
    assert status("POST", url, by_sdk, "hello") == 410, "an SDK is answered"
    for path in ("connections", "messages", "metrics", "health"):
        assert status("GET", f"{stack.ports.gateway_url}/_gateway/{path}", page) == 403


def test_a_websocket_is_for_programs_and_pages_of_this_machine(stack: Stack) -> None:
    lines = {
        "rebound": "Host: evil.example",
        "other": f"Host: localhost\r\nOrigin: {EVIL}",
        "sandboxed": "Host: localhost\r\nOrigin: null",
        "page": "Host: localhost\r\nOrigin: http://localhost:3000",
        "program": "Host: localhost",
    }
    answered = {}
    for name, line in lines.items():
        with RawSocket(stack.ports.gateway) as socket:
            request = handshake().decode().replace("Host: localhost", line)
            socket.send(request.encode())
            answered[name] = socket.head().split()[1]
    # The agent's $connect asks for a token; who got 401 was heard by it.
    refused, heard = dict.fromkeys(["rebound", "other", "sandboxed"], "403"), "401"
    assert answered == {**refused, "page": heard, "program": heard}


@embedded
@pytest.mark.parametrize("page", [REBOUND, OTHER_SITE, {"Origin": "null"}])
def test_no_page_runs_a_function_or_reads_its_environment(
    stack: Stack, page: dict[str, str]
) -> None:
    functions = f"{stack.ports.functions_url}/2015-03-31/functions"
    assert status("POST", f"{functions}/websocket-handler/invocations", page, "{}") == 403
    assert status("GET", f"{functions}/websocket-handler", page) == 403
    assert status("GET", f"{functions}/websocket-handler", {}) == 200


CALLS = [
    ("GET", "/?Action=CreateUser&UserName=evil&Version=2010-05-08", {}),
    ("GET", "/2015-03-31/functions", {"Authorization": SIGNED.format("lambda")}),
    ("GET", "/_localstack/health", {}),
    ("POST", "/_localstack/health", {}),
    (
        "POST",
        "/",
        {
            "Authorization": SIGNED.format("dynamodb"),
            "X-Amz-Target": "DynamoDB_20120810.ListTables",
        },
    ),
]


@pytest.mark.parametrize(("method", "path", "headers"), CALLS)
def test_a_rebound_name_gets_nothing_from_the_engine(
    stack: Stack, method: str, path: str, headers: dict[str, str]
) -> None:
    url = stack.ports.engine_url + path
    assert status(method, url, headers | REBOUND, "{}" if method == "POST" else "") == 403


@pytest.mark.parametrize(
    ("method", "path", "headers"),
    [
        ("GET", CALLS[0][1], {"Sec-Fetch-Site": "cross-site"}),  # an image's address
        ("GET", CALLS[0][1], {"Sec-Fetch-Site": "same-site"}),
        ("POST", "/_localstack/health", {"Origin": EVIL}),
        ("POST", "/_localstack/health", {"Origin": "https://app.localstack.cloud"}),
        ("POST", "/", CALLS[4][2] | {"Origin": EVIL}),
        ("POST", "/", CALLS[4][2] | {"Origin": "https://app.localstack.cloud"}),
        ("POST", "/", CALLS[4][2] | {"Origin": "null"}),
    ],
)
def test_a_page_at_another_origin_calls_nothing_on_the_engine(
    stack: Stack, method: str, path: str, headers: dict[str, str]
) -> None:
    url = stack.ports.engine_url + path
    assert status(method, url, headers, "{}" if method == "POST" else "") == 403


def test_a_page_whose_origin_is_named_may_send_what_sdks_send_to_sqs(stack: Stack) -> None:
    headers = {"Origin": ALLOWED_ORIGIN, "Access-Control-Request-Method": "POST"}
    answer = httpx.options(stack.ports.engine_url, headers=headers, trust_env=False)
    assert "x-amzn-query-mode" in answer.headers["Access-Control-Allow-Headers"]


@pytest.mark.parametrize("method", ["OPTIONS", "POST"])
def test_a_page_that_is_refused_is_told_what_would_let_it_in(stack: Stack, method: str) -> None:
    headers = {"Origin": "http://localhost:3000", "X-Amz-Target": "DynamoDB_20120810.ListTables"}
    answer = httpx.request(method, stack.ports.engine_url, headers=headers, trust_env=False)
    assert answer.status_code == 403
    assert "EXTRA_CORS_ALLOWED_ORIGINS" in answer.json()["message"]


def test_a_page_at_another_origin_changes_no_bucket_unless_its_rules_say_so(
    stack: Stack, bucket: str
) -> None:
    url = f"{stack.ports.engine_url}/{bucket}"
    delete = "<Delete><Object><Key>kept</Key></Object></Delete>"
    assert status("POST", f"{url}?delete", {"Origin": EVIL}, delete) == 403
    assert status("GET", f"{url}/kept", {"Origin": EVIL}) == 403
    assert status("GET", f"{url}/kept", REBOUND) == 403
    assert status("GET", f"{url}/kept", {}) == 200, "it is still there"
    rule = {"AllowedOrigins": ["http://localhost:3000"], "AllowedMethods": ["GET", "PUT"]}
    stack.aws("s3").put_bucket_cors(Bucket=bucket, CORSConfiguration={"CORSRules": [rule]})
    assert status("GET", f"{url}/kept", {"Origin": "http://localhost:3000"}) == 200
    assert status("GET", f"{url}/kept", {"Origin": EVIL}) == 403


def test_clients_in_other_places_reach_the_engine_by_its_names(stack: Stack) -> None:
    for host in ("localhost.localstack.cloud:4566", "x.s3.localhost.localstack.cloud", "127.0.0.1"):
        assert status("GET", f"{stack.ports.engine_url}/_localstack/health", {"Host": host}) == 200


@pytest.mark.parametrize("page", [REBOUND, OTHER_SITE])
def test_no_page_starts_anything_on_the_console(stack: Stack, page: dict[str, str]) -> None:
    url = stack.ports.console_url
    target = {"X-Amz-Target": "AWSStepFunctions.ListStateMachines", **page}
    assert status("POST", url, target, "{}") == 403
    call = f"{url}/api/aws/stepfunctions/list_state_machines"
    assert status("POST", call, {"X-Console": "1", **page}, "{}") == 403


def test_a_rebound_name_sees_no_page_of_the_console(stack: Stack) -> None:
    assert status("GET", stack.ports.console_url, REBOUND) == 403
    assert status("GET", stack.ports.console_url, {"Sec-Fetch-Site": "cross-site"}) == 200, (
        "a link may lead to it"
    )


def test_programs_that_sign_nothing_call_what_is_meant_for_them(stack: Stack) -> None:
    """Signing in by web identity, a link of SNS, a presigned call, each as SDKs and people send."""
    unsigned = boto3.client(
        "sts",
        endpoint_url=stack.ports.engine_url,
        region_name="us-east-1",
        config=Config(signature_version=UNSIGNED),
    )
    answer = unsigned.assume_role_with_web_identity(
        RoleArn="arn:aws:iam::000000000000:role/web",
        RoleSessionName="somebody",
        WebIdentityToken="a.b.c",
    )
    assert answer["Credentials"]["AccessKeyId"]

    presigned = stack.aws("sts").generate_presigned_url("get_caller_identity")
    assert status("GET", presigned, {}) == 200
    assert status("GET", presigned, BROWSER) == 403

    sns = stack.aws("sns")
    topic = sns.create_topic(Name=f"links-{uuid.uuid4().hex[:8]}")["TopicArn"]
    subscription = sns.subscribe(
        TopicArn=topic,
        Protocol="http",
        Endpoint="http://localhost:1/nobody",
        ReturnSubscriptionArn=True,
    )["SubscriptionArn"]
    tokens = f"{stack.ports.engine_url}/_aws/sns/subscription-tokens/{subscription}"
    token = httpx.get(tokens, trust_env=False).json()["subscription_token"]
    link = f"{stack.ports.engine_url}/?Action=ConfirmSubscription&TopicArn={topic}&Token={token}"
    assert status("GET", link, BROWSER) == 403
    assert status("GET", link, {}) == 200
    sns.delete_topic(TopicArn=topic)


@pytest.mark.parametrize("form", ["query", "form", "multipart", "text"])
def test_a_call_in_a_query_or_a_form_is_not_served_unsigned(stack: Stack, form: str) -> None:
    called = {"Action": "CreateQueue", "QueueName": f"unsigned-{form}", "Version": "2012-11-05"}
    url = f"{stack.ports.engine_url}/"
    ways: dict[str, Any] = {
        "query": {"params": called},
        "form": {"data": called},
        "multipart": {"data": called, "files": {"x": b""}},
        "text": {"content": urlencode(called), "headers": {"Content-Type": "text/plain"}},
    }
    for method in ("GET", "POST"):
        httpx.Client(trust_env=False).request(method, url, **ways[form])
    queues = stack.aws("sqs").list_queues(QueueNamePrefix="unsigned-")
    assert "QueueUrls" not in queues
