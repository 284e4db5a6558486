"""Lambda on LocalStack: every call goes on to the endpoint where functions really run.

``LAMBDA_ENDPOINT`` names it: the kit's own endpoint or ``sam local start-lambda``. SAM answers
Invoke alone; which functions there are is then read from the template that ``LAMBDA_TEMPLATE``
names.
"""

import json
import os
import uuid
from pathlib import Path

import requests
from localstack.aws.api import CommonServiceException, RequestContext
from localstack.aws.api.core import ServiceRequest
from localstack.http import Response
from localstack.services.plugins import Service, aws_provider

from local_aws.template import Template
from local_cloud.engine.forwarder import Forwarder, to_response
from local_cloud.engine.service import service_of
from local_cloud.lambda_endpoint.functions import read_functions
from local_cloud.lambda_endpoint.invoke_api import configuration, description

_FUNCTION_ERROR = "X-Amz-Function-Error"
_ERROR_TYPE = "x-amzn-errortype"
_LOG_TYPE = "x-amz-log-type"
_REQUEST_ID = "X-Amzn-RequestId"


class LambdaService:
    """Answers the Lambda API with the answers of ``LAMBDA_ENDPOINT``."""

    def __init__(self, endpoint: str, template: Path | None) -> None:
        self.forwarder = Forwarder(
            endpoint, "./local-cloud up, or: cd lambdas && sam local start-lambda"
        )
        self.template = template

    def __call__(self, context: RequestContext, request: ServiceRequest) -> Response:
        answer = self.forwarder.send(context)
        if answer.status_code == 501 and _LOG_TYPE in context.request.headers:
            # SAM refuses to run a function whose log is asked for: better run without it.
            answer = self.forwarder.send(context, without=_LOG_TYPE)
        if _is_unknown_to_sam(answer) and (described := self._describe(context, request)):
            return described
        response = to_response(answer)
        if response.headers.get(_ERROR_TYPE) == "ResourceNotFound":  # SAM's word for it
            response.headers[_ERROR_TYPE] = "ResourceNotFoundException"
        if context.operation and context.operation.name == "Invoke":
            _restore_function_error(response)
            response.headers.setdefault(_REQUEST_ID, str(uuid.uuid4()))  # SAM names none
        return response

    def _describe(self, context: RequestContext, request: ServiceRequest) -> Response | None:
        """Answer from the template what SAM does not: which functions there are, and how."""
        operation = context.operation.name if context.operation else ""
        if self.template is None:
            return None
        functions = read_functions(Template.load(self.template))
        if operation == "ListFunctions":
            return Response.for_json({"Functions": [configuration(f) for f in functions.values()]})
        describe = {"GetFunction": description, "GetFunctionConfiguration": configuration}
        if operation not in describe:
            return None
        name = str(dict(request).get("FunctionName", "")).rpartition(":")[2]
        if name not in functions:
            raise CommonServiceException(
                "ResourceNotFoundException", f"Function not found: {name}", status_code=404
            )
        return Response.for_json(describe[operation](functions[name]))


def _is_unknown_to_sam(answer: requests.Response) -> bool:
    return answer.status_code == 404 and b"PathNotFound" in answer.content


def _restore_function_error(response: Response) -> None:
    """Add the error header that SAM leaves out, when the payload is an error report.

    https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html (ResponseElements)
    """
    if response.status_code != 200 or _FUNCTION_ERROR in response.headers:
        return
    body = response.get_data()
    if b'"errorMessage"' not in body or b'"errorType"' not in body:
        return
    try:
        payload = json.loads(body)
    except ValueError:
        return
    report = {"errorMessage", "errorType", "stackTrace", "requestId", "cause"}
    if isinstance(payload, dict) and {"errorMessage", "errorType"} <= payload.keys() <= report:
        response.headers[_FUNCTION_ERROR] = "Unhandled"


@aws_provider(api="lambda", name="endpoint")
def lambda_() -> Service:
    """Return the Lambda service."""
    endpoint = os.environ.get("LAMBDA_ENDPOINT", "http://127.0.0.1:3001")
    template = os.environ.get("LAMBDA_TEMPLATE")
    return service_of("lambda", LambdaService(endpoint, Path(template) if template else None))
