"""Retriers and catchers.

https://docs.aws.amazon.com/step-functions/latest/dg/concepts-error-handling.html
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from local_cloud.engine.workflows.validation.diagnostics import (
    Diagnostic,
    State,
    missing_fields,
    not_right,
    unknown_fields,
)
from local_cloud.engine.workflows.validation.languages import JSONATA, JSONPATH, foreign_field
from local_cloud.engine.workflows.validation.paths import reference, template

ALL = "States.ALL"
_FIELDS = {
    "Retry": {
        "ErrorEquals",
        "IntervalSeconds",
        "MaxAttempts",
        "BackoffRate",
        "MaxDelaySeconds",
        "JitterStrategy",
        "Comment",
    },
    "Catch": {"ErrorEquals", "Next", "ResultPath", "Assign", "Output", "Comment"},
}


def check_errors(state: State, place: str, language: str) -> Iterator[Diagnostic]:
    """Yield what is wrong with what a state retries and catches."""
    for field, known in _FIELDS.items():
        ways = state.get(field, [])
        for number, way in enumerate(ways):
            where = f"{place}/{field}[{number}]"
            if not isinstance(way, Mapping):
                yield not_right("Expected value of type Object", where)
                continue
            yield from unknown_fields(way, known, where)
            required = ["ErrorEquals", "Next"] if field == "Catch" else ["ErrorEquals"]
            yield from missing_fields(way, required, where)
            yield from _names(way.get("ErrorEquals"), number == len(ways) - 1, where)
            yield from _of_language(way, where, language)


def _names(names: Any, last: bool, place: str) -> Iterator[Diagnostic]:
    where = f"{place}/ErrorEquals"
    if names is None:
        return
    if not isinstance(names, list):
        yield not_right("Expected value of type Array", where)
    elif not names:
        yield not_right("Value cannot be empty", where)
    elif any(not isinstance(name, str) for name in names):
        yield not_right("Expected value of type String", where)
    elif ALL in names and (len(names) > 1 or not last):
        yield not_right(f"{ALL} must appear alone and at end of list", where)


def _of_language(way: Mapping[str, Any], place: str, language: str) -> Iterator[Diagnostic]:
    jitter = way.get("JitterStrategy", "NONE")
    if jitter not in ("NONE", "FULL"):
        said = "Value should be one of the following: [NONE, FULL]"
        yield not_right(said, f"{place}/JitterStrategy")
    wrong = "ResultPath" if language == JSONATA else "Output"
    if wrong in way:
        yield foreign_field(wrong, language, place)
    elif language == JSONPATH:
        yield from reference(way, "ResultPath", place)
        yield from template(way.get("Assign"), f"{place}/Assign")
