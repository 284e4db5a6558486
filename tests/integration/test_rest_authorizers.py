"""REST APIs ask who calls: authorizers of every kind, signatures, keys and usage plans."""

from __future__ import annotations

import io
import json
import uuid
import zipfile
from datetime import UTC, datetime
from typing import Any

import httpx
import jwt as pyjwt
import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from joserfc import jwk, jwt

from tests.stack import Stack, until

pytestmark = pytest.mark.embedded("the same engine asks in Docker")

REGION, ACCOUNT = "us-east-1", "000000000000"
CODE = """
import json

def echo(event, context):
    told = {"authorizer": event["requestContext"].get("authorizer"),
            "identity": event["requestContext"]["identity"]}
    return {"statusCode": 200, "body": json.dumps(told)}

def gate(event, context):
    word = event.get("authorizationToken") or event["headers"].get("X-Who")
    if word == "unknown":
        raise Exception("Unauthorized")
    if word == "ill":
        raise Exception("something else")
    if word == "broken":
        return {"principalId": "x"}
    effect = "Deny" if word.startswith("deny") else "Allow"
    everything = event["methodArn"].split("/")[0] + "/*"
    resource = {"only": event["methodArn"], "elsewhere": "arn:aws:execute-api:*:*:other/*"}
    statement = {"Effect": effect, "Action": "execute-api:Invoke",
                 "Resource": resource.get(word, everything)}
    return {"principalId": word, "policyDocument": {"Statement": [statement]},
            "context": {"call": context.aws_request_id, "number": 7, "yes": True},
            "usageIdentifierKey": "key-of-" + word + "-0123456789"}
"""


def uri(function: str) -> str:
    arn = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{function}"
    return f"arn:aws:apigateway:{REGION}:lambda:path/2015-03-31/functions/{arn}/invocations"


def make_function(stack: Stack, handler: str) -> str:
    name = f"{handler}-{uuid.uuid4().hex[:10]}"
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("index.py", CODE)
    api = stack.aws("lambda")
    api.create_function(
        FunctionName=name,
        Runtime="python3.13",
        Handler=f"index.{handler}",
        Role=f"arn:aws:iam::{ACCOUNT}:role/any",
        Code={"ZipFile": packed.getvalue()},
        Timeout=20,
    )
    api.get_waiter("function_active_v2").wait(FunctionName=name)
    return name


def lambda_scheme(kind: str, function: str, header: str, **more: Any) -> dict[str, Any]:
    return {
        "type": "apiKey",
        "in": "header",
        "name": header,
        "x-amazon-apigateway-authtype": "custom",
        "x-amazon-apigateway-authorizer": {
            "type": kind,
            "authorizerUri": uri(function),
            **more,
        },
    }


