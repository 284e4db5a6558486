"""How REST APIs' authorizers decide, without an engine."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from joserfc import jwk, jwt

from local_aws.iam.conditions import WrongPolicy
from local_aws.iam.evaluation import Decision
from local_cloud.engine.rest_apis.gateway_responses import mapped_headers, rendered
from local_cloud.engine.rest_apis.identity import Method, WrongAuthorizer, identity_of
from local_cloud.engine.rest_apis.lambda_authorizers import (
    Denied,
    FunctionFailed,
    LambdaAuthorizers,
    Unauthorized,
)
from local_cloud.engine.rest_apis.openapi import WrongDocument, with_authorization
from local_cloud.engine.rest_apis.resource_policy import decision_for_all, resource_policy
from local_cloud.engine.rest_apis.user_pools import (
    EXPIRED,
    Pool,
    PublishedKeys,
    claims_told,
    verify,
)

ARN = "arn:aws:execute-api:us-east-1:000000000000:abc/live/GET/pets"
METHOD = Method(
    arn=ARN,
    verb="GET",
    resource="/pets",
    path="/pets",
    headers={"Authorization": ["first", "tok"], "X-Empty": [""]},
    query={"who": ["ann"]},
    path_parameters={},
    stage_variables={"tier": "gold"},
    context={"identity": {"sourceIp": "127.0.0.1"}},
)
TOKEN = {"id": "a", "type": "TOKEN", "identitySource": "method.request.header.authorization"}
PLACE = ("abc", "live", "d1")


def policy(effect: str, resource: str) -> bytes:
    statement = {"Effect": effect, "Action": "execute-api:Invoke", "Resource": resource}
    return json.dumps({"principalId": "p", "policyDocument": {"Statement": [statement]}}).encode()


class Function:
    """An authorizer's function that answers the same to everybody."""

    def __init__(self, answer: bytes | Exception) -> None:
        self.answer = answer
        self.events: list[Any] = []

    def __call__(self, authorizer: Mapping[str, Any], event: bytes) -> bytes:
        self.events.append(json.loads(event))
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


@pytest.mark.parametrize(
    ("sources", "identity"),
    [
        ("method.request.header.AUTHORIZATION", ("tok",)),
        ("method.request.querystring.who, stageVariables.tier", ("ann", "gold")),
        ("context.identity.sourceIp", ("127.0.0.1",)),
        ("method.request.header.X-Empty", None),
        ("method.request.header.Missing,method.request.querystring.who", None),
        ("context.identity.nothing", None),
        ("", ()),
    ],
)
def test_identity_sources(sources: str, identity: Any) -> None:
    assert identity_of(METHOD, {"type": "REQUEST", "identitySource": sources}) == identity


def test_a_source_that_there_is_not_is_said() -> None:
    with pytest.raises(WrongAuthorizer, match=r"'method\.body'"):
        identity_of(METHOD, {"type": "REQUEST", "identitySource": "method.body"})


def test_an_expression_that_would_not_end_is_given_up() -> None:
    method = replace(METHOD, headers={"authorization": ["a" * 5000 + "!"]})
    assert identity_of(method, {**TOKEN, "identityValidationExpression": "^(a|a)*$"}) is None
    with pytest.raises(WrongAuthorizer, match="identityValidationExpression"):
        identity_of(METHOD, {**TOKEN, "identityValidationExpression": "("})


def test_an_answer_counts_until_its_time_has_passed() -> None:
    function, now = Function(policy("Allow", ARN)), [0.0]
    authorizers = LambdaAuthorizers(function, lambda: now[0])
    for moment in (0.0, 299.0, 300.0):
        now[0] = moment
        assert authorizers.authorize(PLACE, TOKEN, METHOD).principal == "p"
    assert len(function.events) == 2
    assert function.events[0] == {"type": "TOKEN", "methodArn": ARN, "authorizationToken": "tok"}
    for deployment in ("d2", "d2"):
        authorizers.authorize(("abc", "live", deployment), TOKEN, METHOD)
    assert len(function.events) == 3
    for _ in range(2):
        authorizers.authorize(PLACE, {**TOKEN, "authorizerResultTtlInSeconds": 0}, METHOD)
    assert len(function.events) == 5


def test_a_kept_policy_is_held_against_each_method() -> None:
    authorizers = LambdaAuthorizers(Function(policy("Allow", ARN)))
    authorizers.authorize(PLACE, TOKEN, METHOD)
    with pytest.raises(Denied, match=r"to access this resource$"):
        authorizers.authorize(PLACE, TOKEN, replace(METHOD, arn=ARN + "/1"))
    with pytest.raises(Denied, match="with an explicit deny"):
        LambdaAuthorizers(Function(policy("Deny", "*"))).authorize(PLACE, TOKEN, METHOD)


