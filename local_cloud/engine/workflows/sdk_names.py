"""Services as ``aws-sdk`` tasks name them, by the SDK for Java: LocalStack knows few of its names.

https://docs.aws.amazon.com/step-functions/latest/dg/supported-services-awssdk.html
"""

from __future__ import annotations

import functools
import re

from localstack.aws.spec import load_service
from localstack.services.stepfunctions.asl.component.state.state_execution.state_task.service.state_task_service import (  # noqa: E501
    StateTaskService,
)

#: Names that differ in more than their signs, of services that workflows use. For what is not
#: here every model is read, which takes seconds.
_KNOWN = {
    "cloudwatchlogs": "logs",
    "cognitoidentity": "cognito-identity",
    "cognitoidentityprovider": "cognito-idp",
    "costexplorer": "ce",
    "elasticloadbalancing": "elb",
    "elasticloadbalancingv2": "elbv2",
    "eventbridge": "events",
    "iotdataplane": "iot-data",
}


def boto_name(name: str) -> str:
    """Return a service's name in the SDK for Python; the name itself where none is like it.

    Args:
        name: ``cloudwatchlogs``, ``bedrockagentruntime``, ``cognitoidentityprovider``.
    """
    plain = _plain(name)
    return _names().get(plain) or _KNOWN.get(plain) or _ids().get(plain) or name


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())


@functools.cache
def _names() -> dict[str, str]:
    from botocore.session import Session

    return {_plain(name): name for name in Session().get_available_services()}


@functools.cache
def _ids() -> dict[str, str]:
    """Return names by the id that a service's model has."""
    return {_plain(_id_of(name)): name for name in _names().values()}


def _id_of(name: str) -> str:
    try:
        return str(load_service(name).service_id)
    except Exception:  # noqa: BLE001 - a service that LocalStack does not know keeps its name
        return name


def name_services() -> None:
    """Have LocalStack's interpreter find the services of ``aws-sdk`` tasks."""
    theirs = StateTaskService._get_boto_service_name

    def name_of(self: StateTaskService, boto_service_name: str | None = None) -> str:
        if self.resource.service_name == "bedrock" and self.resource.api_action == "invokeModel":
            return "bedrock-runtime"  # the optimized integration's service is another
        return boto_name(theirs(self, boto_service_name))

    StateTaskService._get_boto_service_name = name_of