class Guarded:
    """An API, each of whose paths is guarded in another way."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self.echo, self.gate = make_function(stack, "echo"), make_function(stack, "gate")
        cognito = stack.aws("cognito-idp")
        pool = cognito.create_user_pool(PoolName=f"guarded-{uuid.uuid4().hex[:8]}")["UserPool"]
        self.pool, self.pool_arn = pool["Id"], pool["Arn"]
        self.tokens = self._sign_in(cognito)
        gateway = stack.aws("apigateway")
        self.api = gateway.import_rest_api(body=json.dumps(self.spec()))["id"]
        gateway.create_deployment(restApiId=self.api, stageName="live")

    def _sign_in(self, cognito: Any) -> dict[str, str]:
        client = cognito.create_user_pool_client(
            UserPoolId=self.pool,
            ClientName="c",
            ExplicitAuthFlows=["ALLOW_USER_PASSWORD_AUTH", "ALLOW_REFRESH_TOKEN_AUTH"],
        )["UserPoolClient"]["ClientId"]
        cognito.admin_create_user(UserPoolId=self.pool, Username="ann", MessageAction="SUPPRESS")
        cognito.admin_set_user_password(
            UserPoolId=self.pool, Username="ann", Password="Correct-Horse-7", Permanent=True
        )
        tokens: dict[str, str] = cognito.initiate_auth(
            AuthFlow="USER_PASSWORD_AUTH",
            ClientId=client,
            AuthParameters={"USERNAME": "ann", "PASSWORD": "Correct-Horse-7"},
        )["AuthenticationResult"]
        return tokens

    def spec(self) -> dict[str, Any]:
        pool = {
            "type": "apiKey",
            "in": "header",
            "name": "Authorization",
            "x-amazon-apigateway-authtype": "cognito_user_pools",
            "x-amazon-apigateway-authorizer": {
                "type": "cognito_user_pools",
                "providerARNs": [self.pool_arn],
            },
        }
        return {
            "swagger": "2.0",
            "info": {"title": f"guarded-{uuid.uuid4().hex[:8]}", "version": "1"},
            "securityDefinitions": {
                "token": lambda_scheme(
                    "token", self.gate, "X-Token", identityValidationExpression="^[a-z]+$"
                ),
                "request": lambda_scheme(
                    "request",
                    self.gate,
                    "Unused",
                    identitySource="method.request.header.X-Who, method.request.querystring.who",
                ),
                "pool": pool,
                "sigv4": {
                    "type": "apiKey",
                    "in": "header",
                    "name": "Authorization",
                    "x-amazon-apigateway-authtype": "awsSigv4",
                },
                "api_key": {"type": "apiKey", "in": "header", "name": "x-api-key"},
            },
            "paths": {
                "/open": self._path(),
                "/token": self._path({"token": []}),
                "/also/{id}": self._path({"token": []}),
                "/request": self._path({"request": []}),
                "/pool": self._path({"pool": []}),
                "/scoped": self._path({"pool": ["aws.cognito.signin.user.admin"]}),
                "/other-scope": self._path({"pool": ["books/write"]}),
                "/signed": self._path({"sigv4": []}),
                "/keyed": self._path({"api_key": []}),
            },
            "x-amazon-apigateway-gateway-responses": {
                "UNAUTHORIZED": {
                    "statusCode": 401,
                    "responseParameters": {
                        "gatewayresponse.header.Access-Control-Allow-Origin": "'*'"
                    },
                    "responseTemplates": {
                        "application/json": '{"message":$context.error.messageString,'
                        '"kind":"$context.error.responseType"}'
                    },
                }
            },
        }

    def _path(self, *security: dict[str, Any]) -> dict[str, Any]:
        integration = {"type": "aws_proxy", "httpMethod": "POST", "uri": uri(self.echo)}
        method = {
            "responses": {},
            "x-amazon-apigateway-integration": integration,
            **({"security": list(security)} if security else {}),
        }
        return {"get": method}

    def url(self, path: str) -> str:
        return f"{self.stack.ports.engine_url}/_aws/execute-api/{self.api}/live{path}"

    def get(self, path: str, **headers: str) -> httpx.Response:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return httpx.get(self.url(path), headers=named, timeout=30, trust_env=False)


@pytest.fixture(scope="module")
def api(stack: Stack) -> Guarded:
    return Guarded(stack)


def told(answer: httpx.Response) -> Any:
    assert answer.status_code == 200, answer.text
    return answer.json()["authorizer"]


def refused(answer: httpx.Response) -> tuple[int, str | None]:
    said = answer.json()
    return answer.status_code, said.get("message", said.get("Message"))


def test_a_method_without_authorizer_is_open_as_the_api_says(api: Guarded) -> None:
    assert told(api.get("/open")) is None


def test_a_token_authorizer_lets_in_whom_its_policy_allows(api: Guarded) -> None:
    context = told(api.get("/token", X_Token="ann"))
    assert context["principalId"] == "ann"
    assert (context["number"], context["yes"]) == ("7", "true")


@pytest.mark.parametrize(
    ("token", "status", "words"),
    [
        (None, 401, "Unauthorized"),
        ("NO-LETTERS", 401, "Unauthorized"),
        ("unknown", 401, "Unauthorized"),
        ("deny", 403, "User is not authorized to access this resource with an explicit deny"),
        ("elsewhere", 403, "User is not authorized to access this resource"),
        ("ill", 500, None),
        ("broken", 500, None),
    ],
)
def test_a_token_authorizer_refuses_in_awss_words(
    api: Guarded, token: str | None, status: int, words: str | None
) -> None:
    answer = api.get("/token", **({"X_Token": token} if token else {}))
    assert refused(answer) == (status, words)


def test_an_answer_counts_for_its_identity_and_its_policy_for_each_method(api: Guarded) -> None:
    first = told(api.get("/token", X_Token="only"))
    assert told(api.get("/token", X_Token="only"))["call"] == first["call"]
    assert told(api.get("/token", X_Token="another"))["call"] != first["call"]
    assert refused(api.get("/also/1", X_Token="only"))[0] == 403


def test_a_stages_answers_are_forgotten_when_that_is_wanted(api: Guarded) -> None:
    first = told(api.get("/token", X_Token="flushed"))
    api.stack.aws("apigateway").flush_stage_authorizers_cache(restApiId=api.api, stageName="live")
    assert told(api.get("/token", X_Token="flushed"))["call"] != first["call"]


def test_a_request_authorizer_needs_every_identity_source(api: Guarded) -> None:
    assert told(api.get("/request?who=ann", X_Who="ann"))["principalId"] == "ann"
    assert refused(api.get("/request", X_Who="ann")) == (401, "Unauthorized")
    assert refused(api.get("/request?who=ann")) == (401, "Unauthorized")
    assert refused(api.get("/request?who=deny", X_Who="deny"))[0] == 403


def test_a_user_pools_id_token_is_let_in_with_its_claims(api: Guarded) -> None:
    claims = told(api.get("/pool", Authorization=api.tokens["IdToken"]))["claims"]
    assert claims["cognito:username"] == "ann"
    assert claims["token_use"] == "id"
    assert all(isinstance(value, str) for value in claims.values())
    bearer = api.get("/pool", Authorization=f"Bearer {api.tokens['IdToken']}")
    assert told(bearer)["claims"]["sub"] == claims["sub"]


def test_a_user_pools_method_with_scopes_wants_an_access_token_with_one(api: Guarded) -> None:
    access = api.tokens["AccessToken"]
    assert told(api.get("/scoped", Authorization=access))["claims"]["token_use"] == "access"
    assert refused(api.get("/scoped", Authorization=api.tokens["IdToken"]))[0] == 401
    assert refused(api.get("/other-scope", Authorization=access))[0] == 401
    assert refused(api.get("/pool", Authorization=access))[0] == 401


def test_a_forged_token_is_refused_and_so_is_none(api: Guarded) -> None:
    genuine = api.tokens["IdToken"]
    head = pyjwt.get_unverified_header(genuine)
    body = pyjwt.decode(genuine, options={"verify_signature": False})
    own = jwk.RSAKey.generate_key(2048)
    forged = jwt.encode({"alg": "RS256", "kid": head["kid"]}, body, own)
    unsigned = pyjwt.encode(body, "", algorithm="none", headers={"kid": head["kid"]})
    shared = pyjwt.encode(body, "x" * 64, algorithm="HS256", headers={"kid": head["kid"]})
    for token in (forged, unsigned, shared, "a.b.c", genuine[:-4]):
        assert refused(api.get("/pool", Authorization=token)) == (401, "Unauthorized"), token
    assert refused(api.get("/pool")) == (401, "Unauthorized")


def test_an_apis_own_gateway_response_is_what_is_told(api: Guarded) -> None:
    answer = api.get("/pool")
    assert answer.json() == {"message": "Unauthorized", "kind": "UNAUTHORIZED"}
    assert answer.headers["Access-Control-Allow-Origin"] == "*"


class Signer:
    """Signs requests as an SDK does."""

    def __init__(self, key: str, secret: str, service: str = "execute-api") -> None:
        self.auth = SigV4Auth(Credentials(key, secret), service, REGION)

    def headers(self, url: str) -> dict[str, str]:
        request = AWSRequest("GET", url, headers={"Host": httpx.URL(url).netloc.decode()})
        self.auth.add_auth(request)
        return dict(request.headers)


def signed(api: Guarded, path: str, key: str, secret: str) -> httpx.Response:
    url = api.url(path)
    return httpx.get(url, headers=Signer(key, secret).headers(url), timeout=30, trust_env=False)


def test_a_method_that_wants_a_signature_refuses_others(api: Guarded) -> None:
    assert refused(api.get("/signed")) == (403, "Missing Authentication Token")
    words = refused(api.get("/signed", Authorization=api.tokens["IdToken"]))
    assert words == (403, "Missing Authentication Token")
    assert signed(api, "/signed", "test", "test").status_code == 200
    status, told = refused(signed(api, "/signed", "test", "guessed"))
    assert status == 403
    assert "signature we calculated does not match" in str(told)
    unknown = refused(signed(api, "/signed", "AKIANOBODY", "test"))
    assert unknown == (403, "The security token included in the request is invalid.")
    url = api.url("/signed")
    elsewhere = Signer("test", "test").headers(api.url("/open"))
    assert httpx.get(url, headers=elsewhere, trust_env=False).status_code == 403


def test_a_users_policies_say_which_signed_methods_they_may_call(api: Guarded) -> None:
    iam, name = api.stack.aws("iam"), f"caller-{uuid.uuid4().hex[:8]}"
    iam.create_user(UserName=name)
    key = iam.create_access_key(UserName=name)["AccessKey"]
    pair = key["AccessKeyId"], key["SecretAccessKey"]
    status, words = refused(signed(api, "/signed", *pair))
    assert status == 403
    assert f"user/{name} is not authorized to perform: execute-api:Invoke" in str(words)
    statement = {
        "Effect": "Allow",
        "Action": "execute-api:Invoke",
        "Resource": f"arn:aws:execute-api:*:*:{api.api}/live/GET/signed",
    }
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    iam.put_user_policy(UserName=name, PolicyName="own", PolicyDocument=document)
    answer = signed(api, "/signed", *pair)
    assert answer.status_code == 200, answer.text
    assert answer.json()["identity"]["userArn"] == f"arn:aws:iam::{ACCOUNT}:user/{name}"


def test_an_apis_own_policy_is_held_against_every_method(api: Guarded) -> None:
    statement = {"Principal": "*", "Action": "execute-api:Invoke"}
    spec = {
        **api.spec(),
        "x-amazon-apigateway-policy": {
            "Version": "2012-10-17",
            "Statement": [
                {**statement, "Effect": "Allow", "Resource": "execute-api:/live/GET/*"},
                {**statement, "Effect": "Deny", "Resource": "execute-api:/live/GET/signed"},
                {**statement, "Effect": "Deny", "Resource": "execute-api:/live/GET/pool"},
                {
                    **statement,
                    "Effect": "Deny",
                    "Resource": "execute-api:/live/GET/open",
                    "Condition": {"StringEquals": {"aws:UserAgent": "unwanted"}},
                },
            ],
        },
    }
    gateway = api.stack.aws("apigateway")
    name = gateway.import_rest_api(body=json.dumps(spec))["id"]
    gateway.create_deployment(restApiId=name, stageName="live")

    def get(path: str, **headers: str) -> httpx.Response:
        url = f"{api.stack.ports.engine_url}/_aws/execute-api/{name}/live{path}"
        if path == "/signed":
            headers = Signer("test", "test").headers(url)
        return httpx.get(url, headers=headers, timeout=30, trust_env=False)

    assert get("/open").status_code == 200
    status, words = refused(get("/open", **{"User-Agent": "unwanted"}))
    assert (status, str(words).startswith("User: anonymous is not authorized")) == (403, True)
    assert str(words).endswith("with an explicit deny")
    assert refused(get("/pool", Authorization=api.tokens["IdToken"]))[0] == 403
    assert refused(get("/signed"))[0] == 403
    assert get("/token", **{"X-Token": "ann"}).status_code == 200
    gateway.delete_rest_api(restApiId=name)


class Keyed:
    """A key of a usage plan of the API's."""

    def __init__(self, api: Guarded, **plan: Any) -> None:
        self.api, self.gateway = api, api.stack.aws("apigateway")
        name = f"plan-{uuid.uuid4().hex[:8]}"
        self.plan = self.gateway.create_usage_plan(
            name=name, apiStages=[{"apiId": api.api, "stage": "live"}], **plan
        )["id"]
        made = self.gateway.create_api_key(name=name, enabled=True)
        self.key, self.value = made["id"], made["value"]
        self.gateway.create_usage_plan_key(usagePlanId=self.plan, keyId=self.key, keyType="API_KEY")

    def get(self) -> tuple[int, str | None]:
        answer = self.api.get("/keyed", x_api_key=self.value)
        return answer.status_code, answer.json().get("message")


