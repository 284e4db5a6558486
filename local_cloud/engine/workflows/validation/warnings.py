"""What is allowed, and yet is hardly meant.

https://docs.aws.amazon.com/step-functions/latest/apireference/API_ValidateStateMachineDefinitionDiagnostic.html
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from local_cloud.engine.workflows.validation.diagnostics import (
    Diagnostic,
    Machine,
    inner_machines,
)
from local_cloud.engine.workflows.validation.languages import JSONATA, JSONPATH
from local_cloud.engine.workflows.validation.paths import is_call, is_path

_TEMPLATES = ("Parameters", "ResultSelector", "ItemSelector", "Assign")


def check_doubts(machine: Machine, prefix: str = "", outer: str = JSONPATH) -> list[Diagnostic]:
    """Return warnings of a machine that is right."""
    return list(_doubts(machine, prefix, str(machine.get("QueryLanguage", outer))))


def _doubts(machine: Machine, prefix: str, language: str) -> Iterator[Diagnostic]:
    for name, state in machine["States"].items():
        place = f"{prefix}/States/{name}"
        if state.get("QueryLanguage", language) == JSONATA:
            continue
        for field in _TEMPLATES:
            yield from _of_template(state.get(field), f"{place}/{field}")
        if any(_looks_like_a_path(value) for value in _values(state.get("Result"))):
            said = "Attempt to use a path in the result of a pass state."
            yield Diagnostic("PASS_RESULT_IS_STATIC", said, f"{place}/Result", "WARNING")
    for place, inner in inner_machines(machine, prefix):
        yield from _doubts(inner, place, language)


def _of_template(value: Any, place: str) -> Iterator[Diagnostic]:
    if isinstance(value, Mapping):
        for name, inner in value.items():
            if not name.endswith(".$") and _looks_like_a_path(inner):
                said = "No .$ on a field that appears to be a JSONPath or Intrinsic Function."
                yield Diagnostic("NO_DOLLAR", said, f"{place}/{name}", "WARNING")
            yield from _of_template(inner, f"{place}/{name}")
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield from _of_template(inner, f"{place}[{number}]")


def _looks_like_a_path(value: Any) -> bool:
    if not isinstance(value, str):
        return False
    return (value.startswith(("$.", "$$.", "$[")) and is_path(value)) or is_call(value)


def _values(value: Any) -> Iterator[Any]:
    if isinstance(value, Mapping):
        for inner in value.values():
            yield from _values(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _values(inner)
    else:
        yield value
