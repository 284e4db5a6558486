"""What API Gateway decides, shown on the gateway's core alone."""

from __future__ import annotations

import ast
import json
from pathlib import Path
from typing import Any

import orjson
import pytest

from local_aws.authorizer_answer import AuthorizerAnswer
from local_aws.faults import Faults
from local_aws.iam.evaluation import Decision
from tests.behaviours import behaviour
from tests.unit.gateway.world import BASE, URI, Bench, route
from websocket_gateway.core.backend import HttpAnswer, IntegrationFailed
from websocket_gateway.core.limits import Limits
from websocket_gateway.core.traffic import Traffic

CORE = Path(__file__).parents[3] / "websocket-gateway" / "websocket_gateway" / "core"
AUTHORIZER = """
  Authorizer:
    Type: AWS::ApiGatewayV2::Authorizer
    Properties:
      ApiId: !Ref Api
      Name: gate
      AuthorizerType: REQUEST
      AuthorizerUri: {uri}
      IdentitySource: [route.request.header.Auth, route.request.querystring.name]
      AuthorizerResultTtlInSeconds: {ttl}
"""
GUARDED = ", AuthorizationType: CUSTOM, AuthorizerId: !Ref Authorizer"


def echo(event: Any) -> Any:
    return {"statusCode": 200, "body": json.dumps(event)}


def accept(event: Any) -> Any:
    return {"statusCode": 200}


def policy(effect: str = "Allow", resource: str = "*", **more: Any) -> Any:
    statement = {"Effect": effect, "Action": "execute-api:Invoke", "Resource": resource}
    return {"principalId": "ann", "policyDocument": {"Statement": [statement]}, **more}


def guarded(folder: Path, ttl: int = 0) -> Bench:
    uri = URI.format("arn:aws:lambda:us-east-1:000000000000:function:gate")
    resources = AUTHORIZER.format(uri=uri, ttl=ttl)
    bench = Bench(folder, resources + route("$connect", "hello", GUARDED) + route("say", "echo"))
    bench.world.functions |= {"hello": accept, "echo": echo, "gate": lambda event: policy()}
    return bench


LAMBDA_AUTH = "apigateway-websocket-api-lambda-auth.html"


def test_the_core_has_no_sockets_no_event_loop_and_no_http() -> None:
    forbidden = {"asyncio", "socket", "ssl", "http", "httpx", "httptools", "websockets", "uvloop"}
    for file in CORE.glob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            names = []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                names = [node.module or ""]
            for name in names:
                assert name.partition(".")[0] not in forbidden, f"{file.name} imports {name}"


# Authorizers


@behaviour(
    "authorizer",
    "what the policy allows is let in; the context is in every later event",
    LAMBDA_AUTH,
)
def test_an_authorizers_context_reaches_every_event(tmp_path: Path) -> None:
    bench = guarded(tmp_path)
    bench.world.functions["gate"] = lambda event: policy(context={"team": "red", "n": 1, "b": True})
    client = bench.opened("/dev?name=ann", Auth="secret")
    (answer,) = bench.send(client, action="say")
    context = json.loads(answer)["requestContext"]["authorizer"]
    assert context == {"principalId": "ann", "team": "red", "n": "1", "b": "true"}


@behaviour(
    "authorizer",
    "the authorizer is sent the request and a methodArn that ends with $connect",
    LAMBDA_AUTH,
)
def test_an_authorizer_receives_a_request_event(tmp_path: Path) -> None:
    bench = guarded(tmp_path)
    bench.opened("/dev?name=ann", Auth="secret")
    function, event = bench.world.invoked[0]
    assert function == "gate"
    assert event["type"] == "REQUEST"
    assert event["methodArn"].startswith("arn:aws:execute-api:us-east-1:000000000000:")
    assert event["methodArn"].endswith("/dev/$connect")
    assert event["headers"]["Auth"] == "secret"
    assert event["queryStringParameters"] == {"name": "ann"}
    assert event["requestContext"]["eventType"] == "CONNECT"


