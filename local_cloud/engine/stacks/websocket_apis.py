"""``AWS::ApiGatewayV2::*`` of WebSocket APIs: made at the gateway, by its control API.

https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/AWS_ApiGatewayV2.html
"""

from __future__ import annotations

import json
from typing import Any

from local_cloud.engine.stacks.resource_type import ResourceType


def _of_api(
    name: str, operation: str, *keys: str, renewed: bool = True, **more: Any
) -> ResourceType:
    """Return a type below an API; the last of its keys is what ``Ref`` gives."""
    return ResourceType(
        name=f"AWS::ApiGatewayV2::{name}",
        service="apigatewayv2",
        create=f"create_{operation}",
        update=f"update_{operation}" if renewed else None,
        delete=f"delete_{operation}",
        identifier=keys[-1],
        keys=keys,
        **more,
    )


def _text(schema: Any) -> str:
    return schema if isinstance(schema, str) else json.dumps(schema)


_API = _of_api(
    "Api",
    "api",
    "ApiId",
    attributes=lambda request, made: {"ApiEndpoint": made.get("ApiEndpoint", "")},
    fixed=("ProtocolType", "Tags"),
)
_DOMAIN = _of_api(
    "DomainName",
    "domain_name",
    "DomainName",
    renewed=False,
    attributes=lambda request, made: {
        f"Regional{key}": configuration[place]
        for configuration in made.get("DomainNameConfigurations", [])[:1]
        for key, place in (
            ("DomainName", "ApiGatewayDomainName"),
            ("HostedZoneId", "HostedZoneId"),
        )
        if place in configuration
    },
)

Api = _API.plugin()
Authorizer = _of_api("Authorizer", "authorizer", "ApiId", "AuthorizerId").plugin()
ApiMapping = _of_api(
    "ApiMapping", "api_mapping", "DomainName", "ApiMappingId", renewed=False
).plugin()
Deployment = _of_api("Deployment", "deployment", "ApiId", "DeploymentId", renewed=False).plugin()
DomainName = _DOMAIN.plugin()
Integration = _of_api("Integration", "integration", "ApiId", "IntegrationId").plugin()
IntegrationResponse = _of_api(
    "IntegrationResponse",
    "integration_response",
    "ApiId",
    "IntegrationId",
    "IntegrationResponseId",
).plugin()
Model = _of_api("Model", "model", "ApiId", "ModelId", written={"Schema": _text}).plugin()
Route = _of_api("Route", "route", "ApiId", "RouteId").plugin()
RouteResponse = _of_api(
    "RouteResponse", "route_response", "ApiId", "RouteId", "RouteResponseId"
).plugin()
Stage = _of_api("Stage", "stage", "ApiId", "StageName", fixed=("Tags",)).plugin()
