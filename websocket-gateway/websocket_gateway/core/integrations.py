"""Runs what stands behind a route: Lambda, another AWS service, HTTP or nothing (MOCK).

https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-websocket-api-integration-requests.html
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import quote, urlencode

import orjson

from local_aws.heads import FRAMING, InvalidHead, check_headers
from websocket_gateway.core.api import Integration, function_of, is_function, with_variables
from websocket_gateway.core.backend import Backend, HttpAnswer, IntegrationFailed
from websocket_gateway.core.mapping import MappingFailed, parameters, render
from websocket_gateway.core.proxy_response import ProxyResponse, parse_proxy_response
from websocket_gateway.core.selection import Scope
from websocket_gateway.core.services import SERVICE_URI, service_call


async def run(
    integration: Integration,
    event: Mapping[str, Any],
    scope: Scope,
    timeout: float,
    backend: Backend,
    *,
    answer_matters: bool,
) -> ProxyResponse:
    """Run an integration for one event.

    Args:
        event: what a Lambda proxy integration receives.
        timeout: seconds; the integration's own may be shorter.
        answer_matters: a proxied function's answer is looked at.

    Raises:
        IntegrationFailed: it failed, or answered what API Gateway cannot use.
        IntegrationTimedOut: no answer in time.
    """
    timeout = min(timeout, integration.timeout)
    try:
        match integration.kind:
            case "AWS_PROXY":
                function = _function(integration, scope)
                payload = await backend.invoke(function, orjson.dumps(event), timeout)
                if not answer_matters:
                    return ProxyResponse(200, {}, None)
                proxied = parse_proxy_response(payload)
                if proxied is None:
                    raise IntegrationFailed(f"{function} answered no proxy response")
                return proxied
            case "AWS" if SERVICE_URI.match(integration.uri) and not is_function(integration.uri):
                return _mapped(
                    integration, scope, await _call(integration, scope, timeout, backend)
                )
            case "AWS":
                function = _function(integration, scope)
                body = _request_body(integration, scope)
                payload = await backend.invoke(function, body.encode(), timeout)
                try:
                    text = payload.decode()
                except UnicodeDecodeError as error:
                    raise IntegrationFailed(f"{function} did not answer in UTF-8") from error
                return _mapped(integration, scope, HttpAnswer(200, text))
            case "HTTP_PROXY":
                answer = await _request(integration, scope, scope.body, timeout, backend)
                return ProxyResponse(answer.status, dict(answer.headers), answer.body)
            case "HTTP":
                body = _request_body(integration, scope)
                answer = await _request(integration, scope, body, timeout, backend)
                return _mapped(integration, scope, answer)
            case "MOCK":
                return _mock(integration, scope)
    except MappingFailed as error:
        raise IntegrationFailed(str(error)) from error
    raise IntegrationFailed(f"integrations of type {integration.kind} are not supported")


def _function(integration: Integration, scope: Scope) -> str:
    function = function_of(integration.uri, scope.stage_variables)
    if function is None:
        raise IntegrationFailed(f"{integration.uri} names no Lambda function")
    return function


def _request_body(integration: Integration, scope: Scope) -> str:
    template = integration.request_template(scope)
    if template is not None:
        return render(template, scope, scope.body)
    if integration.passthrough == "NEVER" or (
        integration.passthrough == "WHEN_NO_TEMPLATES" and integration.templates
    ):
        raise IntegrationFailed("no request template applies, and the message is not passed on")
    return scope.body


async def _request(
    integration: Integration, scope: Scope, body: str, timeout: float, backend: Backend
) -> HttpAnswer:
    mappings = integration.parameters
    url = with_variables(integration.uri, scope.stage_variables)
    for name, value in parameters(mappings, "integration.request.path.", scope).items():
        if value in (".", ".."):  # quoting does not keep these from changing the path
            raise IntegrationFailed(f"{value!r} is no value for {{{name}}} of {integration.uri}")
        url = url.replace(f"{{{name}}}", quote(value, safe=""))
    if query := parameters(mappings, "integration.request.querystring.", scope):
        url += ("&" if "?" in url else "?") + urlencode(query)
    headers = {"Content-Type": "application/json"}
    headers |= _headers(mappings, scope)
    return await backend.request(integration.method, url, headers, body, timeout)


async def _call(
    integration: Integration, scope: Scope, timeout: float, backend: Backend
) -> HttpAnswer:
    """Call another AWS service."""
    call = service_call(
        with_variables(integration.uri, scope.stage_variables),
        integration.method,
        _headers(integration.parameters, scope),
        parameters(integration.parameters, "integration.request.querystring.", scope),
        _request_body(integration, scope),
    )
    return await backend.call(call, timeout)


def _headers(mappings: Mapping[str, str], scope: Scope) -> dict[str, str]:
    """Return the mapped headers.

    Raises:
        IntegrationFailed: one would begin another header or request, or says where this one ends.
    """
    headers = parameters(mappings, "integration.request.header.", scope)
    try:
        check_headers(headers.items())
        "".join(headers.values()).encode("latin-1")
    except InvalidHead as error:
        raise IntegrationFailed(str(error)) from error
    except UnicodeEncodeError as error:
        raise IntegrationFailed("a header has characters that are not Latin-1") from error
    for name in headers:
        if name.lower() in FRAMING:
            raise IntegrationFailed(f"the header {name} cannot be mapped")
    return headers


def _mapped(integration: Integration, scope: Scope, answer: HttpAnswer) -> ProxyResponse:
    answered = replace(
        scope,
        status=answer.status,
        response_body=answer.body,
        response_headers=answer.headers,
    )
    template = integration.answer_template(answered)
    body = answer.body if template is None else render(template, answered, answer.body)
    return ProxyResponse(answer.status, dict(answer.headers), body)


def _mock(integration: Integration, scope: Scope) -> ProxyResponse:
    template = integration.request_template(scope)
    rendered = '{"statusCode": 200}' if template is None else render(template, scope, scope.body)
    try:
        status = int(orjson.loads(rendered)["statusCode"])
    except (ValueError, TypeError, KeyError) as error:
        raise IntegrationFailed(
            'a MOCK integration\'s request template has to give {"statusCode": …}'
        ) from error
    mapped = _mapped(integration, scope, HttpAnswer(status, ""))
    return ProxyResponse(status, {}, mapped.body or None)
