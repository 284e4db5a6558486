"""The template's functions: what is asked of them goes on to where they run.

``LAMBDA_ENDPOINT`` names it: the kit's own endpoint or ``sam local start-lambda``. SAM answers
Invoke alone; which functions there are is read from the template that ``LAMBDA_TEMPLATE`` names.
"""

from __future__ import annotations

import logging
import os
import threading
import time
import uuid
from pathlib import Path

import requests
from localstack.aws.api import CommonServiceException, RequestContext
from localstack.aws.api.core import ServiceRequest
from localstack.http import Response
from localstack.services.lambda_.api_utils import function_locators_from_arn

from local_aws.json_text import loads
from local_aws.template import Template
from local_aws.traces import HEADER, note_invocation
from local_cloud.engine import spans
from local_cloud.engine.forwarder import Forwarder, to_response
from local_cloud.lambda_endpoint.functions import Function, read_functions
from local_cloud.lambda_endpoint.invoke_api import configuration, description

LOG = logging.getLogger(__name__)

_FUNCTION_ERROR = "X-Amz-Function-Error"
_ERROR_TYPE = "x-amzn-errortype"
_LOG_TYPE = "x-amz-log-type"
_REQUEST_ID = "X-Amzn-RequestId"


class TemplateFunctions:
    """Answers for the functions of a template, from the template and from the endpoint.

    Args:
        path: the template; without one there are no functions.
    """

    def __init__(self, endpoint: str, path: Path | None) -> None:
        self.forwarder = Forwarder(
            endpoint, "./local-cloud up, or: cd lambdas && sam local start-lambda"
        )
        self.path = path
        self._mark = 0
        self._reading = threading.Lock()
        self._functions: dict[str, Function] = {}
        #: As it was read last.
        self.template: Template | None = None

    @classmethod
    def from_environment(cls) -> TemplateFunctions:
        template = os.environ.get("LAMBDA_TEMPLATE")
        endpoint = os.environ.get("LAMBDA_ENDPOINT", "http://127.0.0.1:3001")
        return cls(endpoint, Path(template) if template else None)

    def functions(self) -> dict[str, Function]:
        """Return the functions by name; those of before while the template cannot be read."""
        try:
            mark = self.path.stat().st_mtime_ns if self.path else 0
        except OSError:
            return self._functions
        if self.path is None or mark == self._mark:
            return self._functions
        with self._reading:  # whoever asks meanwhile waits: no function is missing
            if mark != self._mark:
                try:
                    template = Template.load(self.path)
                    self._functions = read_functions(template)
                    self.template = template
                except (OSError, ValueError) as error:
                    LOG.warning("%s: %s (its functions as they were are kept)", self.path, error)
                self._mark = mark
        return self._functions

    def described(self) -> list[dict[str, object]]:
        """Return the functions as ListFunctions tells them."""
        return [configuration(function) for function in self.functions().values()]

    def __call__(self, context: RequestContext, request: ServiceRequest) -> Response:
        began = time.time()
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
            if response.status_code == 200 and HEADER not in response.headers:
                note_invocation(
                    *(spans.traces, _name_of(request), spans.header_of(context), began),
                    context.request.get_data(),
                    response.get_data(),
                    failed=_FUNCTION_ERROR in response.headers,
                )
        return response

    def _describe(self, context: RequestContext, request: ServiceRequest) -> Response | None:
        """Answer from the template what SAM does not: how a function is."""
        operation = context.operation.name if context.operation else ""
        describe = {"GetFunction": description, "GetFunctionConfiguration": configuration}
        if operation not in describe:
            return None
        name = _name_of(request)
        function = self.functions().get(name)
        if function is None:
            raise CommonServiceException(
                "ResourceNotFoundException", f"Function not found: {name}", status_code=404
            )
        return Response.for_json(describe[operation](function))


TEMPLATE = TemplateFunctions.from_environment()


def _name_of(request: ServiceRequest) -> str:
    return str(function_locators_from_arn(str(dict(request).get("FunctionName", "")))[0])


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
        payload = loads(body)
    except ValueError:
        return
    report = {"errorMessage", "errorType", "stackTrace", "requestId", "cause"}
    if isinstance(payload, dict) and {"errorMessage", "errorType"} <= payload.keys() <= report:
        response.headers[_FUNCTION_ERROR] = "Unhandled"