def test_a_method_that_wants_a_key_is_forbidden_without(api: Guarded) -> None:
    assert refused(api.get("/keyed")) == (403, "Forbidden")
    assert refused(api.get("/keyed", x_api_key="guessed")) == (403, "Forbidden")


def test_a_plans_quota_is_counted_told_and_set(api: Guarded) -> None:
    keyed = Keyed(api, quota={"limit": 2, "period": "MONTH"})
    assert [keyed.get()[0] for _ in range(2)] == [200, 200]
    assert keyed.get() == (429, "Limit Exceeded")
    assert Keyed(api, quota={"limit": 1, "period": "MONTH"}).get()[0] == 200
    today = f"{datetime.now(UTC):%Y-%m-%d}"
    days = {"usagePlanId": keyed.plan, "startDate": today, "endDate": today}
    assert keyed.gateway.get_usage(**days)["items"][keyed.key][-1] == [2, 0]
    keyed.gateway.update_usage(
        usagePlanId=keyed.plan,
        keyId=keyed.key,
        patchOperations=[{"op": "replace", "path": "/remaining", "value": "1"}],
    )
    assert keyed.get()[0] == 200
    assert keyed.get() == (429, "Limit Exceeded")


def test_a_plans_throttle_holds_a_burst_up(api: Guarded) -> None:
    keyed = Keyed(api, throttle={"rateLimit": 0.001, "burstLimit": 2})
    assert [keyed.get()[0] for _ in range(2)] == [200, 200]
    assert keyed.get() == (429, "Too Many Requests")