@behaviour(
    "authorizer", "a missing identity source is a 401, without asking the authorizer", LAMBDA_AUTH
)
@pytest.mark.parametrize(("path", "headers"), [("/dev", {"Auth": "x"}), ("/dev?name=ann", {})])
def test_a_missing_identity_is_unauthorized(
    tmp_path: Path, path: str, headers: dict[str, str]
) -> None:
    bench = guarded(tmp_path)
    assert bench.status(path, **headers) == 401
    assert bench.world.invoked == []


@behaviour("authorizer", "a denial is a 403", LAMBDA_AUTH)
@pytest.mark.parametrize(
    "answer",
    [
        policy("Deny"),
        policy(resource="arn:aws:execute-api:us-east-1:000000000000:other/*"),
        {"principalId": "ann", "policyDocument": {"Statement": []}},
    ],
)
def test_a_policy_that_does_not_allow_is_forbidden(tmp_path: Path, answer: Any) -> None:
    bench = guarded(tmp_path)
    bench.world.functions["gate"] = lambda event: answer
    assert bench.status("/dev?name=ann", Auth="x") == 403


@behaviour("authorizer", "an authorizer that fails or answers nonsense is a 500", LAMBDA_AUTH)
@pytest.mark.parametrize(
    "answer",
    [
        "hello",
        {},
        {"policyDocument": {"Statement": [{}]}},
        policy(context={"a": []}),
        policy(context={"a": "x" * 9000}),
    ],
)
def test_an_authorizer_that_fails_is_an_error(tmp_path: Path, answer: Any) -> None:
    bench = guarded(tmp_path)
    bench.world.functions["gate"] = lambda event: answer
    assert bench.status("/dev?name=ann", Auth="x") == 500


@behaviour(
    "authorizer",
    'an authorizer that raises "Unauthorized" is a 401',
    "apigateway-use-lambda-authorizer.html",
)
@pytest.mark.parametrize("separators", [(", ", ": "), (",", ":")], ids=["Python", "Node.js"])
def test_an_authorizer_may_say_unauthorized(tmp_path: Path, separators: tuple[str, str]) -> None:
    bench = guarded(tmp_path)

    def gate(event: Any) -> Any:
        error = {"errorMessage": "Unauthorized", "errorType": "Exception"}
        raise IntegrationFailed(f"gate failed: {json.dumps(error, separators=separators)}")

    bench.world.functions["gate"] = gate
    assert bench.status("/dev?name=ann", Auth="x") == 401


@behaviour(
    "authorizer",
    "a result is kept for as long as the authorizer's TTL says, by identity",
    "believed",
)
def test_an_authorizers_result_is_cached_by_identity(tmp_path: Path) -> None:
    bench = guarded(tmp_path, ttl=300)
    for _ in range(3):
        bench.opened("/dev?name=ann", Auth="x")
    bench.opened("/dev?name=bob", Auth="x")
    assert [name for name, _ in bench.world.invoked].count("gate") == 2
    uncached = guarded(tmp_path, ttl=0)
    for _ in range(3):
        uncached.opened("/dev?name=ann", Auth="x")
    assert [name for name, _ in uncached.world.invoked].count("gate") == 3


@behaviour(
    "authorizer",
    "in a policy an explicit Deny wins, and * and ? are wildcards",
    "api-gateway-lambda-authorizer-output.html",
)
@pytest.mark.parametrize(
    ("statements", "allowed"),
    [
        ([{"Effect": "Allow", "Action": "execute-api:*", "Resource": "arn:*/dev/$connect"}], True),
        ([{"Effect": "Allow", "Action": "EXECUTE-API:invoke", "Resource": ["a", "arn:?:*"]}], True),
        ([{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}], False),
        ([{"Effect": "Allow", "NotAction": "s3:*", "NotResource": "x"}], True),
        (
            [
                {"Effect": "Allow", "Action": "*", "Resource": "*"},
                {"Effect": "Deny", "Action": "*", "Resource": "*"},
            ],
            False,
        ),
        ([], False),
    ],
)
def test_policies_are_evaluated_as_iams(statements: Any, allowed: bool) -> None:
    answer = AuthorizerAnswer.read(orjson.dumps({"policyDocument": {"Statement": statements}}))
    assert (answer.decision("arn:a:api/dev/$connect") == Decision.ALLOWED) is allowed


