"""What LocalStack leaves out of ``AWS::ApiGateway::*``: authorizers, and stages' method settings.

https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-properties-apigateway-stage-methodsetting.html
https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-apigateway-authorizer.html
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from localstack.services.apigateway.resource_providers.aws_apigateway_stage import (
    ApiGatewayStageProvider,
)
from localstack.services.cloudformation.resource_provider import (
    OperationStatus,
    ProgressEvent,
    ResourceRequest,
)

from local_cloud.engine.stacks.resource_type import ResourceType

_NAMES = (
    *("RestApiId", "AuthorizerId", "Name", "Type", "AuthType", "AuthorizerUri"),
    *("AuthorizerCredentials", "IdentitySource", "IdentityValidationExpression"),
    "AuthorizerResultTtlInSeconds",
)

Authorizer = ResourceType(
    name="AWS::ApiGateway::Authorizer",
    service="apigateway",
    create="create_authorizer",
    delete="delete_authorizer",
    identifier="AuthorizerId",
    keys=("RestApiId", "AuthorizerId"),
    renamed={
        **{name: name[0].lower() + name[1:] for name in _NAMES},
        "ProviderARNs": "providerARNs",
    },
    attributes=lambda request, made: {"AuthorizerId": made["id"]},
).plugin()

#: A property of a method's settings, and the last part of its path in ``UpdateStage``.
_SETTINGS = {
    "MetricsEnabled": "metrics/enabled",
    "LoggingLevel": "logging/loglevel",
    "DataTraceEnabled": "logging/dataTrace",
    "ThrottlingBurstLimit": "throttling/burstLimit",
    "ThrottlingRateLimit": "throttling/rateLimit",
    "CachingEnabled": "caching/enabled",
    "CacheTtlInSeconds": "caching/ttlInSeconds",
    "CacheDataEncrypted": "caching/dataEncrypted",
}
_create = ApiGatewayStageProvider.create


def method_settings(settings: list[Mapping[str, Any]]) -> Iterator[dict[str, str]]:
    """Yield the operations of ``UpdateStage`` that make a template's method settings."""
    for one in settings:
        resource = str(one.get("ResourcePath") or "/*")
        place = "*" if resource == "/*" else resource.replace("/", "~1")
        for name, path in _SETTINGS.items():
            if (value := one.get(name)) is not None:
                text = str(value).lower() if isinstance(value, bool) else str(value)
                verb = one.get("HttpMethod") or "*"
                yield {"op": "replace", "path": f"/{place}/{verb}/{path}", "value": text}


def _create_stage(self: ApiGatewayStageProvider, request: ResourceRequest) -> ProgressEvent:
    settings = list(method_settings(request.desired_state.get("MethodSettings") or []))
    made: ProgressEvent = _create(self, request)
    if settings and made.status == OperationStatus.SUCCESS:
        request.aws_client_factory.apigateway.update_stage(
            restApiId=made.resource_model["RestApiId"],
            stageName=made.resource_model["StageName"],
            patchOperations=settings,
        )
    return made


def keep_method_settings() -> None:
    """Have a stack's stages be made with their method settings, which LocalStack leaves out."""
    ApiGatewayStageProvider.create = _create_stage
