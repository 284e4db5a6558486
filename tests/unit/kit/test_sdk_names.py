"""Services as ``aws-sdk`` tasks of workflows name them.

https://docs.aws.amazon.com/step-functions/latest/dg/supported-services-awssdk.html
"""

from __future__ import annotations

import pytest

from local_cloud.engine.workflows.sdk_names import boto_name


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("s3", "s3"),
        ("stepfunctions", "stepfunctions"),
        ("bedrockagent", "bedrock-agent"),
        ("bedrockruntime", "bedrock-runtime"),
        ("cloudwatchlogs", "logs"),
        ("cognitoidentityprovider", "cognito-idp"),
        ("eventbridge", "events"),
        ("rdsdata", "rds-data"),
        ("nothing", "nothing"),
    ],
)
def test_a_service_is_found_by_its_name_in_the_sdk_for_java(name: str, found: str) -> None:
    assert boto_name(name) == found
