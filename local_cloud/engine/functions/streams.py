"""Response streaming on 4566: what a function writes reaches the client as it is written.

https://docs.aws.amazon.com/lambda/latest/dg/configuration-response-streaming.html
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from itertools import chain
from typing import Any

import requests
from botocore.eventstream import EventStreamBuffer
from localstack.aws.api import RequestContext
from localstack.aws.api.lambda_ import (
    InvalidRequestContentException,
    InvocationType,
    InvokeMode,
    ResourceNotFoundException,
)
from localstack.aws.protocol.serializer import gen_amzn_requestid
from localstack.http import Request, Response
from localstack.services.lambda_.api_utils import FULL_FN_ARN_PATTERN
from localstack.services.lambda_.invocation.lambda_models import FunctionUrlConfig, FunctionVersion
from localstack.services.lambda_.invocation.models import lambda_stores
from localstack.services.lambda_.urlrouter import (
    FunctionUrlRouter,
    event_for_lambda_url,
    lambda_result_to_response,
)

from local_aws.heads import check_headers
from local_aws.json_text import loads
from local_cloud.engine.functions.endpoint import ENDPOINT, TEMPLATE_ENDPOINT
from local_cloud.engine.functions.executor import send_for
from local_cloud.engine.functions.template_functions import TEMPLATE
from local_cloud.engine.functions.url_auth import UrlRefused, caller_of
from local_cloud.lambda_endpoint.invoke_api import STREAMING

LOG = logging.getLogger(__name__)

_END_OF_PRELUDE = bytes(8)


def open_stream(
    name: str, version: FunctionVersion | str, payload: bytes, headers: dict[str, str] | None = None
) -> requests.Response:
    """Begin an invocation; the events come with the answer's content.

    Args:
        version: of a function of the template its qualifier.
    """
    more: dict[str, Any] = {"data": payload, "headers": headers or {}, "stream": True}
    if isinstance(version, str):
        if ENDPOINT is not TEMPLATE_ENDPOINT:
            raise InvalidRequestContentException(
                f"SAM runs {name}, and does not stream: Invoke answers in one piece", Type="User"
            )
        return TEMPLATE_ENDPOINT.send("POST", _path(name, version), **more)
    return send_for(version, "POST", _path(name, version.id.qualifier), **more)


def _path(name: str, qualifier: str) -> str:
    return f"{STREAMING}{name}:{qualifier}/response-streaming-invocations"


def stream_invocation(context: RequestContext, name: str, qualifier: str) -> Response:
    """Answer InvokeWithResponseStream with the endpoint's events as they come."""
    version = _version_of(context.account_id, context.region, name, qualifier)
    wanted = ("x-amz-client-context", "x-amz-log-type", "x-amzn-trace-id")
    incoming = context.request.headers
    headers = {key: incoming[key] for key in wanted if key in incoming}
    answer = open_stream(name, version, context.request.get_data(), headers)
    # Never decoded on the way: the form is the same on both sides.
    return Response(
        answer.iter_content(None),
        answer.status_code,
        _kept(answer.headers),
        direct_passthrough=True,
    )


def _kept(headers: Any) -> dict[str, str]:
    return {
        name: value
        for name, value in headers.items()
        if name.lower().startswith(("content-type", "x-amz"))
    }


def _version_of(account: str, region: str, name: str, qualifier: str) -> FunctionVersion | str:
    function = lambda_stores[account][region].functions.get(name)
    if function is None and name in TEMPLATE.functions():
        return qualifier
    if function is None:
        raise ResourceNotFoundException(f"Function not found: {name}", Type="User")
    alias = function.aliases.get(qualifier)
    version = alias.function_version if alias else qualifier
    if version not in function.versions:
        raise ResourceNotFoundException(f"Function not found: {name}:{qualifier}", Type="User")
    return function.versions[version]


