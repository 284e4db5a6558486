"""What of a request says who asks, and the events that Lambda authorizers of REST APIs get.

https://docs.aws.amazon.com/apigateway/latest/api/API_CreateAuthorizer.html
https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-lambda-authorizer-input.html
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import regex

#: Characters of a token that an expression is held against; a longer one is none.
MOST_LETTERS = 8 * 1024
#: How long an expression may take: it is the developer's, and the text is anybody's.
MATCH_SECONDS = 0.25
_HEADER, _QUERY = "method.request.header.", "method.request.querystring."
_STAGE, _CONTEXT = "stageVariables.", "context."


class WrongAuthorizer(ValueError):
    """An authorizer cannot be asked as it is configured; says why."""


@dataclass(frozen=True)
class Method:
    """A request for a method of a deployed API.

    Args:
        arn: of the method and the path that were asked for.
        resource: the path as the API has it, such as ``/pets/{id}``.
        headers, query: each name with all its values, in the order in which they came.
        context: ``$context``.
    """

    arn: str
    verb: str
    resource: str
    path: str
    headers: Mapping[str, Sequence[str]]
    query: Mapping[str, Sequence[str]]
    path_parameters: Mapping[str, str]
    stage_variables: Mapping[str, str]
    context: Mapping[str, Any]

    def header(self, name: str) -> str | None:
        """Return a header's last value; names are found in any case."""
        found = [v for key, v in self.headers.items() if key.lower() == name.lower() and v]
        return found[-1][-1] if found else None

    def conditions(self) -> dict[str, list[str]]:
        """Return what conditions of policies may ask for."""
        return {
            "aws:sourceip": [str(self.context.get("identity", {}).get("sourceIp") or "")],
            "aws:useragent": [self.header("user-agent") or ""],
            "aws:securetransport": ["true"],  # what is plain HTTP here is HTTPS there
        }

    def value_of(self, source: str) -> str | None:
        """Return what an identity source stands for in this request.

        Raises:
            WrongAuthorizer: there is no such source.
        """
        if source.startswith(_HEADER):
            return self.header(source.removeprefix(_HEADER))
        if source.startswith(_QUERY):
            values = self.query.get(source.removeprefix(_QUERY))
            return values[-1] if values else None
        if source.startswith(_STAGE):
            return self.stage_variables.get(source.removeprefix(_STAGE))
        if source.startswith(_CONTEXT):
            value: Any = self.context
            for name in source.removeprefix(_CONTEXT).split("."):
                value = value.get(name) if isinstance(value, Mapping) else None
            return None if value is None else str(value)
        raise WrongAuthorizer(f"there is no identity source {source!r}")


def sources_of(authorizer: Mapping[str, Any]) -> tuple[str, ...]:
    """Return an authorizer's identity sources."""
    said = str(authorizer.get("identitySource") or "")
    return tuple(source.strip() for source in said.split(",") if source.strip())


def identity_of(method: Method, authorizer: Mapping[str, Any]) -> tuple[str, ...] | None:
    """Return the values of the identity sources; ``None`` where one is missing or not valid.

    Raises:
        WrongAuthorizer: there is no such source, or its expression is none.
    """
    values = [method.value_of(source) for source in sources_of(authorizer)]
    found = tuple(value for value in values if value)
    if len(found) < len(values):
        return None
    expression = authorizer.get("identityValidationExpression")
    if expression and authorizer.get("type") == "TOKEN" and found:
        return found if _is_valid(found[0], str(expression)) else None
    return found


def _is_valid(token: str, expression: str) -> bool:
    try:
        return len(token) <= MOST_LETTERS and bool(
            regex.search(expression, token, timeout=MATCH_SECONDS)
        )
    except TimeoutError:
        return False
    except regex.error as error:
        raise WrongAuthorizer(f"identityValidationExpression: {error}") from error


def token_event(method: Method, token: str) -> dict[str, Any]:
    """Return the event of a TOKEN authorizer."""
    return {"type": "TOKEN", "methodArn": method.arn, "authorizationToken": token}


def request_event(method: Method) -> dict[str, Any]:
    """Return the event of a REQUEST authorizer."""
    return {
        "type": "REQUEST",
        "methodArn": method.arn,
        "resource": method.resource,
        "path": method.path,
        "httpMethod": method.verb,
        "headers": {name: values[-1] for name, values in method.headers.items()},
        "multiValueHeaders": {name: list(values) for name, values in method.headers.items()},
        "queryStringParameters": {name: values[-1] for name, values in method.query.items()},
        "multiValueQueryStringParameters": {
            name: list(values) for name, values in method.query.items()
        },
        "pathParameters": dict(method.path_parameters),
        "stageVariables": dict(method.stage_variables),
        "requestContext": dict(method.context),
    }
