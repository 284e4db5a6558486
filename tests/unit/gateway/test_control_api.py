"""``apigatewayv2``: what is created by the API serves at once."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.behaviours import behaviour
from tests.unit.gateway.world import URI, Bench

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
