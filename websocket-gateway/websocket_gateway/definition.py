"""A WebSocket API as its template declares it: routes, integrations, stage.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/AWS_ApiGatewayV2.html
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from websocket_gateway.selection import RouteSelectionExpression
from websocket_gateway.template import Resource, Template, TemplateError

_FUNCTION_IN_URI = re.compile(r":function:(?P<name>[\w-]+)(?::(?P<qualifier>[\w$-]+))?")


@dataclass(frozen=True)
class Route:
    """A route key and the Lambda function behind it. ``timeout`` is in seconds."""

    key: str
    function: str
    timeout: float
    two_way: bool = False


@dataclass(frozen=True)
class WebSocketApi:
    """One API with its routes by key."""

    api_id: str
    name: str
    stage: str
    selection: RouteSelectionExpression
    routes: Mapping[str, Route] = field(default_factory=dict)

    def route_for(self, body: str) -> Route | None:
        """Return the route for a message: by its key, else ``$default``, else none."""
        key = self.selection.evaluate(body)
        if key is not None and not key.startswith("$") and key in self.routes:
            return self.routes[key]
        return self.routes.get("$default")


def read_apis(template: Template) -> list[WebSocketApi]:
    """Return the WebSocket APIs that a template declares.

    Raises:
        TemplateError: there is none, or one of its resources is not supported; names it.
    """
    integrations = {
        r.logical_id: _integration(template, r)
        for r in template.resources("AWS::ApiGatewayV2::Integration")
    }
    responses = {
        str(r.properties.get("RouteId"))
        for r in template.resources("AWS::ApiGatewayV2::RouteResponse")
    }
    routes = list(template.resources("AWS::ApiGatewayV2::Route"))
    stages = {
        str(r.properties.get("ApiId")): str(r.properties.get("StageName", "$default"))
        for r in template.resources("AWS::ApiGatewayV2::Stage")
    }
    apis = []
    for api in template.resources("AWS::ApiGatewayV2::Api"):
        if api.properties.get("ProtocolType") != "WEBSOCKET":
            continue
        name = template.physical_name(api.logical_id)
        mine = [r for r in routes if r.properties.get("ApiId") in (name, api.logical_id)]
        expression = api.properties.get("RouteSelectionExpression", "$request.body.action")
        apis.append(
            WebSocketApi(
                api_id=_api_id(api.logical_id),
                name=name,
                stage=stages.get(name, stages.get(api.logical_id, "$default")),
                selection=RouteSelectionExpression(str(expression)),
                routes={
                    route.key: route
                    for route in (_route(template, r, integrations, responses) for r in mine)
                },
            )
        )
    if not apis:
        raise TemplateError(f"{template.path}: it declares no AWS::ApiGatewayV2::Api (WEBSOCKET)")
    return apis


def _api_id(logical_id: str) -> str:
    """Ten characters as AWS's are, the same at every start."""
    digest = int.from_bytes(hashlib.sha256(logical_id.encode()).digest()[:8], "big")
    alphabet = "abcdefghijklmnopqrstuvwxyz0123456789"
    return "".join(alphabet[digest // 36**i % 36] for i in range(10))


def _integration(template: Template, resource: Resource) -> tuple[str, float]:
    kind = resource.properties.get("IntegrationType")
    uri = str(resource.properties.get("IntegrationUri"))
    match = _FUNCTION_IN_URI.search(uri)
    if kind != "AWS_PROXY" or match is None:
        raise TemplateError(
            f"{template.path}: integration {resource.logical_id}: only AWS_PROXY to a Lambda "
            f"function is supported, not {kind} to {uri}"
        )
    return match["name"], float(resource.properties.get("TimeoutInMillis", 29_000)) / 1000


def _route(
    template: Template,
    resource: Resource,
    integrations: Mapping[str, tuple[str, float]],
    responses: set[str],
) -> Route:
    key = str(resource.properties.get("RouteKey"))
    target = str(resource.properties.get("Target", "")).removeprefix("integrations/")
    if target not in integrations:
        raise TemplateError(
            f"{template.path}: route {key!r} has no integration (Target: {target!r})"
        )
    authorization = resource.properties.get("AuthorizationType", "NONE")
    if authorization != "NONE":
        raise TemplateError(
            f"{template.path}: route {key!r}: AuthorizationType {authorization} is not supported"
        )
    function, timeout = integrations[target]
    return Route(key, function, timeout, resource.logical_id in responses)
