"""The ``apigatewayv2`` API for WebSocket APIs: create, get, update, delete; served at once.

Deployments exist and can be named, but nothing waits for one: a change serves when it is made.

https://docs.aws.amazon.com/apigatewayv2/latest/api-reference/api-reference.html
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, unquote

import orjson

from local_aws.account import ACCOUNT_ID
from local_aws.http_message import Request, Response
from websocket_gateway.core.record import ApiRecord, Attributes, Table, new_id
from websocket_gateway.core.registry import Registry
from websocket_gateway.core.replies import error, json_reply
from websocket_gateway.core.signature import is_signed
from websocket_gateway.core.validation import InvalidApi, coerced

#: Attributes whose value is a map with keys of the user's own.
_MAPS = {
    *("StageVariables", "RequestParameters", "RequestTemplates", "ResponseParameters"),
    *("ResponseTemplates", "RequestModels", "ResponseModels", "Tags", "RouteSettings"),
}
#: Maps whose values have attributes of their own.
_MAPS_OF_STRUCTURES = {"RouteSettings"}
_PAGE = 500


class Rejected(Exception):
    """The request is answered with an error."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.response = error(status, code, message)


def _missing(kind: str, name: str) -> Rejected:
    return Rejected(404, "NotFoundException", f"Unable to find {kind} by ID {name} within the API")


def _bad(message: str) -> Rejected:
    return Rejected(400, "BadRequestException", message)


@dataclass(frozen=True)
class Kind:
    """A collection of resources below an API, as its path names it."""

    title: str
    id_name: str
    table: Callable[[ApiRecord, str], Table]
    required: tuple[str, ...] = ()
    #: The attribute that no two of them share.
    unique: str | None = None
    defaults: Mapping[str, Any] = field(default_factory=dict)


_KINDS = {
    "routes": Kind(
        "Route",
        "RouteId",
        lambda record, _: record.routes,
        ("RouteKey",),
        "RouteKey",
        {"ApiKeyRequired": False, "AuthorizationType": "NONE"},
    ),
    "integrations": Kind(
        "Integration",
        "IntegrationId",
        lambda record, _: record.integrations,
        ("IntegrationType",),
        None,
        {"ConnectionType": "INTERNET", "TimeoutInMillis": 29000},
    ),
    "authorizers": Kind(
        "Authorizer",
        "AuthorizerId",
        lambda record, _: record.authorizers,
        ("AuthorizerType", "Name"),
        "Name",
    ),
    "models": Kind("Model", "ModelId", lambda record, _: record.models, ("Name", "Schema"), "Name"),
    "stages": Kind(
        "Stage", "StageName", lambda record, _: record.stages, ("StageName",), "StageName"
    ),
    "deployments": Kind(
        "Deployment",
        "DeploymentId",
        lambda record, _: record.deployments,
        (),
        None,
        {"DeploymentStatus": "DEPLOYED", "AutoDeployed": False},
    ),
    "routeresponses": Kind(
        "RouteResponse",
        "RouteResponseId",
        lambda record, parent: record.route_responses.setdefault(parent, {}),
        ("RouteResponseKey",),
        "RouteResponseKey",
    ),
    "integrationresponses": Kind(
        "IntegrationResponse",
        "IntegrationResponseId",
        lambda record, parent: record.integration_responses.setdefault(parent, {}),
        ("IntegrationResponseKey",),
        "IntegrationResponseKey",
    ),
}
_CHILDREN = {"routes": "routeresponses", "integrations": "integrationresponses"}


def answer(registry: Registry, request: Request) -> Response:
    """Answer one request to ``/v2/...``; a change takes effect before the answer."""
    if not is_signed(request.headers):
        return error(403, "MissingAuthenticationTokenException", "Missing Authentication Token")
    parts = [unquote(part) for part in request.path.strip("/").split("/")][1:]
    try:
        body = _body(request)
        if parts and parts[0] == "apis":
            return _apis(registry, request, parts[1:], body)
        if parts and parts[0] == "domainnames":
            return _domain_names(registry, request, parts[1:], body)
        if parts and parts[0] == "tags" and len(parts) > 1:
            return _tags(registry, request, "/".join(parts[1:]), body)
    except Rejected as rejected:
        return rejected.response
    except InvalidApi as invalid:
        return _bad(str(invalid)).response
    return error(404, "NotFoundException", f"No operation at {request.method} {request.path}")


def _body(request: Request) -> Attributes:
    if not request.body:
        return {}
    try:
        document = orjson.loads(request.body)
    except ValueError as wrong:
        raise _bad(f"Invalid request body: {wrong}") from wrong
    if not isinstance(document, dict):
        raise _bad("Invalid request body: expected an object")
    return {k: v for k, v in _read(document).items() if v is not None}


