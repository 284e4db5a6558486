"""What Lambda has for functions whose code is inline: the answer of a custom resource.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cfn-lambda-function-code-cfnresponsemodule.html
"""

from __future__ import annotations

import json
import urllib.request
from typing import Any

SUCCESS = "SUCCESS"
FAILED = "FAILED"


def send(
    event: Any,
    context: Any,
    responseStatus: str,  # noqa: N803 - AWS's names
    responseData: Any,  # noqa: N803
    physicalResourceId: str | None = None,  # noqa: N803
    noEcho: bool = False,  # noqa: N803
    reason: str | None = None,
) -> None:
    """Tell CloudFormation how it went."""
    stream = context.log_stream_name
    answer = {
        "Status": responseStatus,
        "Reason": reason or f"See the details in CloudWatch Log Stream: {stream}",
        "PhysicalResourceId": physicalResourceId or stream,
        "StackId": event["StackId"],
        "RequestId": event["RequestId"],
        "LogicalResourceId": event["LogicalResourceId"],
        "NoEcho": noEcho,
        "Data": responseData,
    }
    request = urllib.request.Request(  # noqa: S310 - CloudFormation's own address
        event["ResponseURL"],
        json.dumps(answer).encode(),
        {"content-type": ""},
        method="PUT",
    )
    urllib.request.urlopen(request).close()  # noqa: S310
