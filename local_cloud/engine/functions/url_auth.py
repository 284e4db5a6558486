"""Who may call a function's URL.

https://docs.aws.amazon.com/lambda/latest/dg/urls-auth.html
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from localstack.aws.api.lambda_ import FunctionUrlAuthType
from localstack.http import Request, Response
from localstack.services.lambda_.invocation.lambda_models import FunctionUrlConfig

ACTION = "lambda:InvokeFunctionUrl"


class UrlRefused(Exception):
    """A request is not let through; carries what is answered."""

    def __init__(self, error: str, body: dict[str, str]) -> None:
        super().__init__(error)
        self.response = Response.for_json(body, status=403)
        self.response.headers["x-amzn-ErrorType"] = error


def caller_of(url: FunctionUrlConfig, request: Request) -> dict[str, Any] | None:
    """Return ``requestContext.authorizer`` of a request; ``None`` where a URL asks nobody.

    Raises:
        UrlRefused: it is not signed by somebody who may call it.
    """
    if url.auth_type != FunctionUrlAuthType.AWS_IAM:
        return None
    # Loaded with the first such URL: it takes a quarter of a second.
    from local_cloud.engine.permissions import guard, signatures

    asked = signatures.signed_request(request, ACTION, url.function_arn, "lambda")
    region = url.function_arn.split(":")[3]
    try:
        policy = guard.resource_policies().policy_of(url.function_arn, region)
        principal = signatures.check(asked, datetime.now(UTC), policy)
    except (signatures.Unsigned, signatures.NotAllowed) as error:
        raise UrlRefused("AccessDeniedException", {"Message": "Forbidden"}) from error
    except signatures.WrongSignature as error:
        raise UrlRefused("InvalidSignatureException", {"message": str(error)}) from error
    except signatures.Refused as error:
        raise UrlRefused("UnrecognizedClientException", {"message": str(error)}) from error
    return {
        "iam": {
            "accessKey": signatures.signature_of(asked).key,
            "accountId": principal.arn.split(":")[4],
            "callerId": principal.arn.rpartition(":")[2].partition("/")[2] or None,
            "cognitoIdentity": None,
            "principalOrgId": None,
            "userArn": principal.arn,
            "userId": principal.arn.rpartition(":")[2].partition("/")[2] or None,
        }
    }
