"""``${!Name}`` in ``Fn::Sub`` stands for the text ``${Name}``; LocalStack takes it for a variable.

https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/intrinsic-function-reference-sub.html
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from localstack.services.cloudformation.engine import template_preparer
from localstack.services.cloudformation.engine.v2.change_set_model_preproc import (
    ChangeSetModelPreproc,
    PreprocEntityDelta,
)
from localstack.services.cloudformation.engine.v2.change_set_model_validator import (
    ChangeSetModelValidator,
)

_LITERAL = re.compile(r"\$\{!([^{}]*+)\}")
# Private characters of Unicode, which no template has, keep the place of "${" and "}".
_OPEN, _CLOSE = "\ue0f0", "\ue0f1"


def hidden(value: Any) -> Any:
    """Return a template whose literals look like text."""
    if isinstance(value, dict):
        return {
            key: _hidden_in(inner) if key == "Fn::Sub" else hidden(inner)
            for key, inner in value.items()
        }
    if isinstance(value, list):
        return [hidden(inner) for inner in value]
    return value


def _hidden_in(arguments: Any) -> Any:
    if isinstance(arguments, str):
        return _LITERAL.sub(rf"{_OPEN}\1{_CLOSE}", arguments)
    if isinstance(arguments, list) and arguments:
        return [_hidden_in(arguments[0]), *hidden(arguments[1:])]
    return arguments


def shown(value: Any) -> Any:
    """Return a text with its literals as they are meant."""
    if isinstance(value, str):
        return value.replace(_OPEN, "${").replace(_CLOSE, "}")
    return value


def keep_literals() -> None:
    """Have LocalStack leave literals alone."""
    parse = template_preparer.parse_template
    template_preparer.parse_template = lambda template: hidden(parse(template))
    for visitor in (ChangeSetModelPreproc, ChangeSetModelValidator):
        visitor.visit_node_intrinsic_function_fn_sub = _showing(
            visitor.visit_node_intrinsic_function_fn_sub
        )


def _showing(theirs: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    def visit(self: Any, node: Any) -> Any:
        delta = theirs(self, node)
        return PreprocEntityDelta(before=shown(delta.before), after=shown(delta.after))

    return visit