@pytest.mark.parametrize(("kind", "status"), [("IAM_ROLE", "SUCCEEDED"), ("NO_AUTH", "FAILED")])
def test_a_workflow_signs_what_its_auth_type_says(api: Guarded, kind: str, status: str) -> None:
    states = api.stack.aws("stepfunctions")
    task = {
        "Type": "Task",
        "Resource": "arn:aws:states:::apigateway:invoke",
        "Parameters": {
            "ApiEndpoint": f"{api.stack.ports.engine_url}/restapis/{api.api}",
            "Method": "GET",
            "Stage": "live",
            "Path": "signed",
            "QueryParameters": {"a": ["b c"]},
            "AuthType": kind,
        },
        "End": True,
    }
    machine = states.create_state_machine(
        name=f"signs-{uuid.uuid4().hex[:8]}",
        roleArn=f"arn:aws:iam::{ACCOUNT}:role/any",
        definition=json.dumps({"StartAt": "Call", "States": {"Call": task}}),
    )["stateMachineArn"]
    ended = api.stack.ended(states.start_execution(stateMachineArn=machine)["executionArn"])
    assert ended["status"] == status, ended
    assert status == "SUCCEEDED" or ended["error"] == "ApiGateway.403"
    states.delete_state_machine(stateMachineArn=machine)