def test_without_an_identity_no_answer_is_kept() -> None:
    function = Function(policy("Allow", "*"))
    authorizers = LambdaAuthorizers(function)
    for _ in range(2):
        authorizers.authorize(PLACE, {"id": "a", "type": "REQUEST"}, METHOD)
    assert len(function.events) == 2


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (FunctionFailed("Unauthorized"), Unauthorized),
        (FunctionFailed("Unauthorized user"), WrongAuthorizer),
        (b"{}", WrongAuthorizer),
        (policy("Perhaps", "*"), WrongAuthorizer),
    ],
)
def test_a_function_that_fails_lets_nobody_in(
    answer: bytes | Exception, error: type[Exception]
) -> None:
    with pytest.raises(error):
        LambdaAuthorizers(Function(answer)).authorize(PLACE, TOKEN, METHOD)


KEY = jwk.RSAKey.generate_key(2048, auto_kid=True)
POOL = Pool("us-east-1_abc", "us-east-1")
POOL_ARN = f"arn:aws:cognito-idp:us-east-1:000000000000:userpool/{POOL.id}"
NOW = 1_800_000_000
CLAIMS = {"iss": POOL.issuer, "exp": NOW + 60, "token_use": "id", "sub": "s"}


def token(key: jwk.RSAKey = KEY, kid: str | None = None, **claims: Any) -> str:
    return str(jwt.encode({"alg": "RS256", "kid": kid or KEY.kid}, {**CLAIMS, **claims}, key))


def published(pool: Pool) -> Mapping[str, Any] | None:
    return {"keys": [KEY.as_dict(private=False)]} if pool == POOL else None


def test_a_token_of_the_pool_is_believed() -> None:
    keys = PublishedKeys(published)
    assert verify(token(), [POOL_ARN], (), keys, NOW)["sub"] == "s"
    assert verify(f"Bearer {token()}", [POOL_ARN], (), keys, NOW)["sub"] == "s"
    access = token(token_use="access", scope="a b")
    assert verify(access, [POOL_ARN], ("b", "c"), keys, NOW)["token_use"] == "access"


@pytest.mark.parametrize(
    ("said", "scopes"),
    [
        (token(iss=Pool("us-east-1_other", "us-east-1").issuer), ()),
        (token(iss="https://evil.example"), ()),
        (token(token_use="access"), ()),
        (token(), ("a",)),
        (token(token_use="access", scope="b"), ("a",)),
        (token(exp="soon"), ()),
        (token(jwk.RSAKey.generate_key(2048)), ()),
        (token(kid="another"), ()),
        (token()[:-6] + "AAAAAA", ()),
        ("a.b.c", ()),
        ("", ()),
        ("\ud800.\ud800.x", ()),
    ],
)
def test_a_token_that_is_none_of_the_pools_is_refused(said: str, scopes: tuple[str, ...]) -> None:
    with pytest.raises(Unauthorized):
        verify(said, [POOL_ARN], scopes, PublishedKeys(published), NOW)


def test_an_expired_token_is_refused_in_awss_words() -> None:
    with pytest.raises(Unauthorized, match=EXPIRED):
        verify(token(exp=NOW), [POOL_ARN], (), PublishedKeys(published), NOW)


def test_unknown_key_ids_do_not_have_the_keys_fetched_each_time() -> None:
    fetched: list[Pool] = []
    now = [0.0]

    def fetch(pool: Pool) -> Mapping[str, Any] | None:
        fetched.append(pool)
        return published(pool)

    keys = PublishedKeys(fetch, lambda: now[0])
    for _ in range(20):
        keys.of(POOL, "unknown")
    assert len(fetched) == 1
    now[0] = 3.0
    keys.of(POOL, str(KEY.kid))
    keys.of(POOL, "rotated")
    assert len(fetched) == 2


def test_claims_are_told_as_text() -> None:
    told = claims_told({"exp": 0, "email_verified": True, "cognito:groups": ["a", "b"], "n": 1})
    assert told == {
        "exp": "Thu Jan 01 00:00:00 UTC 1970",
        "email_verified": "true",
        "cognito:groups": "a,b",
        "n": "1",
    }


