"""``arn:aws:states:::apigateway:invoke`` signs what its ``AuthType`` says is signed.

LocalStack sends every request unsigned, which methods with ``AWS_IAM`` refuse. The signature is the
account's: what the workflow's role may is not judged.
https://docs.aws.amazon.com/step-functions/latest/dg/connect-api-gateway.html
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import requests
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from localstack.services.stepfunctions.asl.component.state.state_execution.state_task.service import (  # noqa: E501
    state_task_service_api_gateway as theirs,
)

from local_aws.account import REGION

#: Those that AWS signs: the second lets the API's resource policy decide.
SIGNED = frozenset({"IAM_ROLE", "RESOURCE_POLICY"})
_headers_of = theirs.StateTaskServiceApiGateway._headers_of


class _ToSign(dict[str, Any]):
    """Headers of a request that is to be signed."""


class _Signature(requests.auth.AuthBase):
    """Signs a request as the account."""

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        signer = SigV4Auth(Credentials("test", "test"), "execute-api", REGION)
        body = request.body or b""
        signed = AWSRequest(
            str(request.method),
            str(request.url),
            data=body.encode() if isinstance(body, str) else body,
        )
        signer.add_auth(signed)
        request.headers.update(dict(signed.headers))
        return request


class _Requests:
    """Stands for the ``requests`` of LocalStack's task."""

    def __getattr__(self, method: str) -> Callable[..., requests.Response]:
        def send(url: str, headers: dict[str, Any], json: Any) -> requests.Response:
            auth = _Signature() if isinstance(headers, _ToSign) else None
            return requests.request(method, url, headers=headers, json=json, auth=auth)  # noqa: S113

        return send


def _mark_headers(parameters: dict[str, Any]) -> dict[str, Any]:
    headers: dict[str, Any] = _headers_of(parameters)
    return _ToSign(headers) if parameters.get("AuthType") in SIGNED else headers


def sign_invocations() -> None:
    """Have tasks sign the requests whose ``AuthType`` says so."""
    theirs.StateTaskServiceApiGateway._headers_of = staticmethod(_mark_headers)
    theirs.requests = _Requests()