@pytest.mark.parametrize(
    ("security", "words"),
    [([{"nobody": []}], "security names nobody"), ([{"jwt": []}], "no authorizers of type jwt")],
)
def test_an_import_that_would_leave_a_method_open_is_refused(
    stack: Stack, security: Any, words: str
) -> None:
    scheme = {"type": "oauth2", "x-amazon-apigateway-authorizer": {"type": "jwt"}}
    spec = {
        "openapi": "3.0.1",
        "info": {"title": "wrong", "version": "1"},
        "components": {"securitySchemes": {"jwt": scheme} if words.endswith("jwt") else {}},
        "paths": {"/a": {"get": {"responses": {}, "security": security}}},
    }
    gateway = stack.aws("apigateway")
    with pytest.raises(gateway.exceptions.BadRequestException, match=words):
        gateway.import_rest_api(body=json.dumps(spec))


TEMPLATE = """
Transform: AWS::Serverless-2016-10-31
Resources:
  Api:
    Type: AWS::Serverless::Api
    Properties:
      StageName: live
      Auth:
        DefaultAuthorizer: Pool
        Authorizers:
          Pool: {{UserPoolArn: "{pool}"}}
          Gate:
            FunctionArn: "arn:aws:lambda:us-east-1:000000000000:function:{gate}"
            Identity: {{Header: X-Token}}
  Echo:
    Type: AWS::Serverless::Function
    Properties:
      Runtime: python3.13
      Handler: index.handler
      InlineCode: |
        import json
        def handler(event, context):
            told = {{"authorizer": event["requestContext"].get("authorizer")}}
            return {{"statusCode": 200, "body": json.dumps(told)}}
      Events:
        Default: {{Type: Api, Properties: {{Path: /default, Method: get, RestApiId: !Ref Api}}}}
        Gated:
          Type: Api
          Properties:
            {{Path: /gated, Method: get, RestApiId: !Ref Api, Auth: {{Authorizer: Gate}}}}
        Open:
          Type: Api
          Properties:
            {{Path: /open, Method: get, RestApiId: !Ref Api, Auth: {{Authorizer: NONE}}}}
        Signed:
          Type: Api
          Properties:
            {{Path: /signed, Method: get, RestApiId: !Ref Api, Auth: {{Authorizer: AWS_IAM}}}}
  Bare:
    Type: AWS::ApiGateway::RestApi
    Properties: {{Name: bare}}
  Authorizer:
    Type: AWS::ApiGateway::Authorizer
    Properties:
      RestApiId: !Ref Bare
      Name: pool
      Type: COGNITO_USER_POOLS
      IdentitySource: method.request.header.Authorization
      ProviderARNs: ["{pool}"]
  Method:
    Type: AWS::ApiGateway::Method
    Properties:
      RestApiId: !Ref Bare
      ResourceId: !GetAtt Bare.RootResourceId
      HttpMethod: GET
      AuthorizationType: COGNITO_USER_POOLS
      AuthorizerId: !Ref Authorizer
      AuthorizationScopes: [aws.cognito.signin.user.admin]
      Integration:
        Type: MOCK
        RequestTemplates: {{application/json: '{{"statusCode": 200}}'}}
        IntegrationResponses: [{{StatusCode: 200}}]
      MethodResponses: [{{StatusCode: 200}}]
  Deployment:
    Type: AWS::ApiGateway::Deployment
    DependsOn: Method
    Properties: {{RestApiId: !Ref Bare, StageName: live}}
  Slow:
    Type: AWS::ApiGateway::Stage
    Properties:
      RestApiId: !Ref Bare
      DeploymentId: !Ref Deployment
      StageName: slow
      MethodSettings:
        - ResourcePath: "/*"
          HttpMethod: "*"
          ThrottlingBurstLimit: 1
          ThrottlingRateLimit: 0.01
Outputs:
  Api: {{Value: !Ref Api}}
  Bare: {{Value: !Ref Bare}}
"""


