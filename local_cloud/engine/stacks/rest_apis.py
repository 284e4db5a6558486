"""``AWS::ApiGateway::*`` that LocalStack does not create: authorizers of REST APIs.

https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-apigateway-authorizer.html
"""

from __future__ import annotations

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