def _read(document: Mapping[str, Any]) -> Attributes:
    """Wire names begin with a small letter, the names of attributes with a capital one."""
    attributes: Attributes = {}
    for name, value in document.items():
        name = name[:1].upper() + name[1:]
        if isinstance(value, dict):
            if name in _MAPS_OF_STRUCTURES:
                value = {key: _read(item) for key, item in value.items()}
            elif name not in _MAPS:
                value = _read(value)
        attributes[name] = value
    return attributes


def _written(attributes: Mapping[str, Any]) -> dict[str, Any]:
    document: dict[str, Any] = {}
    for name, value in attributes.items():
        if isinstance(value, dict):
            if name in _MAPS_OF_STRUCTURES:
                value = {key: _written(item) for key, item in value.items()}
            elif name not in _MAPS:
                value = _written(value)
        document[name[:1].lower() + name[1:]] = value
    return document


def _listed(request: Request, items: list[Attributes]) -> Response:
    query = parse_qs(request.query)
    try:
        size = int(query.get("maxResults", [str(_PAGE)])[0])
        start = int(query.get("nextToken", ["0"])[0])
    except ValueError as wrong:
        raise _bad("maxResults and nextToken are numbers here") from wrong
    page: dict[str, Any] = {"items": [_written(item) for item in items[start : start + size]]}
    if start + size < len(items):
        page["nextToken"] = str(start + size)
    return json_reply(200, page)


