"""Mapping templates of REST APIs, which LocalStack renders: they see values alone."""

from __future__ import annotations

import uuid

import httpx
import pytest

from tests.stack import Stack

pytestmark = pytest.mark.embedded("the engine is the same one in Docker")

JSON = "application/json"
TEMPLATE = "[$util.__class__][$input.json.__globals__][$context.clear][$context.stage][$input.body]"
ENDLESS = "#foreach($a in [1..999])#foreach($b in [1..999])#end#end"


def test_a_template_reaches_no_object_and_comes_to_an_end(stack: Stack) -> None:
    rest = stack.aws("apigateway")
    api = rest.create_rest_api(name=f"test-{uuid.uuid4().hex[:8]}")["id"]
    (root,) = rest.get_resources(restApiId=api)["items"]
    for verb, template in (("POST", TEMPLATE), ("PUT", ENDLESS)):
        where = {"restApiId": api, "resourceId": root["id"], "httpMethod": verb}
        rest.put_method(**where, authorizationType="NONE")
        asked = {JSON: '{"statusCode": 200}'}
        rest.put_integration(**where, type="MOCK", requestTemplates=asked)
        rest.put_method_response(**where, statusCode="200")
        rest.put_integration_response(**where, statusCode="200", responseTemplates={JSON: template})
    rest.create_deployment(restApiId=api, stageName="live")
    url = f"http://127.0.0.1:{stack.ports.engine}/_aws/execute-api/{api}/live/"
    answer = httpx.post(url, json={}, timeout=30, trust_env=False)
    assert (answer.status_code, answer.text) == (200, "[][][][live][{}]")
    assert httpx.put(url, json={}, timeout=30, trust_env=False).status_code == 500
    rest.delete_rest_api(restApiId=api)


@pytest.mark.timeout(60)
def test_no_body_makes_a_pattern_of_a_model_slow(stack: Stack) -> None:
    rest = stack.aws("apigateway")
    api = rest.create_rest_api(name=f"test-{uuid.uuid4().hex[:8]}")["id"]
    (root,) = rest.get_resources(restApiId=api)["items"]
    where = {"restApiId": api, "resourceId": root["id"], "httpMethod": "POST"}
    schema = '{"properties": {"text": {"type": "string", "pattern": "^(x|xx)*[yz]$"}}}'
    rest.create_model(restApiId=api, name="Checked", contentType=JSON, schema=schema)
    checks = rest.create_request_validator(restApiId=api, name="all", validateRequestBody=True)
    rest.put_method(
        **where,
        authorizationType="NONE",
        requestModels={JSON: "Checked"},
        requestValidatorId=checks["id"],
    )
    rest.put_integration(**where, type="MOCK", requestTemplates={JSON: '{"statusCode": 200}'})
    rest.put_method_response(**where, statusCode="200")
    rest.put_integration_response(**where, statusCode="200")
    rest.create_deployment(restApiId=api, stageName="live")
    url = f"http://127.0.0.1:{stack.ports.engine}/_aws/execute-api/{api}/live/"
    for end, status in (("y", 200), ("!", 400)):
        answer = httpx.post(url, json={"text": "x" * 5000 + end}, timeout=30, trust_env=False)
        assert answer.status_code == status
    rest.delete_rest_api(restApiId=api)
