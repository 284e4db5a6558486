"""A role that a template changes is changed in place, with all that it may do.

LocalStack makes it anew where its trust or its managed policies change, under another name, and
leaves its own policies as they were.
https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-iam-role.html
"""

from __future__ import annotations

import json
from typing import Any

from localstack.services.cloudformation.resource_provider import (
    OperationStatus,
    ProgressEvent,
    ResourceRequest,
)
from localstack.services.iam.resource_providers.aws_iam_role import IAMRoleProvider

_VERSION = "2012-10-17"
_update = IAMRoleProvider.update


def _document(said: Any) -> str:
    return said if isinstance(said, str) else json.dumps({"Version": _VERSION, **said})


def _policies(state: dict[str, Any]) -> dict[str, str]:
    return {
        one["PolicyName"]: _document(one["PolicyDocument"]) for one in state.get("Policies") or []
    }


def _update_role(self: IAMRoleProvider, request: ResourceRequest) -> ProgressEvent:
    wanted, before = request.desired_state, request.previous_state
    name = before["RoleName"]
    if wanted.get("RoleName", name) != name:
        return _update(self, request)
    iam = request.aws_client_factory.iam
    if (trust := wanted.get("AssumeRolePolicyDocument")) is not None:
        iam.update_assume_role_policy(RoleName=name, PolicyDocument=_document(trust))
    now, then = _policies(wanted), _policies(before)
    for policy in then.keys() - now.keys():
        iam.delete_role_policy(RoleName=name, PolicyName=policy)
    for policy, document in now.items():
        iam.put_role_policy(RoleName=name, PolicyName=policy, PolicyDocument=document)
    managed, were = (set(one.get("ManagedPolicyArns") or []) for one in (wanted, before))
    for arn in were - managed:
        iam.detach_role_policy(RoleName=name, PolicyArn=arn)
    for arn in managed - were:
        iam.attach_role_policy(RoleName=name, PolicyArn=arn)
    if boundary := wanted.get("PermissionsBoundary"):
        iam.put_role_permissions_boundary(RoleName=name, PermissionsBoundary=boundary)
    elif before.get("PermissionsBoundary"):
        iam.delete_role_permissions_boundary(RoleName=name)
    stays = {key: before[key] for key in ("RoleName", "Arn", "RoleId") if key in before}
    return ProgressEvent(status=OperationStatus.SUCCESS, resource_model={**wanted, **stays})


def change_roles_in_place() -> None:
    """Have stacks change their roles so."""
    IAMRoleProvider.update = _update_role
