"""Mapping templates (VTL) and parameter mappings of integrations that are no proxies.

https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-websocket-api-mapping-template-reference.html
"""

from __future__ import annotations

import base64
import copy
import functools
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote_plus, unquote_plus

import orjson

from websocket_gateway.core.selection import Scope


class MappingFailed(ValueError):
    """A mapping template cannot be rendered."""


def render(template: str, scope: Scope, payload: str) -> str:
    """Render a template.

    Args:
        payload: what ``$input`` stands for: the message, or an integration's answer.

    Raises:
        MappingFailed: the template has an error.
    """
    # Loaded when the first template is rendered: most APIs have none.
    from airspeed import Template, TemplateError  # type: ignore[import-untyped]

    from local_aws import velocity

    velocity.restrict()
    parameters = {**scope.query, **scope.headers}
    by_place = _printed_as_in_java(
        {"path": {}, "querystring": dict(scope.query), "header": dict(scope.headers)}
    )
    names = {
        "input": {
            "body": payload,
            "json": lambda path: orjson.dumps(_find(payload, path)).decode(),
            "path": lambda path: _printed_as_in_java(_find(payload, path)),
            "params": lambda name=None: by_place if name is None else parameters.get(name, ""),
        },
        # Of its own: what a template sets is gone with it.
        "context": copy.deepcopy(dict(scope.context)),
        "stageVariables": dict(scope.stage_variables),
        "util": _UTIL,
    }
    try:
        return str(Template(template).merge(names))
    except (TemplateError, ValueError, TypeError, LookupError, AttributeError) as error:
        raise MappingFailed(f"the mapping template failed: {error}") from error


def parameters(mappings: Mapping[str, str], prefix: str, scope: Scope) -> dict[str, str]:
    """Return the mapped parameters under a prefix such as ``integration.request.header.``.

    A source is a constant in single quotes, or names a part of the request.
    """
    values = {}
    for target, source in mappings.items():
        if target.startswith(prefix) and (value := source_value(source, scope)) is not None:
            values[target[len(prefix) :]] = value
    return values


def source_value(source: str, scope: Scope) -> str | None:
    """Return what a mapping's source stands for, or ``None`` where it has no value."""
    if len(source) > 1 and source[0] == source[-1] == "'":
        return source[1:-1]
    for prefix, name in (
        ("route.request.body", "request.body"),
        ("route.request.header.", "request.header"),
        ("route.request.querystring.", "request.querystring"),
        ("context.", "context"),
        ("stageVariables.", "stageVariables"),
    ):
        if source.startswith(prefix):
            rest = source[len(prefix) :].strip(".")
            if not rest:
                return scope.body
            return scope.lookup(name, rest.split("."))
    return None


class _Map(dict[str, Any]):
    """An object that prints as Velocity prints it."""

    def __str__(self) -> str:
        return "{" + ", ".join(f"{name}={value}" for name, value in self.items()) + "}"


def _printed_as_in_java(value: Any) -> Any:
    if isinstance(value, dict):
        return _Map({name: _printed_as_in_java(inner) for name, inner in value.items()})
    if isinstance(value, list):
        return [_printed_as_in_java(inner) for inner in value]
    return value


@functools.lru_cache(maxsize=256)
def _parsed(path: str) -> Any:
    """Return a JSONPath: to read one takes longer than all else of a message."""
    from jsonpath_ng.parser import parse  # type: ignore[import-untyped]

    return parse(path)


def _find(payload: str, path: str) -> Any:
    try:
        document = orjson.loads(payload)
    except ValueError:
        document = payload
    if path in ("$", "$."):
        return document
    found = [match.value for match in _parsed(path).find(document)]
    return found[0] if len(found) == 1 else (found or None)


def _escape_javascript(text: Any) -> str:
    return orjson.dumps(str(text)).decode()[1:-1].replace("'", "\\'")


_UTIL: dict[str, Callable[[Any], Any]] = {
    "escapeJavaScript": _escape_javascript,
    "parseJson": lambda text: orjson.loads(text),
    "urlEncode": lambda text: quote_plus(str(text)),
    "urlDecode": lambda text: unquote_plus(str(text)),
    "base64Encode": lambda text: base64.b64encode(str(text).encode()).decode(),
    "base64Decode": lambda text: base64.b64decode(str(text)).decode(),
}
