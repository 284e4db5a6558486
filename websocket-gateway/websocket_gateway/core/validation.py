"""What an API's resources have to be like, whoever declares them: a template or the API.

https://docs.aws.amazon.com/apigatewayv2/latest/api-reference/api-reference.html
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import orjson
import referencing
from jsonschema import Draft4Validator
from jsonschema.exceptions import SchemaError
from referencing.exceptions import Unresolvable
from referencing.jsonschema import DRAFT4

from local_aws.given_patterns import NotMatched, compiled
from websocket_gateway.core.models import patterns_in
from websocket_gateway.core.record import FUNCTION_IN_URI, ApiRecord, Attributes
from websocket_gateway.core.selection import pattern_of
from websocket_gateway.core.services import SERVICE_URI

INTEGRATION_TYPES = ("AWS", "AWS_PROXY", "HTTP", "HTTP_PROXY", "MOCK")
#: Where a model refers to another one of its API.
_MODEL_URI = "https://apigateway.amazonaws.com/restapis/{api}/models/{model}"

_TEXT = {"type": "string"}
_TEXTS = {"type": "object", "additionalProperties": _TEXT}
_THROTTLE = {
    "type": "object",
    "properties": {
        "ThrottlingRateLimit": {"type": "number", "minimum": 0},
        "ThrottlingBurstLimit": {"type": "integer", "minimum": 0},
    },
}
#: By kind of resource; a property that is not named here is kept as it comes.
_SCHEMAS: dict[str, dict[str, Any]] = {
    "Api": {
        "Name": _TEXT,
        "RouteSelectionExpression": _TEXT,
        "ApiKeySelectionExpression": _TEXT,
    },
    "Route": {
        "RouteKey": _TEXT,
        "Target": _TEXT,
        "AuthorizationType": {"enum": ["NONE", "CUSTOM", "AWS_IAM"]},
        "AuthorizerId": _TEXT,
        "ApiKeyRequired": {"type": "boolean"},
        "ModelSelectionExpression": _TEXT,
        "RequestModels": _TEXTS,
    },
    "RouteResponse": {"RouteResponseKey": {"enum": ["$default"]}},
    "Integration": {
        "IntegrationType": {"enum": list(INTEGRATION_TYPES)},
        "IntegrationUri": _TEXT,
        "IntegrationMethod": _TEXT,
        "TimeoutInMillis": {"type": "integer", "minimum": 50, "maximum": 29_000},
        "RequestTemplates": _TEXTS,
        "RequestParameters": _TEXTS,
        "TemplateSelectionExpression": _TEXT,
        "IntegrationResponseSelectionExpression": _TEXT,
        "PassthroughBehavior": {"enum": ["WHEN_NO_MATCH", "NEVER", "WHEN_NO_TEMPLATES"]},
    },
    "IntegrationResponse": {
        "IntegrationResponseKey": _TEXT,
        "ResponseTemplates": _TEXTS,
        "TemplateSelectionExpression": _TEXT,
    },
    "Authorizer": {
        "AuthorizerType": {"enum": ["REQUEST"]},
        "AuthorizerUri": _TEXT,
        "IdentitySource": {"type": "array", "items": _TEXT},
        "AuthorizerResultTtlInSeconds": {"type": "integer", "minimum": 0, "maximum": 3600},
    },
    "Model": {"Name": _TEXT},
    "Stage": {
        "StageName": _TEXT,
        "StageVariables": _TEXTS,
        "AccessLogSettings": {
            "type": "object",
            "properties": {"Format": _TEXT, "DestinationArn": _TEXT},
        },
        "DefaultRouteSettings": _THROTTLE,
        "RouteSettings": {"type": "object", "additionalProperties": _THROTTLE},
    },
}
_VALIDATORS = {
    kind: Draft4Validator({"type": "object", "properties": properties})
    for kind, properties in _SCHEMAS.items()
}


@dataclass(frozen=True)
class Problem:
    """Why a resource cannot be: which one, which attribute of it, and what is wrong."""

    kind: str
    name: str
    attribute: str
    words: str


class InvalidApi(ValueError):
    """An API's record cannot be served; carries the first problem."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.words)
        self.problem = problem


def coerced(kind: str, attributes: Attributes) -> Attributes:
    """Return a resource with its texts read as what its kind wants, as CloudFormation does.

    ``"29000"`` becomes a number, ``"true"`` a truth value and a map's numbers texts; what cannot
    be read is left as it is, for :func:`problems` to name.
    """
    schemas = _SCHEMAS.get(kind, {})
    return {
        name: _coerced(value, schemas[name]) if name in schemas else value
        for name, value in attributes.items()
    }


def _coerced(value: Any, schema: Mapping[str, Any]) -> Any:
    match schema.get("type"):
        case "integer" | "number" if isinstance(value, str):
            try:
                number = float(value)
            except ValueError:
                return value
            return int(number) if number.is_integer() else number
        case "boolean" if value in ("true", "false"):
            return value == "true"
        case "array" if isinstance(value, str):
            return [value]
        case "string" if isinstance(value, bool):
            return "true" if value else "false"
        case "string" if isinstance(value, int | float):
            return str(value)
        case "object" if isinstance(value, dict):
            inner = schema.get("properties", {})
            rest = schema.get("additionalProperties", {})
            return {name: _coerced(item, inner.get(name, rest)) for name, item in value.items()}
    return value


