"""AWS clients and resource names, each made once per execution environment.

Names come from the environment that the template declares. Endpoints follow
``AWS_ENDPOINT_URL`` and the service's own variable where there is one; on AWS there is none.
"""

from __future__ import annotations

import os
from functools import cache
from typing import TYPE_CHECKING, Literal

import boto3
from botocore.config import Config

if TYPE_CHECKING:
    from mypy_boto3_apigatewaymanagementapi import ApiGatewayManagementApiClient
    from mypy_boto3_dynamodb import DynamoDBServiceResource
    from mypy_boto3_dynamodb.service_resource import Table
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_secretsmanager import SecretsManagerClient
    from mypy_boto3_stepfunctions import SFNClient

_QUICK = Config(connect_timeout=2, read_timeout=10, retries={"total_max_attempts": 4})
# A push that fails is made up for by resume: better to go on than to wait.
_PUSH = Config(connect_timeout=1, read_timeout=5, retries={"total_max_attempts": 1})


def _endpoint(variable: str) -> str | None:
    return os.environ.get(variable) or os.environ.get("AWS_ENDPOINT_URL") or None


@cache
def _dynamodb() -> DynamoDBServiceResource:
    return boto3.resource("dynamodb", endpoint_url=_endpoint("DYNAMODB_ENDPOINT"), config=_QUICK)


@cache
def table(variable: str) -> Table:
    """Return the table whose name stands in this environment variable."""
    return _dynamodb().Table(os.environ[variable])


@cache
def s3() -> S3Client:
    """Return the S3 client."""
    # Path style: a bucket's own host name does not resolve on a laptop or in a container.
    style: Literal["path", "auto"] = "path" if _endpoint("S3_ENDPOINT") else "auto"
    config = _QUICK.merge(Config(s3={"addressing_style": style}, signature_version="s3v4"))
    return boto3.client("s3", endpoint_url=_endpoint("S3_ENDPOINT"), config=config)


@cache
def secrets() -> SecretsManagerClient:
    """Return the Secrets Manager client."""
    return boto3.client("secretsmanager", config=_QUICK)


@cache
def step_functions() -> SFNClient:
    """Return the Step Functions client."""
    return boto3.client("stepfunctions", config=_QUICK)


@cache
def management_api() -> ApiGatewayManagementApiClient:
    """Return the client of the WebSocket API's ``@connections``."""
    return boto3.client(
        "apigatewaymanagementapi",
        endpoint_url=os.environ["WEBSOCKET_API_ENDPOINT"],
        config=_PUSH,
    )