@behaviour(
    "authorizer",
    "with AWS_IAM an unsigned request is a 403",
    "apigateway-websocket-control-access-iam.html",
)
def test_iam_wants_a_signature(tmp_path: Path) -> None:
    bench = Bench(tmp_path, route("$connect", "hello", ", AuthorizationType: AWS_IAM"))
    bench.world.functions["hello"] = accept
    assert bench.status() == 403
    assert bench.status(Authorization="AWS4-HMAC-SHA256 Credential=x") == 200
    assert bench.status("/dev?X-Amz-Signature=0") == 200
    asked = bench.world.signed[-1]
    assert (asked.method, asked.action) == ("GET", "execute-api:Invoke")
    assert asked.target.endswith("?X-Amz-Signature=0")
    assert asked.resource.endswith("/dev/$connect")
    bench.world.refused = "User: arn is not authorized"
    assert bench.status("/dev?X-Amz-Signature=0") == 403


# Integrations


def mapped(kind: str, more: str = "") -> str:
    return f"""
  Mapped:
    Type: AWS::ApiGatewayV2::Integration
    Properties:
      ApiId: !Ref Api
      IntegrationType: {kind}
{more}
""" + route("say", "", integration="Mapped")


@behaviour(
    "integration",
    "HTTP_PROXY passes message and answer as they are, with mapped parameters",
    "apigateway-websocket-api-integration-requests.html",
)
def test_an_http_proxy_is_asked_and_answers(tmp_path: Path) -> None:
    more = """
      IntegrationMethod: PUT
      IntegrationUri: http://api.test/${stageVariables.path}
      RequestParameters:
        integration.request.header.X-Connection: context.connectionId
        integration.request.header.X-Fixed: "'yes'"
        integration.request.querystring.text: route.request.body.text
"""
    base = BASE.replace("StageName: dev", "StageName: dev, StageVariables: {path: chat}")
    bench = Bench(tmp_path, mapped("HTTP_PROXY", more), base=base)
    bench.world.answer = HttpAnswer(201, "made")
    client = bench.opened()
    assert bench.send(client, action="say", text="a b") == ["made"]
    ((method, url, headers, body),) = bench.world.requested
    assert (method, url) == ("PUT", "http://api.test/chat?text=a+b")
    assert headers["X-Connection"] == client.connection.connection_id
    assert headers["X-Fixed"] == "yes"
    assert json.loads(body) == {"action": "say", "text": "a b"}


@behaviour(
    "integration",
    "HTTP maps the message by a template, and the answer by its status",
    "apigateway-websocket-api-integration-responses.html",
)
@pytest.mark.parametrize(("status", "frame"), [(200, '{"ok": "hi"}'), (404, '{"missing": true}')])
def test_an_http_integration_maps_both_ways(tmp_path: Path, status: int, frame: str) -> None:
    more = r"""
      IntegrationUri: http://api.test/
      TemplateSelectionExpression: $request.body.kind
      RequestTemplates:
        short: '{"t": $input.json("$.text"), "who": "$context.connectionId"}'
        $default: '{}'
  Fine:
    Type: AWS::ApiGatewayV2::IntegrationResponse
    Properties:
      ApiId: !Ref Api
      IntegrationId: !Ref Mapped
      IntegrationResponseKey: $default
      ResponseTemplates: {$default: '{"ok": $input.json("$.said")}'}
  Missing:
    Type: AWS::ApiGatewayV2::IntegrationResponse
    Properties:
      ApiId: !Ref Api
      IntegrationId: !Ref Mapped
      IntegrationResponseKey: /4\d\d/
      ResponseTemplates: {$default: '{"missing": true}'}
"""
    bench = Bench(tmp_path, mapped("HTTP", more))
    bench.world.answer = HttpAnswer(status, '{"said": "hi"}')
    client = bench.opened()
    assert bench.send(client, action="say", kind="short", text="a") == [frame]
    sent = json.loads(bench.world.requested[0][3])
    assert sent == {"t": "a", "who": client.connection.connection_id}