def _now(registry: Registry) -> str:
    moment = datetime.fromtimestamp(registry.clock() // 1000, UTC)
    return moment.isoformat(timespec="seconds").replace("+00:00", "Z")


# APIs


def _apis(registry: Registry, request: Request, parts: list[str], body: Attributes) -> Response:
    if not parts:
        if request.method == "POST":
            return _create_api(registry, request, body)
        return _listed(request, [record.attributes for record in registry.apis.values()])
    record = registry.apis.get(parts[0])
    if record is None:
        raise Rejected(
            404, "NotFoundException", f"Invalid API identifier specified {ACCOUNT_ID}:{parts[0]}"
        )
    if request.method != "GET":
        record = deepcopy(record)  # it takes the other's place once it is known to serve
    if len(parts) > 1:
        return _resources(registry, request, record, parts[1:], body)
    match request.method:
        case "GET":
            return json_reply(200, _written(record.attributes))
        case "PATCH":
            record.attributes.update(_without(body, "ApiId", "ProtocolType", "ApiEndpoint"))
            registry.put(record)
            return json_reply(200, _written(record.attributes))
        case "DELETE":
            registry.remove(record.api_id)
            return Response(204)
    raise _bad(f"{request.method} is not possible here")


def _create_api(registry: Registry, request: Request, body: Attributes) -> Response:
    if not body.get("Name"):
        raise _bad("Name is required")
    if body.get("ProtocolType") != "WEBSOCKET":
        raise _bad(
            "Only ProtocolType WEBSOCKET is served here: for HTTP make a REST API "
            "(AWS::Serverless::Api, AWS::ApiGateway::RestApi) or a function URL"
        )
    if not body.get("RouteSelectionExpression"):
        raise _bad("RouteSelectionExpression is required for WEBSOCKET APIs")
    api_id = new_id(10)
    host = request.headers.get("host", "localhost")
    attributes = {
        "ApiKeySelectionExpression": "$request.header.x-api-key",
        "DisableExecuteApiEndpoint": False,
        "Tags": {},
        **body,
        "ApiId": api_id,
        "ApiEndpoint": f"ws://{host}/{api_id}",
        "CreatedDate": _now(registry),
    }
    registry.put(ApiRecord(coerced("Api", attributes)))
    return json_reply(201, _written(attributes))


def _without(body: Attributes, *names: str) -> Attributes:
    return {name: value for name, value in body.items() if name not in names}


# What belongs to an API


def _resources(
    registry: Registry, request: Request, record: ApiRecord, parts: list[str], body: Attributes
) -> Response:
    kind = _KINDS.get(parts[0])
    parent = ""
    if kind is not None and len(parts) > 2:
        if parts[2] != _CHILDREN.get(parts[0]):
            return error(404, "NotFoundException", f"No operation at {request.path}")
        parent = parts[1]
        if parent not in kind.table(record, ""):
            raise _missing(kind.title, parent)
        kind, parts = _KINDS[parts[2]], parts[2:]
    if kind is None:
        return error(404, "NotFoundException", f"No operation at {request.path}")
    table = kind.table(record, parent)
    if len(parts) == 1:
        if request.method == "POST":
            return _create(registry, record, kind, table, body)
        return _listed(request, list(table.values()))
    name = parts[1]
    if name not in table:
        raise _missing(kind.title, name)
    match request.method:
        case "GET":
            return json_reply(200, _written(table[name]))
        case "PATCH":
            changed = coerced(kind.title, {**table[name], **_without(body, kind.id_name)})
            _check(kind, {k: v for k, v in table.items() if k != name}, changed)
            if kind.title == "Stage":
                changed["LastUpdatedDate"] = _now(registry)
            table[name] = changed
            registry.put(record)
            return json_reply(200, _written(changed))
        case "DELETE":
            del table[name]
            record.route_responses.pop(name, None)
            record.integration_responses.pop(name, None)
            registry.put(record)
            return Response(204)
    raise _bad(f"{request.method} is not possible here")


def _create(
    registry: Registry, record: ApiRecord, kind: Kind, table: Table, body: Attributes
) -> Response:
    for name in kind.required:
        if not body.get(name):
            raise _bad(f"{name} is required")
    attributes = coerced(kind.title, {**kind.defaults, **body})
    if kind.title == "Stage":
        attributes = {"StageVariables": {}, "DefaultRouteSettings": {}, **attributes}
        attributes |= {"CreatedDate": _now(registry), "LastUpdatedDate": _now(registry)}
    elif kind.title == "Deployment":
        attributes["CreatedDate"] = _now(registry)
    _check(kind, table, attributes)
    name = attributes.setdefault(kind.id_name, new_id())
    table[name] = attributes
    if kind.title == "Deployment" and (stage := attributes.pop("StageName", None)):
        if stage not in record.stages:
            raise _missing("Stage", str(stage))
        record.stages[stage]["DeploymentId"] = name
    registry.put(record)
    return json_reply(201, _written(attributes))


def _check(kind: Kind, others: Table, attributes: Attributes) -> None:
    unique = kind.unique
    if unique and any(other.get(unique) == attributes.get(unique) for other in others.values()):
        raise Rejected(
            409,
            "ConflictException",
            f"{kind.title} with {unique} {attributes.get(unique)} already exists for this API",
        )
    if attributes.get("AuthorizationType") == "JWT":
        raise _bad("AuthorizationType JWT is for HTTP APIs")


# Custom domain names


def _domain_names(
    registry: Registry, request: Request, parts: list[str], body: Attributes
) -> Response:
    if not parts:
        if request.method != "POST":
            return _listed(request, list(registry.domain_names.values()))
        name = str(body.get("DomainName") or "")
        if not name:
            raise _bad("DomainName is required")
        if name in registry.domain_names:
            raise Rejected(409, "ConflictException", f"{name} already exists")
        registry.domain_names[name] = {"DomainNameConfigurations": [], "Tags": {}, **body}
        registry.mappings[name] = {}
        return json_reply(201, _written(registry.domain_names[name]))
    name = parts[0]
    if name not in registry.domain_names:
        raise Rejected(404, "NotFoundException", f"Invalid domain name identifier specified {name}")
    if len(parts) > 1 and parts[1] == "apimappings":
        return _mappings(registry, request, name, parts[2:], body)
    match request.method:
        case "GET":
            return json_reply(200, _written(registry.domain_names[name]))
        case "DELETE":
            del registry.domain_names[name], registry.mappings[name]
            registry.changed()
            return Response(204)
    raise _bad(f"{request.method} is not possible here")


def _mappings(
    registry: Registry, request: Request, domain: str, parts: list[str], body: Attributes
) -> Response:
    table = registry.mappings[domain]
    if not parts and request.method != "POST":
        return _listed(request, list(table.values()))
    if parts and parts[0] not in table:
        raise _missing("ApiMapping", parts[0])
    if parts and request.method == "GET":
        return json_reply(200, _written(table[parts[0]]))
    if parts and request.method == "DELETE":
        del table[parts[0]]
        registry.changed()
        return Response(204)
    name = parts[0] if parts else new_id()
    mapping = {**table.get(name, {"ApiMappingKey": ""}), **body, "ApiMappingId": name}
    record = registry.apis.get(str(mapping.get("ApiId")))
    if record is None or mapping.get("Stage") not in record.stages:
        raise _bad("ApiId and Stage have to name a stage of an API")
    key = mapping["ApiMappingKey"]
    if any(m["ApiMappingKey"] == key for other, m in table.items() if other != name):
        raise Rejected(409, "ConflictException", f"ApiMapping key {key!r} already exists")
    table[name] = mapping
    registry.changed()
    return json_reply(200 if parts else 201, _written(mapping))


# Tags


def _tags(registry: Registry, request: Request, arn: str, body: Attributes) -> Response:
    path = arn.partition("::")[2].strip("/").split("/")
    record = registry.apis.get(path[1]) if len(path) > 1 and path[0] == "apis" else None
    if record is None:
        raise Rejected(404, "NotFoundException", f"Invalid resource ARN {arn}")
    record = deepcopy(record)
    owner = record.attributes
    if len(path) > 3 and path[2] == "stages":
        if path[3] not in record.stages:
            raise _missing("Stage", path[3])
        owner = record.stages[path[3]]
    tags = owner.setdefault("Tags", {})
    match request.method:
        case "GET":
            return json_reply(200, {"tags": tags})
        case "POST":
            tags.update(body.get("Tags") or {})
            registry.put(record)
            return json_reply(201, {})
        case "DELETE":
            for name in parse_qs(request.query).get("tagKeys", []):
                tags.pop(name, None)
            registry.put(record)
            return Response(204)
    raise _bad(f"{request.method} is not possible here")
