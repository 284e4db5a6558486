"""``AWS::Cognito::*`` of user pools.

https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/AWS_Cognito.html
"""

from __future__ import annotations

from collections.abc import Mapping

from localstack.services.cloudformation.resource_provider import ResourceRequest

from local_cloud.engine.stacks.resource_type import Properties, ResourceType

_SERVICE = "cognito_idp"


def _pool(request: ResourceRequest, made: Properties) -> Properties:
    name = f"cognito-idp.{request.region_name}.amazonaws.com/{made['Id']}"
    return {
        "UserPoolId": made["Id"],
        "Arn": made["Arn"],
        "ProviderName": name,
        "ProviderURL": f"https://{name}",
    }


def _second_factors(model: Properties) -> Mapping[str, Properties]:
    """Return the call that sets what ``EnabledMfas`` names: a pool is made without it."""
    enabled = model.get("EnabledMfas")
    if not enabled or model.get("MfaConfiguration", "OFF") == "OFF":
        return {}
    factors: Properties = {}
    if "SOFTWARE_TOKEN_MFA" in enabled:
        factors["SoftwareTokenMfaConfiguration"] = {"Enabled": True}
    if "SMS_MFA" in enabled:
        factors["SmsMfaConfiguration"] = {"SmsConfiguration": model.get("SmsConfiguration", {})}
    return {
        "set_user_pool_mfa_config": {
            "UserPoolId": model["UserPoolId"],
            "MfaConfiguration": model["MfaConfiguration"],
            **factors,
        }
    }


def _attachment(request: ResourceRequest, made: Properties) -> Properties:
    state = request.desired_state
    return {"Id": f"{state['UserPoolId']}|{state['Username']}|{state['GroupName']}"}


UserPool = ResourceType(
    name="AWS::Cognito::UserPool",
    service=_SERVICE,
    create="create_user_pool",
    update="update_user_pool",
    delete="delete_user_pool",
    identifier="UserPoolId",
    keys=("UserPoolId",),
    inside="UserPool",
    named="UserPoolName",
    renamed={"UserPoolName": "PoolName"},
    attributes=_pool,
    then=_second_factors,
    aside=("EnabledMfas",),
    fixed=("PoolName", "Schema", "AliasAttributes", "UsernameAttributes", "UsernameConfiguration"),
).plugin()
UserPoolClient = ResourceType(
    name="AWS::Cognito::UserPoolClient",
    service=_SERVICE,
    create="create_user_pool_client",
    update="update_user_pool_client",
    delete="delete_user_pool_client",
    identifier="ClientId",
    keys=("UserPoolId", "ClientId"),
    inside="UserPoolClient",
    named="ClientName",
    attributes=lambda request, made: {
        "Name": made.get("ClientName", ""),
        **({"ClientSecret": made["ClientSecret"]} if "ClientSecret" in made else {}),
    },
    fixed=("GenerateSecret", "Name", "ClientSecret"),
).plugin()
UserPoolDomain = ResourceType(
    name="AWS::Cognito::UserPoolDomain",
    service=_SERVICE,
    create="create_user_pool_domain",
    delete="delete_user_pool_domain",
    identifier="Domain",
    keys=("Domain", "UserPoolId"),
).plugin()
UserPoolGroup = ResourceType(
    name="AWS::Cognito::UserPoolGroup",
    service=_SERVICE,
    create="create_group",
    update="update_group",
    delete="delete_group",
    identifier="GroupName",
    keys=("UserPoolId", "GroupName"),
    inside="Group",
    named="GroupName",
).plugin()
UserPoolResourceServer = ResourceType(
    name="AWS::Cognito::UserPoolResourceServer",
    service=_SERVICE,
    create="create_resource_server",
    update="update_resource_server",
    delete="delete_resource_server",
    identifier="Identifier",
    keys=("UserPoolId", "Identifier"),
    inside="ResourceServer",
).plugin()
UserPoolUser = ResourceType(
    name="AWS::Cognito::UserPoolUser",
    service=_SERVICE,
    create="admin_create_user",
    delete="admin_delete_user",
    identifier="Username",
    keys=("UserPoolId", "Username"),
    inside="User",
    named="Username",
).plugin()
UserPoolUserToGroupAttachment = ResourceType(
    name="AWS::Cognito::UserPoolUserToGroupAttachment",
    service=_SERVICE,
    create="admin_add_user_to_group",
    delete="admin_remove_user_from_group",
    identifier="Id",
    keys=("UserPoolId", "Username", "GroupName"),
    attributes=_attachment,
).plugin()