@behaviour(
    "integration",
    "MOCK answers from its templates alone",
    "apigateway-websocket-api-integration-requests.html",
)
def test_a_mock_answers_by_itself(tmp_path: Path) -> None:
    more = r"""
      TemplateSelectionExpression: \$default
      RequestTemplates: {$default: '{"statusCode": 200}'}
  Answer:
    Type: AWS::ApiGatewayV2::IntegrationResponse
    Properties:
      ApiId: !Ref Api
      IntegrationId: !Ref Mapped
      IntegrationResponseKey: $default
      ResponseTemplates: {$default: '{"route": "$context.routeKey"}'}
"""
    bench = Bench(tmp_path, mapped("MOCK", more))
    assert bench.send(bench.opened(), action="say") == ['{"route": "say"}']
    assert bench.world.invoked == []


@behaviour(
    "integration",
    "AWS to Lambda sends the mapped message, not the proxy event",
    "apigateway-websocket-api-integration-requests.html",
)
def test_a_lambda_integration_without_proxy(tmp_path: Path) -> None:
    uri = URI.format("arn:aws:lambda:us-east-1:000000000000:function:plain")
    bench = Bench(tmp_path, mapped("AWS", f"      IntegrationUri: {uri}"))
    bench.world.functions["plain"] = lambda event: {"got": event}
    assert [json.loads(t) for t in bench.send(bench.opened(), action="say", n=1)] == [
        {"got": {"action": "say", "n": 1}}
    ]


@behaviour(
    "integration", "a template or function that fails is an Internal server error frame", "believed"
)
@pytest.mark.parametrize("template", ["#if(", '{"no": "status"}', "not JSON"])
def test_a_mapping_that_fails_is_an_error_frame(tmp_path: Path, template: str) -> None:
    more = f"""
      TemplateSelectionExpression: $default
      RequestTemplates: {{$default: '{template}'}}
"""
    bench = Bench(tmp_path, mapped("MOCK", more))
    (frame,) = bench.send(bench.opened(), action="say")
    assert json.loads(frame)["message"] == "Internal server error"


@behaviour("integration", "a stage variable may name the function", "websocket-api-stages.html")
def test_a_stage_variable_names_the_function(tmp_path: Path) -> None:
    base = BASE.replace("StageName: dev", "StageName: dev, StageVariables: {fn: blue}")
    bench = Bench(tmp_path, route("say", "${stageVariables.fn}"), base=base)
    bench.world.functions["blue"] = echo
    (answer,) = bench.send(bench.opened(), action="say")
    assert json.loads(answer)["stageVariables"] == {"fn": "blue"}


# Requests that are not let through


@behaviour(
    "validation",
    'a message that does not fit the route\'s model is "Bad request body"',
    "websocket-api-request-validation.html",
)
@pytest.mark.parametrize(
    ("message", "fits"),
    [({"text": "hi"}, True), ({"text": 1}, False), ({}, False), ({"kind": "free"}, True)],
)
def test_a_message_is_held_against_its_model(
    tmp_path: Path, message: dict[str, Any], fits: bool
) -> None:
    models = """
  Said:
    Type: AWS::ApiGatewayV2::Model
    Properties:
      ApiId: !Ref Api
      Name: Said
      ContentType: application/json
      Schema: {type: object, required: [text], properties: {text: {type: string}}}
  Free:
    Type: AWS::ApiGatewayV2::Model
    Properties: {ApiId: !Ref Api, Name: Free, Schema: {}}
"""
    asks = ", ModelSelectionExpression: $request.body.kind"
    asks += ", RequestModels: {free: Free, $default: Said}"
    bench = Bench(tmp_path, models + route("say", "echo", asks))
    bench.world.functions["echo"] = echo
    (frame,) = bench.send(bench.opened(), action="say", **message)
    assert ("requestContext" in json.loads(frame)) is fits
    assert (json.loads(frame).get("message") == "Bad request body") is not fits
    assert len(bench.world.invoked) == fits


