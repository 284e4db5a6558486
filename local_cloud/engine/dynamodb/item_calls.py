"""Calls of moto that carry items, in the JSON of DynamoDB's own protocol.

LocalStack hands moto an HTTP request of its own and reads the answer by the service's description,
attribute by attribute, to write it again by the same. Of a call with items nothing is changed by
that, so moto's code is called with the request's JSON, and its JSON is the answer.
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Programming.LowLevelAPI.html
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, NoReturn

from localstack.aws.api import RequestContext
from localstack.aws.client import parse_response, parse_service_exception
from localstack.http import Response
from localstack.utils.aws.request_context import extract_access_key_id_from_auth_header
from moto.core.utils import camelcase_to_underscores
from moto.dynamodb.responses import DynamoHandler
from moto.iam.models import mark_account_as_visited
from werkzeug.exceptions import HTTPException

_JSON = "application/x-amz-json-1.0"


def asked(context: RequestContext) -> dict[str, Any]:
    """Return the JSON of a request: binary values are in base64 in it."""
    said: dict[str, Any] = json.loads(context.request.data or b"{}")
    return {name: value for name, value in said.items() if value is not None}


def answered(context: RequestContext, answer: Any) -> Response:
    """Return the answer with this JSON."""
    context.service_response = answer
    return Response(
        json.dumps(answer),
        headers={"Content-Type": _JSON, "x-amzn-RequestId": context.request_id},
    )


def call(context: RequestContext, operation: str, request: Mapping[str, Any]) -> dict[str, Any]:
    """Make a call of moto on behalf of whoever made this one.

    Args:
        operation: by its name in the API.
        request: as JSON, which moto may keep parts of.

    Raises:
        ServiceException: moto refuses it.
    """
    handler = _handler(context, request)
    method = getattr(DynamoHandler, camelcase_to_underscores(operation))
    if request.get("ReturnConsumedCapacity", "NONE") == "NONE":
        method = getattr(method, "__wrapped__", method)  # it would read and write the JSON again
    try:
        said = method(handler)
    except HTTPException as error:
        _refuse(context, error.code or 400, dict(error.get_headers()), error.description or "")
    if not isinstance(said, str):
        status, headers, said = said
        _refuse(context, status, headers, said)
    answer: dict[str, Any] = json.loads(said)
    return answer


def _handler(context: RequestContext, request: Mapping[str, Any]) -> DynamoHandler:
    handler = DynamoHandler()
    handler.current_account, handler.region = context.account_id, context.region
    handler.response_headers, handler.body = {}, request
    # IAM's GetAccessKeyLastUsed tells of it.
    key = extract_access_key_id_from_auth_header(context.request.headers)
    mark_account_as_visited(context.account_id, key, "dynamodb", context.region)
    return handler


def _refuse(
    context: RequestContext, status: int, headers: Mapping[str, Any], said: str
) -> NoReturn:
    response = Response(said, status, headers)
    parsed = parse_response(context.operation, context.protocol, response)
    error = parse_service_exception(response, parsed)
    assert error is not None
    raise error