def problems(record: ApiRecord) -> Iterator[Problem]:
    """Yield what is wrong with an API, and with how its resources refer to each other."""
    for kind, name, attributes in _resources(record):
        for error in _VALIDATORS[kind].iter_errors(attributes):
            path = [str(step) for step in error.absolute_path]
            yield Problem(kind, name, path[0] if path else "", f"{'.'.join(path)}: {_words(error)}")
        if check := _CHECKS.get(kind):
            for attribute, words in check(record, attributes):
                yield Problem(kind, name, attribute, words)


def _words(error: Any) -> str:
    if error.validator == "enum":
        return f"has to be one of {', '.join(error.validator_value)}, not {error.instance!r}"
    return str(error.message)


def _resources(record: ApiRecord) -> Iterator[tuple[str, str, Attributes]]:
    yield "Api", record.api_id, record.attributes
    for kind, table in (
        ("Integration", record.integrations),
        ("Authorizer", record.authorizers),
        ("Model", record.models),
        ("Route", record.routes),
        ("Stage", record.stages),
        *(("RouteResponse", table) for table in record.route_responses.values()),
        *(("IntegrationResponse", table) for table in record.integration_responses.values()),
    ):
        for name, attributes in table.items():
            yield kind, name, attributes


Found = Iterator[tuple[str, str]]


def _check_integration(record: ApiRecord, integration: Attributes) -> Found:
    kind, uri = integration.get("IntegrationType"), integration.get("IntegrationUri")
    if kind not in ("AWS", "AWS_PROXY") or FUNCTION_IN_URI.search(str(uri)):
        return
    if kind == "AWS_PROXY":
        words = "AWS_PROXY takes a Lambda function"
    elif SERVICE_URI.match(str(uri)):
        return
    else:
        words = "AWS takes arn:aws:apigateway:REGION:SERVICE:action/ACTION or …:path/PATH"
    yield "IntegrationUri", f"IntegrationUri: {words}, not {uri}"


def _check_route(record: ApiRecord, route: Attributes) -> Found:
    key, target = route.get("RouteKey"), route.get("Target")
    if target and str(target).removeprefix("integrations/") not in record.integrations:
        yield "Target", f"Target: route {key!r} has no integration ({target})"
    kind, authorizer = route.get("AuthorizationType"), route.get("AuthorizerId")
    if authorizer and authorizer not in record.authorizers:
        yield "AuthorizerId", f"AuthorizerId {authorizer} is no authorizer of this API"
    if kind == "CUSTOM" and not authorizer:
        yield "AuthorizationType", f"AuthorizationType CUSTOM of {key!r} needs an AuthorizerId"
    if kind == "CUSTOM" and key != "$connect":
        yield "AuthorizationType", "Only the $connect route can have an authorizer"
    names = {str(model.get("Name")) for model in record.models.values()}
    models = route.get("RequestModels")
    for model in models.values() if isinstance(models, dict) else ():
        if model not in names:
            yield "RequestModels", f"RequestModels: model {model!r} does not exist"


def _check_model(record: ApiRecord, model: Attributes) -> Found:
    try:
        schema = schema_of(model)
        Draft4Validator.check_schema(schema)
    except (ValueError, SchemaError) as error:
        said = error.message if isinstance(error, SchemaError) else str(error)
        yield "Schema", f"Schema of model {model.get('Name')!r} is no JSON schema: {said}"
        return
    for pattern in patterns_in(schema):
        try:
            compiled(pattern)
        except NotMatched as error:
            yield "Schema", f"Schema of model {model.get('Name')!r}: {error}"
    resolver = model_registry(record).resolver_with_root(DRAFT4.create_resource(schema))
    for reference in _references(schema):
        try:
            resolver.lookup(reference)
        except Unresolvable:
            yield "Schema", f"Schema of model {model.get('Name')!r}: nothing is at $ref {reference}"


def _check_response(record: ApiRecord, response: Attributes) -> Found:
    pattern = pattern_of(str(response.get("IntegrationResponseKey")))
    if pattern is not None:
        try:
            compiled(pattern)
        except NotMatched as error:
            yield "IntegrationResponseKey", f"IntegrationResponseKey: {error}"


_CHECKS: dict[str, Callable[[ApiRecord, Attributes], Found]] = {
    "Integration": _check_integration,
    "Route": _check_route,
    "IntegrationResponse": _check_response,
    "Model": _check_model,
}


def schema_of(model: Attributes) -> dict[str, Any]:
    """Return a model's JSON schema.

    Raises:
        ValueError: it is none.
    """
    schema = model.get("Schema") or {}
    document = orjson.loads(schema) if isinstance(schema, str) else schema
    if not isinstance(document, dict):
        raise ValueError("expected an object")
    return document


def model_registry(record: ApiRecord) -> referencing.Registry[Any]:
    """Return an API's models as other models refer to them; nothing is fetched from elsewhere."""
    registry: referencing.Registry[Any] = referencing.Registry()
    for model in record.models.values():
        uri = _MODEL_URI.format(api=record.api_id, model=model.get("Name"))
        try:
            registry = registry.with_resource(uri, DRAFT4.create_resource(schema_of(model)))
        except ValueError:
            continue  # named as a problem of its own
    return registry


def _references(schema: Any) -> Iterator[str]:
    if isinstance(schema, dict):
        if isinstance(schema.get("$ref"), str):
            yield schema["$ref"]
        for value in schema.values():
            yield from _references(value)
    elif isinstance(schema, list):
        for value in schema:
            yield from _references(value)
