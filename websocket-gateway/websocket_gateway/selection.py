"""Route selection expressions: which route key a message has.

https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-websocket-api-selection-expressions.html
"""

from __future__ import annotations

import json
import re

# A dash ends a bare name, as in "$request.body.a-$request.body.b"; braces may hold one.
_VARIABLE = re.compile(
    r"\$(?:request\.body(?P<bare>(?:\.\w+)+)|\{request\.body(?P<braced>(?:\.[\w-]+)+)\})"
)


class RouteSelectionExpression:
    """An expression such as ``$request.body.action``.

    Raises:
        ValueError: the expression names nothing of the request's body.
    """

    def __init__(self, expression: str) -> None:
        self.expression = expression
        if not _VARIABLE.search(expression):
            raise ValueError(
                f"route selection expression {expression!r}: expected $request.body.NAME"
            )
        match = _VARIABLE.fullmatch(expression)
        self._path = _path(match) if match else None

    def evaluate(self, body: str) -> str | None:
        """Return the route key of a message, or ``None`` when it has none."""
        try:
            document = json.loads(body)
        except (ValueError, RecursionError):
            return None
        if self._path is not None:
            return _text(document, self._path)
        missing = False

        def replace(match: re.Match[str]) -> str:
            nonlocal missing
            value = _text(document, _path(match))
            missing = missing or value is None
            return value or ""

        key = _VARIABLE.sub(replace, self.expression)
        return None if missing else key


def _path(match: re.Match[str]) -> list[str]:
    return str(match["bare"] or match["braced"])[1:].split(".")


def _text(document: object, path: list[str]) -> str | None:
    for name in path:
        if not isinstance(document, dict) or name not in document:
            return None
        document = document[name]
    if isinstance(document, bool):
        return "true" if document else "false"
    return str(document) if isinstance(document, str | int | float) else None