KEYS = """
  Key:
    Type: AWS::ApiGateway::ApiKey
    Properties: {Name: team, Value: the-key-of-the-team, Enabled: true}
  Off:
    Type: AWS::ApiGateway::ApiKey
    Properties: {Value: a-key-that-is-off, Enabled: false}
  Plan:
    Type: AWS::ApiGateway::UsagePlan
    Properties:
      ApiStages: [{ApiId: !Ref Api, Stage: !Ref Stage}]
      Throttle: {RateLimit: 1, BurstLimit: 2}
  PlanKey:
    Type: AWS::ApiGateway::UsagePlanKey
    Properties: {KeyId: !Ref Key, KeyType: API_KEY, UsagePlanId: !Ref Plan}
"""


@behaviour(
    "keys",
    "a route that needs an API key refuses a client without a valid one: 403",
    "apigateway-websocket-api-selection-expressions.html",
)
def test_an_api_key_is_asked_for_and_throttled(tmp_path: Path) -> None:
    bench = Bench(tmp_path, KEYS + route("$connect", "hello", ", ApiKeyRequired: true"))
    bench.world.functions["hello"] = accept
    assert bench.status() == 403
    assert bench.status(x_api_key="wrong") == 403
    assert bench.status(x_api_key="a-key-that-is-off") == 403
    found = [bench.status(x_api_key="the-key-of-the-team") for _ in range(3)]
    assert found == [200, 200, 429], "and the usage plan's burst is two"


@behaviour(
    "throttling",
    "over a stage's or a route's burst and rate: 429, or a Too Many Requests frame",
    "api-gateway-request-throttling.html",
)
def test_a_stage_and_a_route_are_throttled(tmp_path: Path) -> None:
    base = BASE.replace(
        "StageName: dev",
        "StageName: dev,"
        " DefaultRouteSettings: {ThrottlingRateLimit: 0.001, ThrottlingBurstLimit: 2}"
        ", RouteSettings: {say: {ThrottlingRateLimit: 0.001, ThrottlingBurstLimit: 1}}",
    )
    bench = Bench(tmp_path, route("$connect", "hello") + route("say", "echo"), base=base)
    bench.world.functions |= {"hello": accept, "echo": echo}
    client = bench.opened()
    assert bench.status() == 200
    assert bench.status() == 429
    assert "requestContext" in bench.send(client, action="say")[0]
    assert json.loads(bench.send(client, action="say")[0])["message"] == "Too Many Requests"


@behaviour(
    "throttling",
    "over 500 new connections a second for the account: 429 (can be set)",
    "apigateway-execution-service-websocket-limits-table.html",
)
def test_new_connections_are_limited_by_the_second(tmp_path: Path) -> None:
    bench = Bench(tmp_path, "")
    seconds = iter([1.1, 1.2, 1.3, 2.0])
    bench.world.steady = lambda: next(seconds)  # type: ignore[method-assign]
    bench.gateway.limits = Limits(new_connections_per_second=2)
    assert [bench.gateway.admits_another() for _ in range(4)] == [True, True, False, True]


# Logs, metrics, addresses


@behaviour(
    "monitoring",
    "access logs have the stage's format, with $context variables",
    "websocket-api-logging.html",
)
def test_access_logs_are_in_the_stages_format(tmp_path: Path) -> None:
    base = BASE.replace(
        "StageName: dev",
        "StageName: dev, AccessLogSettings:"
        " {DestinationArn: 'arn:aws:logs:us-east-1:1:log-group:/ws:*',"
        ' Format: \'{"r": "$context.routeKey", "s": $context.status, "x": "$context.nothing"}\'}',
    )
    bench = Bench(tmp_path, route("say", "echo"), base=base)
    bench.world.functions["echo"] = echo
    client = bench.opened()
    bench.send(client, action="say")
    bench.send(client, action="other")
    groups, lines = zip(*bench.world.log, strict=True)
    assert set(groups) == {"/ws"}
    assert [json.loads(line) for line in lines] == [
        {"r": "$connect", "s": 200, "x": "-"},
        {"r": "say", "s": 200, "x": "-"},
        {"r": "$default", "s": 403, "x": "-"},
    ]


