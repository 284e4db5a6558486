"""One expression and its values: evaluated, or failed in AWS's words.

https://docs.aws.amazon.com/step-functions/latest/dg/transforming-data.html
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from local_cloud.engine.workflows.jsonata.functions import FUNCTIONS
from local_cloud.engine.workflows.jsonata.libraries import ExpressionFailed, chosen

#: Bytes of a result: https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html
MAX_RESULT_BYTES = 256 * 1024


class QueryFailed(Exception):
    """An expression cannot be evaluated, or gives nothing that a state can have.

    Args:
        words: what goes after the expression and its field, as AWS says it.
    """

    def __init__(self, words: str) -> None:
        super().__init__(words)
        self.words = words


def evaluate(expression: str, bindings: Mapping[str, Any]) -> Any:
    """Return what an expression gives.

    Args:
        bindings: values by the name of their variable, without ``$``.

    Raises:
        QueryFailed: it failed, or gave nothing, a function, or too much.
    """
    try:
        text = chosen()(expression, bindings, FUNCTIONS)
        if text == '""' and _is_function(expression, bindings):
            raise QueryFailed(" returned an unsupported result type.")
    except ExpressionFailed as error:
        raise QueryFailed(f" threw an error during evaluation. {error}") from error
    if text is None:
        raise QueryFailed(" returned nothing (undefined).")
    if len(text.encode()) > MAX_RESULT_BYTES:
        raise QueryFailed(
            f" returned a result that is larger than {MAX_RESULT_BYTES // 1024} KB, the most that "
            "a state can have."
        )
    return json.loads(text)


def _is_function(expression: str, bindings: Mapping[str, Any]) -> bool:
    """Return whether a result that is written as an empty text is a function."""
    return chosen()(f"$type(({expression}))", bindings, FUNCTIONS) == '"function"'
