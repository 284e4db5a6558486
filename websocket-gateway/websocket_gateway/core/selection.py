"""Selection expressions: which route, template, model, key or response applies.

https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-websocket-api-selection-expressions.html
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from local_aws.given_patterns import NotMatched, compiled

# A dash ends a bare name, as in "$request.body.a-$request.body.b"; braces may hold one.
_NAMES = (
    r"request\.body|request\.header|request\.querystring|context|stageVariables|"
    r"integration\.response\.statuscode|integration\.response\.header|integration\.response\.body|"
    r"method\.response\.header"
)
_VARIABLE = re.compile(
    rf"(?P<escaped>\\\$)|\$(?:(?P<bare>{_NAMES})(?P<path>(?:\.\w+)*)"
    rf"|\{{(?P<braced>{_NAMES})(?P<braced_path>(?:\.[\w-]+)*)\}})"
)
_MISSING = object()


@dataclass(slots=True)
class Scope:
    """What the variables of an expression stand for. Header names are lower case."""

    body: str = ""
    context: Mapping[str, Any] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    query: Mapping[str, str] = field(default_factory=dict)
    stage_variables: Mapping[str, str] = field(default_factory=dict)
    status: int | None = None
    response_body: str = ""
    response_headers: Mapping[str, str] = field(default_factory=dict)

    def lookup(self, name: str, path: list[str]) -> str | None:
        """Return a variable as text, or ``None`` where there is no such value."""
        match name:
            case "request.body":
                return _text(_document(self.body), path)
            case "integration.response.body":
                return _text(_document(self.response_body), path)
            case "integration.response.statuscode":
                return None if self.status is None else str(self.status)
            case "request.header":
                return self.headers.get(".".join(path).lower())
            case "integration.response.header" | "method.response.header":
                return self.response_headers.get(".".join(path).lower())
            case "request.querystring":
                return self.query.get(".".join(path))
            case "stageVariables":
                return self.stage_variables.get(".".join(path))
        return _text(self.context, path)


class SelectionExpression:
    """An expression such as ``$request.body.action`` or ``${request.body.kind}-beta``."""

    def __init__(self, expression: str) -> None:
        self.expression = expression
        match = _VARIABLE.fullmatch(expression)
        self._body_path: list[str] | None = None
        if match and (match["bare"] or match["braced"]) == "request.body":
            self._body_path = _path(match)

    def evaluate(self, scope: Scope) -> str | None:
        """Return the key, or ``None`` when a variable of it has no value."""
        if self._body_path is not None:  # the everyday case
            return _text(_document(scope.body), self._body_path)
        missing = False

        def replace(match: re.Match[str]) -> str:
            nonlocal missing
            if match["escaped"]:
                return "$"
            value = scope.lookup(match["bare"] or match["braced"], _path(match))
            missing = missing or value is None
            return value or ""

        key = _VARIABLE.sub(replace, self.expression)
        return None if missing else key


def choose(key: str | None, choices: Mapping[str, Any]) -> str | None:
    """Return the choice for a key: itself, a ``/pattern/`` that matches it, else ``$default``."""
    if key is not None:
        if key in choices:
            return key
        for choice in choices:
            pattern = pattern_of(choice)
            if pattern is not None and _matches(pattern, key):
                return choice
    return "$default" if "$default" in choices else None


def pattern_of(choice: str) -> str | None:
    """Return the expression of a choice that is one, ``/pattern/``."""
    is_pattern = len(choice) > 1 and choice[0] == choice[-1] == "/"
    return choice[1:-1] if is_pattern else None


def _matches(pattern: str, key: str) -> bool:
    try:
        return compiled(pattern).fullmatch(key) is not None
    except NotMatched:  # it was refused when the API was made
        return False


def _path(match: re.Match[str]) -> list[str]:
    path = str(match["path"] or match["braced_path"] or "")
    return path[1:].split(".") if path else []


def _document(text: str) -> Any:
    try:
        return orjson.loads(text)
    except ValueError:
        return _MISSING


def _text(document: Any, path: list[str]) -> str | None:
    for name in path:
        if not isinstance(document, dict) or name not in document:
            return None
        document = document[name]
    if isinstance(document, bool):
        return "true" if document else "false"
    return str(document) if isinstance(document, str | int | float) else None