@behaviour(
    "monitoring",
    "ConnectCount, MessageCount, IntegrationError, ClientError, ExecutionError, IntegrationLatency",
    "websocket-api-logging.html",
)
def test_metrics_have_api_gateways_names(tmp_path: Path) -> None:
    bench = Bench(tmp_path, route("say", "echo") + route("fail", "nobody"))
    bench.world.functions["echo"] = echo
    client = bench.opened()
    for action in ("say", "say", "fail", "other"):
        bench.send(client, action=action)
    api = client.connection.api_id
    text = bench.http("GET", "/_gateway/metrics").body.decode()
    for line in (
        f'ConnectCount{{ApiId="{api}",Stage="dev",Route="$connect"}} 1',
        f'MessageCount{{ApiId="{api}",Stage="dev",Route="say"}} 4',  # two each way
        f'MessageCount{{ApiId="{api}",Stage="dev",Route="$default"}} 2',
        f'IntegrationError{{ApiId="{api}",Stage="dev",Route="fail"}} 1',
        f'ExecutionError{{ApiId="{api}",Stage="dev",Route="fail"}} 1',
        f'ClientError{{ApiId="{api}",Stage="dev",Route="$default"}} 1',
        f'IntegrationLatency_count{{ApiId="{api}",Stage="dev",Route="say"}} 2',
        "Connections 1",
    ):
        assert line in text.splitlines()


@behaviour(
    "addresses",
    "a custom domain name's mapping key chooses API and stage",
    "websocket-api-develop-custom-domain-names.html",
)
def test_a_mapping_chooses_the_api_and_the_stage(tmp_path: Path) -> None:
    mappings = """
  Other:
    Type: AWS::ApiGatewayV2::Api
    Properties: {Name: other, ProtocolType: WEBSOCKET}
  OtherStage:
    Type: AWS::ApiGatewayV2::Stage
    Properties: {ApiId: !Ref Other, StageName: live}
  Domain:
    Type: AWS::ApiGatewayV2::DomainName
    Properties: {DomainName: ws.example.com}
  Root:
    Type: AWS::ApiGatewayV2::ApiMapping
    Properties: {DomainName: !Ref Domain, ApiId: !Ref Api, Stage: !Ref Stage}
  Deep:
    Type: AWS::ApiGatewayV2::ApiMapping
    Properties: {DomainName: !Ref Domain, ApiId: !Ref Other, Stage: live, ApiMappingKey: v2/chat}
"""
    bench = Bench(tmp_path, mappings)
    first, other = bench.registry.apis
    find = bench.gateway.addresses.find

    def place(host: str, path: str) -> tuple[str, str, str] | None:
        found = find(host, path)
        return (found.api.api_id, found.stage.name, found.rest) if found else None

    assert place("ws.example.com", "/") == (first, "dev", "")
    assert place("ws.example.com", "/v2/chat") == (other, "live", "")
    assert place("ws.example.com", "/v2/chat/@connections/x") == (other, "live", "@connections/x")
    assert place(f"{other}.localhost:8080", "/live") == (other, "live", "")
    assert place(f"{other}.localhost:8080", "/dev") is None
    assert place("localhost:8080", f"/{other}/live") == (other, "live", "")
    assert place("localhost:8080", "/") == (first, "dev", "")
    assert place("localhost:8080", "/live") is None, "a stage of another API"