def test_authorizers_of_a_stack_are_asked(api: Guarded) -> None:
    stacks = api.stack.aws("cloudformation")
    name = f"guarded-{uuid.uuid4().hex[:8]}"
    stacks.create_stack(
        StackName=name,
        TemplateBody=TEMPLATE.format(pool=api.pool_arn, gate=api.gate),
        Capabilities=["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"],
    )

    def ended() -> dict[str, Any] | None:
        found: dict[str, Any] = stacks.describe_stacks(StackName=name)["Stacks"][0]
        return found if not found["StackStatus"].endswith("IN_PROGRESS") else None

    made = until(ended, 60)
    events = stacks.describe_stack_events(StackName=name)["StackEvents"]
    reasons = [one["ResourceStatusReason"] for one in events if "ResourceStatusReason" in one]
    assert made["StackStatus"] == "CREATE_COMPLETE", reasons
    ids = {one["OutputKey"]: one["OutputValue"] for one in made["Outputs"]}

    def status(api_id: str, path: str, stage: str = "live", **headers: str) -> int:
        url = f"{api.stack.ports.engine_url}/_aws/execute-api/{api_id}/{stage}{path}"
        return httpx.get(url, headers=headers, timeout=30, trust_env=False).status_code

    token = api.tokens["IdToken"]
    assert status(ids["Api"], "/default") == 401
    assert status(ids["Api"], "/default", Authorization=token) == 200
    assert status(ids["Api"], "/gated", Authorization=token) == 401
    assert status(ids["Api"], "/gated", **{"X-Token": "ann"}) == 200
    assert status(ids["Api"], "/open") == 200
    assert status(ids["Api"], "/signed") == 403
    assert status(ids["Bare"], "/") == 401
    assert status(ids["Bare"], "/", Authorization=token) == 401
    assert status(ids["Bare"], "/", Authorization=api.tokens["AccessToken"]) == 200
    access = api.tokens["AccessToken"]
    assert [status(ids["Bare"], "/", "slow", Authorization=access) for _ in range(2)] == [200, 429]
    stacks.delete_stack(StackName=name)