def test_a_gateway_response_has_variables_and_nothing_else_filled() -> None:
    context = {"error": {"messageString": '"no $context.apiId"', "message": "no"}, "apiId": "x"}
    template = '{"m":$context.error.messageString,"i":"$context.apiId","v":"$stageVariables.v"}'
    assert rendered(template, context, {"v": "1"}) == '{"m":"no $context.apiId","i":"x","v":"1"}'
    parameters = {
        "gatewayresponse.header.A": "'*'",
        "gatewayresponse.header.B": "method.request.header.Origin",
        "gatewayresponse.header.C": "context.apiId",
    }
    headers = mapped_headers(parameters, context, {"Origin": "o\r\nSet-Cookie: x"})
    assert headers == {"A": "*", "B": "oSet-Cookie: x", "C": "x"}


API = ARN.partition("/")[0]
HERE = {"aws:sourceip": ["127.0.0.1"]}


def of_api(effect: str, resource: str, **more: Any) -> dict[str, Any]:
    statement = {"Effect": effect, "Principal": "*", "Action": "execute-api:Invoke"}
    return {"Statement": [{**statement, "Resource": resource, **more}]}


@pytest.mark.parametrize(
    ("document", "decision"),
    [
        (of_api("Allow", "execute-api:/live/GET/*"), Decision.ALLOWED),
        (json.dumps(of_api("Allow", "execute-api:/*")), Decision.ALLOWED),
        (json.dumps(json.dumps(of_api("Allow", ARN)))[1:-1], Decision.ALLOWED),
        (of_api("Allow", "execute-api:/other/*"), Decision.IMPLICIT_DENY),
        (of_api("Deny", "execute-api:/*"), Decision.EXPLICIT_DENY),
        (
            of_api("Allow", "*", Condition={"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}}),
            Decision.IMPLICIT_DENY,
        ),
    ],
)
def test_an_apis_own_policy_says_who_may_invoke_it(document: Any, decision: Decision) -> None:
    policy = resource_policy(document, API)
    assert policy is not None
    assert decision_for_all(policy, ARN, HERE) == decision


def test_an_apis_policy_and_its_authorizers_count_together() -> None:
    allows, denies = (
        resource_policy(of_api(effect, "execute-api:/*"), API) for effect in ("Allow", "Deny")
    )
    elsewhere = LambdaAuthorizers(Function(policy("Allow", ARN + "/other")))
    assert elsewhere.authorize(PLACE, TOKEN, METHOD, allows).principal == "p"
    with pytest.raises(Denied, match="with an explicit deny"):
        LambdaAuthorizers(Function(policy("Allow", "*"))).authorize(PLACE, TOKEN, METHOD, denies)


def test_an_apis_policy_that_is_none_is_said() -> None:
    with pytest.raises(WrongPolicy):
        resource_policy("{", API)


SIGV4 = {"type": "apiKey", "x-amazon-apigateway-authtype": "awsSigv4"}
GATE = {"type": "apiKey", "x-amazon-apigateway-authorizer": {"type": "token"}}


@pytest.mark.parametrize(
    ("default", "method", "scheme"),
    [
        (None, {}, "kit-none"),
        (None, {"security": [{"sig": []}]}, "kit-aws-iam"),
        ([{"sig": []}], {}, "kit-aws-iam"),
        (None, {"x-amazon-apigateway-auth": {"type": "AWS_IAM"}}, "kit-aws-iam"),
        ([{"gate": []}], {}, "gate"),
        ([{"gate": []}], {"security": []}, "kit-none"),
        ([{"gate": []}], {"security": [{"key": []}]}, "kit-none"),
        (None, {"security": [{"NONE": []}]}, "kit-none"),
    ],
)
def test_what_a_document_says_of_a_methods_security(
    default: Any, method: dict[str, Any], scheme: str
) -> None:
    document: dict[str, Any] = {
        "securityDefinitions": {"sig": SIGV4, "gate": GATE, "key": {"type": "apiKey"}},
        "paths": {"/a": {"get": method, "parameters": []}},
        **({"security": default} if default else {}),
    }
    changed = with_authorization(document)
    assert next(iter(changed["paths"]["/a"]["get"]["security"][0])) == scheme
    assert {"kit-none", "kit-aws-iam", "sig", "gate"} <= changed["securityDefinitions"].keys()


def test_a_scheme_that_there_is_not_is_said() -> None:
    document: dict[str, Any] = {"paths": {"/a": {"get": {"security": [{"nobody": []}]}}}}
    with pytest.raises(WrongDocument, match="GET /a: security names nobody"):
        with_authorization(document)