@behaviour(
    "@connections",
    "a connection of another stage or API is Gone",
    "apigateway-how-to-call-websocket-api-connections.html",
)
def test_connections_belong_to_their_stage(tmp_path: Path) -> None:
    more = """
  Second:
    Type: AWS::ApiGatewayV2::Stage
    Properties: {ApiId: !Ref Api, StageName: second}
"""
    bench = Bench(tmp_path, more)
    name = bench.opened().connection.connection_id
    assert bench.http("POST", f"/dev/@connections/{name}", b"x").status == 200
    assert bench.http("POST", f"/dev//@connections/{name}", b"x").status == 200
    assert bench.http("POST", f"/second/@connections/{name}", b"x").status == 410
    assert bench.http("POST", f"/dev/@connections/{name}", b"x", signed=False).status == 403
    assert bench.http("POST", f"/third/@connections/{name}", b"x").status == 403


@behaviour(
    "$disconnect",
    "runs with the code and reason, best effort: a function that fails changes nothing",
    "apigateway-websocket-api-route-keys-connect-disconnect.html",
)
def test_disconnect_is_told_code_and_reason(tmp_path: Path) -> None:
    bench = Bench(tmp_path, route("$disconnect", "bye"))
    client = bench.opened()
    bench.leave(client, 1001, "Going away")
    bench.world.functions["bye"] = accept
    bench.leave(client, 1000, "Connection Closed Normally")
    contexts = [event["requestContext"] for _, event in bench.world.invoked]
    assert [(c["disconnectStatusCode"], c["disconnectReason"]) for c in contexts] == [
        (1001, "Going away"),
        (1000, "Connection Closed Normally"),
    ]
    assert bench.gateway.clients == {}


def test_the_gateway_tells_about_itself(tmp_path: Path) -> None:
    bench = Bench(tmp_path, "")
    for page in ("health", "metrics", "connections", "apis"):
        assert bench.http("GET", f"/_gateway/{page}").status == 200
    assert bench.http("GET", "/_gateway/other").status == 404


def test_the_latest_messages_can_be_looked_at_when_they_are_kept(tmp_path: Path) -> None:
    bench = Bench(tmp_path, route("echo", "echo"))
    assert bench.http("GET", "/_gateway/messages").status == 404, "nothing is kept unasked"
    bench.gateway.traffic = Traffic(4)
    bench.world.functions["echo"] = lambda event: {"statusCode": 200, "body": event["body"]}
    client = bench.opened()
    bench.send(client, action="echo", text="a" * 5000)
    bench.leave(client, 1001, "Going away")
    found = json.loads(bench.http("GET", "/_gateway/messages").body)
    assert [m["what"] for m in found["messages"]] == [
        "connected",
        "received",
        "sent",
        "disconnected",
    ]
    received = found["messages"][1]
    assert received["routeKey"] == "echo"
    assert received["characters"] > 5000 > len(received["text"])
    assert found["messages"][3] | {"time": 0, "number": 0} == {
        "number": 0,
        "time": 0,
        "connectionId": client.connection.connection_id,
        "what": "disconnected",
        "text": "Going away",
        "characters": 10,
        "code": 1001,
    }
    later = json.loads(bench.http("GET", f"/_gateway/messages?after={received['number']}").body)
    assert [m["what"] for m in later["messages"]] == ["sent", "disconnected"]
    bench.opened()
    kept = json.loads(bench.http("GET", "/_gateway/messages").body)["messages"]
    assert [m["number"] for m in kept] == [2, 3, 4, 5], "the oldest makes room"
    assert bench.http("GET", "/_gateway/messages?after=x").status == 400


# Faults


def faulty(folder: Path, *rules: dict[str, Any]) -> Bench:
    faults = Faults.read({"seed": 1, "rules": list(rules)})
    bench = Bench(folder, route("$connect", "hello") + route("say", "echo"), faults)
    bench.world.functions |= {
        "hello": accept,
        "echo": lambda event: {"statusCode": 200, "body": "e"},
    }
    return bench


