"""IAM for the socket: who has signed is verified, and may do what their policies allow."""

from __future__ import annotations

import asyncio
import datetime
import json
import uuid
from collections.abc import Iterator
from typing import Any

import boto3
import httpx
import pytest
from botocore.auth import SigV4Auth, SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.exceptions import ClientError
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from tests.behaviours import behaviour
from tests.stack import Stack, within

DOCS = "apigateway-websocket-control-access-iam.html"
DEFAULT = "$default"
ACCOUNT = "********0000"


class Guarded:
    """An API whose clients sign, and a user with a key."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self.name = f"signed-{uuid.uuid4().hex[:10]}"
        self.iam = stack.aws("iam")
        self.iam.create_user(UserName=self.name)
        key = self.iam.create_access_key(UserName=self.name)["AccessKey"]
        self.credentials = Credentials(key["AccessKeyId"], key["SecretAccessKey"])
        self.api = stack.aws("apigatewayv2")
        self.api_id = self.api.create_api(
            Name=self.name,
            ProtocolType="WEBSOCKET",
            RouteSelectionExpression="$request.body.action",
        )["ApiId"]
        target = self._answers_its_id()
        self.api.create_route(
            ApiId=self.api_id, RouteKey="$connect", AuthorizationType="AWS_IAM", Target=target
        )
        route = self.api.create_route(ApiId=self.api_id, RouteKey="hello", Target=target)
        self.api.create_route_response(
            ApiId=self.api_id, RouteId=route["RouteId"], RouteResponseKey=DEFAULT
        )
        self.api.create_stage(ApiId=self.api_id, StageName="live")

    def _answers_its_id(self) -> str:
        made = self.api.create_integration(
            ApiId=self.api_id,
            IntegrationType="MOCK",
            RequestTemplates={DEFAULT: '{"statusCode": 200}'},
            TemplateSelectionExpression=DEFAULT,
        )["IntegrationId"]
        self.api.create_integration_response(
            ApiId=self.api_id,
            IntegrationId=made,
            IntegrationResponseKey=DEFAULT,
            ResponseTemplates={DEFAULT: '{"id": "$context.connectionId"}'},
        )
        return f"integrations/{made}"

    def may(self, *actions: str) -> None:
        resource = f"arn:aws:execute-api:us-east-1:000000000000:{self.api_id}/live/*"
        allowed = {"Effect": "Allow", "Action": list(actions), "Resource": resource}
        document = json.dumps({"Version": "2012-10-17", "Statement": allowed})
        self.iam.put_user_policy(UserName=self.name, PolicyName="own", PolicyDocument=document)

    @property
    def address(self) -> str:
        return f"{self.stack.ports.gateway_url}/{self.api_id}/live"

    def signed(self, credentials: Credentials | None = None, expires: int = 60) -> str:
        """Return the address, signed in its query."""
        request = AWSRequest("GET", self.address)
        signer = SigV4QueryAuth(
            credentials or self.credentials, "execute-api", "us-east-1", expires=expires
        )
        signer.add_auth(request)
        return str(request.url).replace("http:", "ws:", 1)

    def signed_by_headers(self) -> dict[str, str]:
        request = AWSRequest("GET", self.address)
        SigV4Auth(self.credentials, "execute-api", "us-east-1").add_auth(request)
        return dict(request.headers.items())

    def answered(self, address: str, headers: dict[str, str] | None = None) -> tuple[int, str]:
        """Return how a handshake is answered."""

        async def run() -> tuple[int, str]:
            try:
                async with connect(address, proxy=None, additional_headers=headers):
                    return 101, ""
            except InvalidStatus as refused:
                body = refused.response.body or b"{}"
                return refused.response.status_code, str(json.loads(body).get("message"))

        return within(run())

    def management(self, credentials: Credentials | None = None) -> Any:
        mine = credentials or self.credentials
        return boto3.client(
            "apigatewaymanagementapi",
            endpoint_url=self.address,
            region_name="us-east-1",
            aws_access_key_id=mine.access_key,
            aws_secret_access_key=mine.secret_key,
        )


@pytest.fixture(scope="module")
def guarded(stack: Stack) -> Iterator[Guarded]:
    if stack.home is None:
        pytest.skip("needs a stack that the tests started themselves")
    made = Guarded(stack)
    yield made
    made.api.delete_api(ApiId=made.api_id)


@behaviour("authorizer", "with AWS_IAM a signature is verified, and a policy has to allow", DOCS)
def test_a_client_is_let_in_that_signs_and_may(guarded: Guarded) -> None:
    ws = guarded.address.replace("http:", "ws:", 1)
    assert guarded.answered(ws) == (403, "Missing Authentication Token")
    guarded.may("execute-api:ManageConnections")
    status, words = guarded.answered(guarded.signed())
    assert status == 403
    assert words == (
        f"User: arn:aws:iam::000000000000:user/{guarded.name} is not authorized to perform: "
        f"execute-api:Invoke on resource: arn:aws:execute-api:us-east-1:{ACCOUNT}:"
        f"{guarded.api_id}/live/$connect because no identity-based policy allows the "
        "execute-api:Invoke action"
    )
    guarded.may("execute-api:Invoke")
    assert guarded.answered(guarded.signed()) == (101, "")
    assert guarded.answered(ws, guarded.signed_by_headers()) == (101, "")


def test_a_signature_of_nobody_or_with_another_secret_is_told(guarded: Guarded) -> None:
    unknown = guarded.signed(Credentials("AKIAIOSFODNN7EXAMPLE", "secret"))
    assert guarded.answered(unknown)[1].startswith("The security token included in the request is")
    wrong = guarded.signed(Credentials(guarded.credentials.access_key, "not-this-one"))
    assert guarded.answered(wrong)[1].startswith("The request signature we calculated does not")
    tampered = guarded.signed() + "&more=1"
    assert guarded.answered(tampered)[1].startswith("The request signature we calculated does not")


def test_a_signature_ends_when_it_says(guarded: Guarded, monkeypatch: pytest.MonkeyPatch) -> None:
    hour_ago = datetime.datetime.now(datetime.UTC) - datetime.timedelta(hours=1)
    monkeypatch.setattr(
        "botocore.auth.get_current_datetime", lambda **_: hour_ago.replace(tzinfo=None)
    )
    assert guarded.answered(guarded.signed())[1].startswith("Signature expired: ")


def test_a_key_that_is_switched_off_is_nobodys(guarded: Guarded) -> None:
    key = guarded.iam.create_access_key(UserName=guarded.name)["AccessKey"]
    mine = Credentials(key["AccessKeyId"], key["SecretAccessKey"])
    guarded.may("execute-api:Invoke")
    assert guarded.answered(guarded.signed(mine))[0] == 101
    guarded.iam.update_access_key(
        UserName=guarded.name, AccessKeyId=key["AccessKeyId"], Status="Inactive"
    )
    assert guarded.answered(guarded.signed(mine))[0] == 403


def test_a_roles_session_may_what_its_role_may(guarded: Guarded) -> None:
    role = guarded.iam.create_role(
        RoleName=guarded.name,
        AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": []}),
    )["Role"]["Arn"]
    told = guarded.stack.aws("sts").assume_role(RoleArn=role, RoleSessionName="session")[
        "Credentials"
    ]
    session = Credentials(told["AccessKeyId"], told["SecretAccessKey"], told["SessionToken"])
    assert f"assumed-role/{guarded.name}/session" in guarded.answered(guarded.signed(session))[1]
    document = {"Effect": "Allow", "Action": "execute-api:Invoke", "Resource": "*"}
    guarded.iam.put_role_policy(
        RoleName=guarded.name,
        PolicyName="own",
        PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": document}),
    )
    assert guarded.answered(guarded.signed(session))[0] == 101
    without = Credentials(told["AccessKeyId"], told["SecretAccessKey"])
    assert guarded.answered(guarded.signed(without))[1].startswith("The security token included")


@behaviour("@connections", "a caller has to be allowed execute-api:ManageConnections", DOCS)
def test_connections_are_managed_by_who_may(guarded: Guarded) -> None:
    async def run() -> None:
        guarded.may("execute-api:Invoke")
        async with connect(guarded.signed(), proxy=None) as socket:
            await socket.send('{"action": "hello"}')
            name = json.loads(await socket.recv())["id"]
            api = guarded.management()
            with pytest.raises(ClientError) as refused:
                await asyncio.to_thread(api.post_to_connection, ConnectionId=name, Data=b"x")
            assert refused.value.response["Error"]["Code"] == "ForbiddenException"
            assert f"POST/@connections/{name}" in str(refused.value)
            guarded.may("execute-api:Invoke", "execute-api:ManageConnections")
            await asyncio.to_thread(api.post_to_connection, ConnectionId=name, Data=b"posted")
            assert await socket.recv() == "posted"
            await asyncio.to_thread(_post_another_body, guarded, name)

    within(run())


def _post_another_body(guarded: Guarded, name: str) -> None:
    request = AWSRequest("POST", f"{guarded.address}/@connections/{name}", data=b"signed")
    SigV4Auth(guarded.credentials, "execute-api", "us-east-1").add_auth(request)
    sent = httpx.post(
        str(request.url), content=b"another", headers=dict(request.headers), trust_env=False
    )
    assert sent.status_code == 403
    assert "signature we calculated does not match" in sent.text
