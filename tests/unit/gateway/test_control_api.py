"""``apigatewayv2``: what is created by the API serves at once."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.behaviours import behaviour
from tests.unit.gateway.world import URI, Bench
from websocket_gateway.core.selection import Scope

DOCS = "https://docs.aws.amazon.com/apigatewayv2/latest/api-reference/api-reference.html"


def call(bench: Bench, method: str, path: str, body: Any = b"") -> tuple[int, Any]:
    response = bench.http(method, f"/v2/{path}", body)
    return response.status, json.loads(response.body) if response.body else None


def made(bench: Bench, path: str, **body: Any) -> Any:
    status, answer = call(bench, "POST", path, body)
    assert status == 201, answer
    return answer


def an_api(bench: Bench) -> str:
    expression = "$request.body.action"
    api = made(
        bench, "apis", name="rt", protocolType="WEBSOCKET", routeSelectionExpression=expression
    )
    return str(api["apiId"])


@behaviour("apigatewayv2", "an API made by the API has routes, stages and integrations", DOCS)
def test_an_api_made_at_run_time_serves_at_once(tmp_path: Path) -> None:
    bench = Bench(tmp_path, "")
    bench.world.functions["echo"] = lambda event: {"statusCode": 200, "body": event["body"]}
    api = f"apis/{an_api(bench)}"
    uri = URI.format("arn:aws:lambda:us-east-1:000000000000:function:echo")
    integration = made(
        bench, f"{api}/integrations", integrationType="AWS_PROXY", integrationUri=uri
    )["integrationId"]
    route = made(bench, f"{api}/routes", routeKey="say", target=f"integrations/{integration}")[
        "routeId"
    ]
    made(bench, f"{api}/stages", stageName="live", stageVariables={"Tier": "beta"})
    client = bench.opened(f"/{api.removeprefix('apis/')}/live")
    assert bench.send(client, action="say") == [], "one way so far"
    made(bench, f"{api}/routes/{route}/routeresponses", routeResponseKey="$default")
    assert bench.send(client, action="say") == ['{"action": "say"}']
    assert bench.world.invoked[0][1]["stageVariables"] == {"Tier": "beta"}, "keys are the user's"
    status, changed = call(bench, "PATCH", f"{api}/routes/{route}", {"routeKey": "tell"})
    assert (status, changed["routeKey"]) == (200, "tell")
    assert json.loads(bench.send(client, action="say")[0])["message"] == "Forbidden"
    assert bench.send(client, action="tell") == ['{"action": "tell"}']
    assert call(bench, "DELETE", f"{api}/routes/{route}")[0] == 204
    assert json.loads(bench.send(client, action="tell")[0])["message"] == "Forbidden"


@behaviour("apigatewayv2", "every kind of resource is made, read, listed, updated, deleted", DOCS)
@pytest.mark.parametrize(
    ("kind", "body", "id_name", "change"),
    [
        ("routes", {"routeKey": "r"}, "routeId", {"operationName": "x"}),
        ("integrations", {"integrationType": "MOCK"}, "integrationId", {"timeoutInMillis": 50}),
        (
            "authorizers",
            {
                "authorizerType": "REQUEST",
                "name": "a",
                "identitySource": ["context.x"],
            },
            "authorizerId",
            {"authorizerResultTtlInSeconds": 1},
        ),
        ("models", {"name": "M", "schema": "{}"}, "modelId", {"description": "x"}),
        ("deployments", {}, "deploymentId", {"description": "x"}),
        ("stages", {"stageName": "s"}, "stageName", {"stageVariables": {"A": "b"}}),
    ],
)
def test_every_kind_of_resource(
    tmp_path: Path, kind: str, body: Any, id_name: str, change: Any
) -> None:
    bench = Bench(tmp_path, "")
    base = f"apis/{an_api(bench)}/{kind}"
    name = made(bench, base, **body)[id_name]
    assert call(bench, "GET", f"{base}/{name}")[1].items() >= body.items()
    assert [item[id_name] for item in call(bench, "GET", base)[1]["items"]] == [name]
    assert call(bench, "PATCH", f"{base}/{name}", change)[1].items() >= change.items()
    assert call(bench, "GET", f"{base}/{name}")[1].items() >= change.items()
    assert call(bench, "DELETE", f"{base}/{name}") == (204, None)
    assert call(bench, "GET", f"{base}/{name}")[0] == 404


def test_lists_come_in_pages(tmp_path: Path) -> None:
    bench = Bench(tmp_path, "")
    base = f"apis/{an_api(bench)}/routes"
    for number in range(5):
        made(bench, base, routeKey=f"r{number}")
    status, page = call(bench, "GET", f"{base}?maxResults=3")
    assert (status, len(page["items"]), page["nextToken"]) == (200, 3, "3")
    _, rest = call(bench, "GET", f"{base}?maxResults=3&nextToken=3")
    assert (len(rest["items"]), rest.get("nextToken")) == (2, None)


@behaviour("apigatewayv2", "what cannot be is a BadRequest, a duplicate a ConflictException", DOCS)
@pytest.mark.parametrize(
    ("path", "body", "status", "words"),
    [
        ("apis", {"name": "x", "protocolType": "HTTP"}, 400, "WEBSOCKET"),
        ("apis", {"protocolType": "WEBSOCKET"}, 400, "Name is required"),
        ("apis", {"name": "x", "protocolType": "WEBSOCKET"}, 400, "RouteSelectionExpression"),
        ("apis", b"{", 400, "Invalid request body"),
        ("apis", [], 400, "expected an object"),
        ("apis/nobody/routes", {"routeKey": "x"}, 404, "Invalid API identifier"),
        ("apis/{api}/routes", {}, 400, "RouteKey is required"),
        ("apis/{api}/routes", {"routeKey": "there"}, 409, "already exists"),
        ("apis/{api}/routes", {"routeKey": "x", "target": "integrations/no"}, 400, "Target"),
        ("apis/{api}/routes", {"routeKey": "x", "authorizationType": "JWT"}, 400, "HTTP APIs"),
        (
            "apis/{api}/routes",
            {"routeKey": "x", "authorizationType": "CUSTOM"},
            400,
            "AuthorizerId",
        ),
        ("apis/{api}/integrations", {"integrationType": "VPC"}, 400, "has to be one of"),
        ("apis/{api}/authorizers", {"authorizerType": "JWT", "name": "x"}, 400, "REQUEST"),
        ("apis/{api}/nothing", {}, 404, "No operation"),
        ("apis/{api}/routes/no/routeresponses", {"routeResponseKey": "$default"}, 404, "Route"),
        ("apis/{api}/deployments", {"stageName": "no"}, 404, "Stage"),
        ("nothing", {}, 404, "No operation"),
    ],
)
def test_what_cannot_be_is_said(
    tmp_path: Path, path: str, body: Any, status: int, words: str
) -> None:
    bench = Bench(tmp_path, "")
    api = an_api(bench)
    made(bench, f"apis/{api}/routes", routeKey="there")
    before = json.dumps(bench.registry.apis[api].routes)
    found, answer = call(bench, "POST", path.format(api=api), body)
    assert (found, words in answer["message"]) == (status, True), answer
    assert json.dumps(bench.registry.apis[api].routes) == before, "nothing is changed"


def test_an_unsigned_request_is_refused(tmp_path: Path) -> None:
    bench = Bench(tmp_path, "")
    assert bench.http("GET", "/v2/apis", signed=False).status == 403


@behaviour("apigatewayv2", "a custom domain name maps to a stage at run time", DOCS)
def test_a_domain_name_is_mapped_at_run_time(tmp_path: Path) -> None:
    bench = Bench(tmp_path, "")
    (api,) = bench.registry.apis
    made(bench, "domainnames", domainName="ws.test")
    mapping = {"apiId": api, "stage": "dev", "apiMappingKey": "chat"}
    name = made(bench, "domainnames/ws.test/apimappings", **mapping)["apiMappingId"]
    assert bench.status("/chat", "ws.test") == 200
    assert call(bench, "POST", "domainnames/ws.test/apimappings", mapping)[0] == 409
    assert call(bench, "DELETE", f"domainnames/ws.test/apimappings/{name}")[0] == 204
    assert bench.gateway.addresses.find("ws.test", "/chat") is None


def test_an_api_is_tagged(tmp_path: Path) -> None:
    bench = Bench(tmp_path, "")
    api = an_api(bench)
    arn = f"tags/arn%3Aaws%3Aapigateway%3Aus-east-1%3A%3A%2Fapis%2F{api}"
    assert call(bench, "POST", arn, {"tags": {"Team": "red"}})[0] == 201
    assert call(bench, "GET", arn)[1] == {"tags": {"Team": "red"}}
    assert call(bench, "GET", f"apis/{api}")[1]["tags"] == {"Team": "red"}
    assert call(bench, "DELETE", f"{arn}?tagKeys=Team")[0] == 204
    assert call(bench, "GET", arn)[1] == {"tags": {}}


@pytest.mark.parametrize(
    ("path", "body", "words"),
    [
        ("integrations", {"integrationType": "MOCK", "timeoutInMillis": "abc"}, "TimeoutInMillis"),
        ("integrations", {"integrationType": "MOCK", "timeoutInMillis": 60000}, "TimeoutInMillis"),
        (
            "integrations",
            {"integrationType": "MOCK", "requestParameters": [1]},
            "RequestParameters",
        ),
        ("integrations", {"integrationType": "MOCK", "requestTemplates": {"a": []}}, "RequestTem"),
        (
            "integrations",
            {"integrationType": "AWS_PROXY", "integrationUri": "arn:aws:sqs:x"},
            "AWS_PROXY takes a Lambda function",
        ),
        ("routes", {"routeKey": ["a"]}, "RouteKey"),
        ("routes", {"routeKey": "x", "apiKeyRequired": "perhaps"}, "ApiKeyRequired"),
        ("routes", {"routeKey": "x", "requestModels": {"m": "nobody"}}, "nobody"),
        ("stages", {"stageName": "x", "stageVariables": [1]}, "StageVariables"),
        (
            "stages",
            {"stageName": "x", "defaultRouteSettings": {"throttlingRateLimit": "fast"}},
            "ThrottlingRateLimit",
        ),
        ("models", {"name": "m", "schema": "{"}, "no JSON schema"),
        ("models", {"name": "m", "schema": '{"type": "elephant"}'}, "no JSON schema"),
        ("models", {"name": "m", "schema": '{"$ref": "http://127.0.0.1:1/x"}'}, "nothing is at"),
        (
            "authorizers",
            {
                "name": "a",
                "authorizerType": "REQUEST",
                "authorizerResultTtlInSeconds": "soon",
            },
            "AuthorizerResultTtlInSeconds",
        ),
    ],
)
def test_what_cannot_be_served_is_not_stored(
    tmp_path: Path, path: str, body: dict[str, Any], words: str
) -> None:
    bench = Bench(tmp_path, "")
    api = an_api(bench)
    status, answer = call(bench, "POST", f"apis/{api}/{path}", body)
    assert (status, words in answer["message"]) == (400, True), answer
    assert call(bench, "GET", f"apis/{api}/{path}")[1]["items"] == []
    made(bench, f"apis/{api}/routes", routeKey="there")  # every later change is possible


def test_a_change_that_cannot_be_served_leaves_things_as_they_were(tmp_path: Path) -> None:
    bench = Bench(tmp_path, "")
    api = an_api(bench)
    base = f"apis/{api}/integrations"
    integration = made(bench, base, integrationType="MOCK")["integrationId"]
    status, _ = call(bench, "PATCH", f"{base}/{integration}", {"timeoutInMillis": "abc"})
    assert status == 400
    assert call(bench, "GET", f"{base}/{integration}")[1]["timeoutInMillis"] == 29000


def test_an_integration_in_use_is_not_deleted(tmp_path: Path) -> None:
    bench = Bench(tmp_path, "")
    api = an_api(bench)
    integration = made(bench, f"apis/{api}/integrations", integrationType="MOCK")["integrationId"]
    made(bench, f"apis/{api}/routes", routeKey="x", target=f"integrations/{integration}")
    status, answer = call(bench, "DELETE", f"apis/{api}/integrations/{integration}")
    assert (status, "has no integration" in answer["message"]) == (400, True)
    assert call(bench, "GET", f"apis/{api}/integrations/{integration}")[0] == 200


def test_a_model_may_refer_to_another_of_its_api(tmp_path: Path) -> None:
    bench = Bench(tmp_path, "")
    api = an_api(bench)
    made(bench, f"apis/{api}/models", name="word", schema='{"type": "string"}')
    uri = f"https://apigateway.amazonaws.com/restapis/{api}/models/word"
    schema = json.dumps({"properties": {"text": {"$ref": uri}}})
    made(bench, f"apis/{api}/models", name="message", schema=schema)
    made(
        bench,
        f"apis/{api}/routes",
        routeKey="say",
        modelSelectionExpression="$request.body.kind",
        requestModels={"$default": "message"},
    )
    route = bench.gateway.apis[api].routes["say"]
    assert route.accepts(Scope(body='{"text": "hello"}'))
    assert not route.accepts(Scope(body='{"text": 7}'))