@pytest.mark.parametrize(
    ("rule", "frames", "invocations", "slept"),
    [
        ({"on": "message", "action": "drop"}, [], 0, []),
        ({"on": "message", "action": "duplicate"}, ["e", "e"], 2, []),
        ({"on": "message", "action": "delay", "seconds": 2}, ["e"], 1, [2.0]),
        ({"on": "message", "action": "fail"}, ["Internal server error"], 0, []),
        ({"on": "integration", "action": "fail"}, ["Internal server error"], 0, []),
        ({"on": "integration", "action": "drop"}, ["Endpoint request timed out"], 0, [29.0]),
        ({"on": "integration", "action": "duplicate"}, ["e"], 2, []),
        ({"on": "message", "action": "drop", "route": "other"}, ["e"], 1, []),
        ({"on": "message", "action": "drop", "probability": 0}, ["e"], 1, []),
    ],
)
def test_a_fault_strikes_messages_and_integrations(
    tmp_path: Path, rule: Any, frames: list[str], invocations: int, slept: list[float]
) -> None:
    bench = faulty(tmp_path, rule | ({"route": "say"} if "route" not in rule else {}))
    client = bench.opened()
    bench.world.invoked.clear()
    seen = [
        text if text == "e" else json.loads(text)["message"]
        for text in bench.send(client, action="say")
    ]
    assert seen == frames
    assert len(bench.world.invoked) == invocations
    assert bench.world.slept == slept


def test_a_fault_strikes_connects_and_posts(tmp_path: Path) -> None:
    assert faulty(tmp_path, {"on": "connect", "action": "fail", "status": 503}).status() == 503
    assert faulty(tmp_path, {"on": "connect", "action": "drop"}).connect()[1] is None
    bench = faulty(tmp_path, {"on": "post", "action": "duplicate"})
    client = bench.opened()
    path = f"/dev/@connections/{client.connection.connection_id}"
    assert bench.http("POST", path, b"x").status == 200
    assert client.sent == ["x", "x"]
    gone = faulty(tmp_path, {"on": "post", "action": "fail", "status": 410})
    path = f"/dev/@connections/{gone.opened().connection.connection_id}"
    assert gone.http("POST", path, b"x").status == 410


def test_a_seed_repeats_the_same_faults() -> None:
    rules = {"rules": [{"on": "message", "action": "drop", "probability": 0.5}], "seed": 3}
    first, second = Faults.read(rules), Faults.read(rules)
    drops = [first.strike("message", route="say").drop for _ in range(50)]
    assert drops == [second.strike("message", route="say").drop for _ in range(50)]
    assert 5 < sum(drops) < 45


@pytest.mark.parametrize(
    ("document", "words"),
    [
        ([], "list of rules"),
        ({"rules": ["x"]}, "rule 1: expected a mapping"),
        ({"rules": [{"on": "moon", "action": "drop"}]}, "rule 1: on: expected one of connect"),
        ({"rules": [{"on": "message", "action": "x"}]}, "rule 1: action: expected one of delay"),
        ({"rules": [{"on": "message", "action": "drop", "probability": 2}]}, "from 0 to 1"),
        ({"rules": [{"on": "message", "action": "drop", "often": 2}]}, "unknown often"),
        ({"rules": [{"on": "post", "action": "fail", "status": 200}]}, "from 400 to 599"),
    ],
)
def test_a_wrong_fault_file_is_told_its_place(document: Any, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        Faults.read(document)


def test_a_change_serves_at_once_and_open_connections_stay(tmp_path: Path) -> None:
    bench = Bench(tmp_path, route("say", "echo"))
    bench.world.functions |= {"echo": echo, "new": accept}
    client = bench.opened()
    again = Bench(tmp_path, route("say", "echo") + route("more", "echo"))
    again.declared.register(bench.registry)
    assert "requestContext" in bench.send(client, action="more")[0]
    nothing = Bench(
        tmp_path, "", base=BASE.replace("Api:", "Else:").replace("!Ref Api", "!Ref Else")
    )
    nothing.declared.register(bench.registry)
    assert json.loads(bench.send(client, action="say")[0])["message"] == "Forbidden"
