"""Step Functions on LocalStack, with what it leaves out of a function's answer.

On AWS the output of a ``lambda:invoke`` task tells which request it was, by which its lines in
the function's log are found.

https://docs.aws.amazon.com/step-functions/latest/dg/connect-lambda.html
"""

from collections.abc import Mapping
from typing import Any

from localstack.services.plugins import Service, aws_provider

_METADATA = "ResponseMetadata"


def sdk_metadata(response: Mapping[str, Any]) -> dict[str, Any]:
    """Return the parts of a task's output that describe the call, from boto3's answer to it."""
    metadata = response.get(_METADATA, {})
    headers: Mapping[str, str] = metadata.get("HTTPHeaders", {})
    return {
        "SdkHttpMetadata": {
            "AllHttpHeaders": {name: [value] for name, value in headers.items()},
            "HttpHeaders": dict(headers),
            "HttpStatusCode": metadata.get("HTTPStatusCode", 200),
        },
        "SdkResponseMetadata": {"RequestId": metadata.get("RequestId", "")},
    }


@aws_provider(api="stepfunctions", name="sdk-metadata")
def stepfunctions() -> Service:
    """Return LocalStack's own service; its ``lambda:invoke`` keeps the SDK's metadata."""
    from localstack.services.stepfunctions.asl.component.state.state_execution.state_task import (
        lambda_eval_utils,
    )
    from localstack.services.stepfunctions.provider import StepFunctionsProvider

    select = lambda_eval_utils.select_from_typed_dict

    def keep_metadata(typed_dict: Any, obj: Mapping[str, Any]) -> dict[str, Any]:
        kept: dict[str, Any] = select(typed_dict=typed_dict, obj=obj)
        # A mocked answer of a test case was no call.
        return {**kept, **sdk_metadata(obj)} if _METADATA in obj else kept

    lambda_eval_utils.select_from_typed_dict = keep_metadata
    return Service.for_provider(StepFunctionsProvider())
