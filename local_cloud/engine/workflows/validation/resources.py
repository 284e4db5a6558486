"""What a Task runs.

https://docs.aws.amazon.com/step-functions/latest/dg/integrate-optimized.html
https://docs.aws.amazon.com/step-functions/latest/dg/supported-services-awssdk.html
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from local_cloud.engine.workflows.validation.diagnostics import Diagnostic, State, not_right

_ARN = re.compile(r"arn:(aws|aws-cn|aws-us-gov):([a-z0-9-]+):([a-z0-9-]*):(\d{12})?:(.+)")
_INTEGRATION = re.compile(r"([a-z0-9-]+):(?:([A-Za-z0-9]+):)?([A-Za-z0-9]+)(\.\w+(?::2)?)?")
_SYNC, _TOKEN = ".sync", ".waitForTaskToken"
#: Operations of optimized integrations that are known, with their patterns beside the plain one.
_OPERATIONS: dict[str, dict[str, tuple[str, ...]]] = {
    "apigateway": {"invoke": (_TOKEN,)},
    "batch": {"submitJob": (_SYNC,)},
    "dynamodb": dict.fromkeys(("getItem", "putItem", "updateItem", "deleteItem"), ()),
    "ecs": {"runTask": (_SYNC, _TOKEN)},
    "events": {"putEvents": (_TOKEN,)},
    "glue": {"startJobRun": (_SYNC,)},
    "http": {"invoke": ()},
    "lambda": {"invoke": (_TOKEN,)},
    "sns": {"publish": (_TOKEN,)},
    "sqs": {"sendMessage": (_TOKEN,)},
    "states": {"startExecution": (_SYNC, f"{_SYNC}:2", _TOKEN)},
}
#: Optimized integrations whose operations are not told apart here.
_OTHERS = {
    "athena",
    "bedrock",
    "bedrock-agentcore",
    "codebuild",
    "databrew",
    "eks",
    "elasticmapreduce",
    "emr-containers",
    "emr-serverless",
    "mediaconvert",
    "sagemaker",
}


def check_resource(state: State, place: str, express: bool) -> Iterator[Diagnostic]:
    """Yield what is wrong with a Task's ``Resource``, and with its ``Credentials``."""
    resource = state.get("Resource")
    where = f"{place}/Resource"
    credentials = state.get("Credentials")
    if not isinstance(resource, str):
        return  # which is told already
    arn = _ARN.fullmatch(resource)
    if arn is None:
        yield not_right("Value is not a valid resource ARN", where)
        return
    service, region, account, rest = arn[2], arn[3], arn[4], arn[5]
    activity = service == "states" and rest.startswith("activity:")
    if credentials is not None:
        yield from _credentials(credentials, activity, place)
    if service == "lambda" and rest.startswith("function:"):
        return
    if activity:
        if express:
            yield not_right("Express state machine does not support Activity ARN", where)
        return
    integration = _INTEGRATION.fullmatch(rest) if service == "states" else None
    if integration is None or region or account or not _is_known(*integration.groups()):
        yield not_right(
            f"The resource provided {resource} is not recognized. The value is not a valid "
            "resource ARN, or the resource is not available in this region.",
            where,
        )
        return
    if express and (pattern := integration[4]):
        after = " " if pattern == _TOKEN else ""  # as AWS has it
        said = f"Express state machine does not support '{pattern.partition(':')[0]}' service"
        yield not_right(f"{said} integration{after}", where)


def _is_known(service: str, sdk: str | None, operation: str, pattern: str | None) -> bool:
    if service == "aws-sdk":
        return sdk is not None and pattern in (None, _TOKEN)
    if sdk is not None:
        return False
    if service in _OTHERS:
        return True
    patterns = _OPERATIONS.get(service, {}).get(operation)
    return patterns is not None and (pattern is None or pattern in patterns)


def _credentials(credentials: Any, activity: bool, place: str) -> Iterator[Diagnostic]:
    where = f"{place}/Credentials"
    if activity:
        yield not_right("The field 'Credentials' is not supported for activities", where)
    elif isinstance(credentials, dict) and not {"RoleArn", "RoleArn.$"} & set(credentials):
        yield not_right("The field 'RoleArn' is required but was missing", where)