class UrlRouter(FunctionUrlRouter):  # type: ignore[misc]
    """Function URLs, streamed where their InvokeMode says so."""

    def handle_lambda_url_invocation(
        self, request: Request, api_id: str, region: str, **url_params: str
    ) -> Response:
        """Return what a function answers; one that cannot be sent is a 502, as on AWS."""
        try:
            response = self._answer(request, api_id, region, **url_params)
            check_headers(response.headers.items())
        except (ValueError, TypeError, RecursionError) as error:
            LOG.warning("the function of %s answered what is no response: %s", api_id, error)
            return Response("Internal Server Error", 502)
        return response

    def _answer(self, request: Request, api_id: str, region: str, **url_params: str) -> Response:
        found = _url_of(api_id, region)
        if found is None:  # LocalStack says so
            return super().handle_lambda_url_invocation(request, api_id, region, **url_params)
        account, url = found
        try:
            caller = caller_of(url, request)
        except UrlRefused as refused:
            return refused.response
        event = event_for_lambda_url(api_id, request)
        if caller is not None:
            event["requestContext"] |= {
                "accountId": caller["iam"]["accountId"],
                "authorizer": caller,
            }
        if url.invoke_mode == InvokeMode.RESPONSE_STREAM:
            return _streamed(account, region, url.function_arn, event)
        return self._invoked(url.function_arn, event)

    def _invoked(self, arn: str, event: dict[str, Any]) -> Response:
        named = FULL_FN_ARN_PATTERN.search(arn).groupdict()
        result = self.lambda_service.invoke(
            function_name=named["function_name"],
            qualifier=named.get("qualifier"),
            account_id=named["account_id"],
            region=named["region_name"],
            invocation_type=InvocationType.RequestResponse,
            client_context="{}",
            payload=json.dumps(event).encode(),
            request_id=gen_amzn_requestid(),
        )
        if result.is_error:
            return Response("Internal Server Error", 502)
        return lambda_result_to_response(result)


def _url_of(api_id: str, region: str) -> tuple[str, FunctionUrlConfig] | None:
    """Return a URL's configuration, and the account that it is in."""
    for account, stores in list(lambda_stores.items()):
        for function in list(stores[region].functions.values()):
            for url in list(function.function_url_configs.values()):
                if url.url_id.lower() == api_id.lower():
                    return account, url
    return None


def _streamed(account: str, region: str, arn: str, event: dict[str, Any]) -> Response:
    named = FULL_FN_ARN_PATTERN.search(arn).groupdict()
    name, qualifier = named["function_name"], named.get("qualifier") or "$LATEST"
    version = _version_of(account, region, name, qualifier)
    pieces = _pieces(open_stream(name, version, json.dumps(event).encode()))
    told, pieces = _prelude(pieces)
    response = Response(
        pieces,
        int(told.get("statusCode", 200)),
        {str(key): str(value) for key, value in (told.get("headers") or {}).items()},
        direct_passthrough=True,
    )
    for cookie in told.get("cookies") or []:
        response.headers.add("Set-Cookie", cookie)
    return response


def _prelude(pieces: Iterator[bytes]) -> tuple[dict[str, Any], Iterator[bytes]]:
    """Return what a stream says of the response, and the body that follows.

    It is JSON before eight zero bytes, which may come in a piece of their own.
    """
    taken = next(pieces, b"")
    if taken.startswith(b"{") and _END_OF_PRELUDE not in taken:
        taken += next(pieces, b"")
    head, separator, body = taken.partition(_END_OF_PRELUDE)
    try:
        told = loads(head) if separator else None
    except ValueError:
        told = None
    if not isinstance(told, dict):
        return {"headers": {"Content-Type": "application/octet-stream"}}, chain([taken], pieces)
    return told, chain([body], pieces)


def _pieces(answer: requests.Response) -> Iterator[bytes]:
    """Yield what the function writes."""
    buffer = EventStreamBuffer()
    for data in answer.iter_content(None):
        buffer.add_data(data)
        for message in buffer:
            told = message.to_response_dict()
            if told["headers"].get(":event-type") == "PayloadChunk":
                yield told["body"]
