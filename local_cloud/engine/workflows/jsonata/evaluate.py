"""One expression and its values: evaluated, or failed in AWS's words.

https://docs.aws.amazon.com/step-functions/latest/dg/transforming-data.html
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from local_aws.json_text import loads
from local_cloud.engine.workflows.jsonata.evaluators import EVALUATORS, NotAValue
from local_cloud.engine.workflows.jsonata.libraries import ExpressionFailed

#: Bytes of a result: https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html
MAX_RESULT_BYTES = 256 * 1024
#: Of a result; the interpreter walks no deeper values.
MOST_LEVELS = 200


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
        text = EVALUATORS.evaluate(expression, bindings)
    except NotAValue as error:
        raise QueryFailed(" returned an unsupported result type.") from error
    except ExpressionFailed as error:
        raise QueryFailed(f" threw an error during evaluation. {error}") from error
    if text is None:
        raise QueryFailed(" returned nothing (undefined).")
    if len(text.encode()) > MAX_RESULT_BYTES:
        raise QueryFailed(
            f" returned a result that is larger than {MAX_RESULT_BYTES // 1024} KB, the most that "
            "a state can have."
        )
    try:
        return loads(text, MOST_LEVELS)
    except ValueError as error:
        raise QueryFailed(f" returned an unsupported result: {error}.") from error
