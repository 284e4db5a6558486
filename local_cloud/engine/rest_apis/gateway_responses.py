"""Gateway responses: what a client is told in place of an integration's answer.

https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-gatewayResponse-definition.html
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from localstack.http import Response
from localstack.services.apigateway.next_gen.execute_api.context import RestApiInvocationContext
from localstack.services.apigateway.next_gen.execute_api.gateway_response import (
    BaseGatewayException,
    get_gateway_response_or_default,
)
from localstack.services.apigateway.next_gen.execute_api.handlers.gateway_exception import (
    GatewayExceptionHandler,
)

DEFAULT_TEMPLATE = '{"message":$context.error.messageString}'
_VARIABLE = re.compile(r"\$(context|stageVariables)((?:\.[A-Za-z0-9_-]+)+)")
_HEADER = "gatewayresponse.header."


def rendered(template: str, context: Mapping[str, Any], stage: Mapping[str, str]) -> str:
    """Return a template with its variables' values: they are put in as they are, nothing more."""
    scope = {"context": context, "stageVariables": stage}

    def value(found: re.Match[str]) -> str:
        told: Any = scope[found[1]]
        for name in found[2][1:].split("."):
            told = told.get(name) if isinstance(told, Mapping) else None
        return "" if told is None else str(told)

    return _VARIABLE.sub(value, template)


def mapped_headers(
    parameters: Mapping[str, str], context: Mapping[str, Any], request: Mapping[str, str]
) -> dict[str, str]:
    """Return the headers of a gateway response.

    Args:
        parameters: ``gatewayresponse.header.NAME`` and what it is: a text in single quotes,
            ``context.…`` or ``method.request.header.…``.
        request: the headers of the request.
    """
    headers = {}
    for name, said in parameters.items():
        if not name.startswith(_HEADER):
            continue
        value: str | None
        if said.startswith("'") and said.endswith("'"):
            value = said[1:-1]
        elif said.startswith("method.request.header."):
            value = request.get(said.removeprefix("method.request.header."))
        else:
            value = rendered(f"${said}", context, {}) if said.startswith("context.") else None
        if value is not None:
            headers[name.removeprefix(_HEADER)] = value.replace("\r", "").replace("\n", "")
    return headers


class GatewayResponses(GatewayExceptionHandler):  # type: ignore[misc]
    """Answers with the API's own gateway responses, where it has some."""

    def create_exception_response(
        self, exception: BaseGatewayException, context: RestApiInvocationContext
    ) -> Response:
        response: Response = super().create_exception_response(exception, context)
        said = get_gateway_response_or_default(
            exception.type, context.deployment.rest_api.gateway_responses
        )
        templates: Mapping[str, str] = said.get("responseTemplates") or {}
        variables = context.context_variables
        variables["error"]["messageString"] = json.dumps(exception.message)
        if templates and templates != {"application/json": DEFAULT_TEMPLATE}:
            kind = "application/json" if "application/json" in templates else next(iter(templates))
            response.set_response(
                rendered(templates[kind], variables, context.stage_variables or {})
            )
            response.headers["Content-Type"] = kind
        request = (context.invocation_request or {}).get("headers") or {}
        parameters = said.get("responseParameters") or {}
        for name, value in mapped_headers(parameters, variables, request).items():
            response.headers[name] = value
        return response
