"""The rules of a Choice.

https://docs.aws.amazon.com/step-functions/latest/dg/state-choice.html
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
from local_cloud.engine.workflows.validation.paths import compared

_KINDS = {
    "String": ("Equals", "LessThan", "GreaterThan", "LessThanEquals", "GreaterThanEquals"),
    "Numeric": ("Equals", "LessThan", "GreaterThan", "LessThanEquals", "GreaterThanEquals"),
    "Boolean": ("Equals",),
    "Timestamp": ("Equals", "LessThan", "GreaterThan", "LessThanEquals", "GreaterThanEquals"),
}
_COMPARISONS = (
    *(
        f"{kind}{way}{path}"
        for kind, ways in _KINDS.items()
        for way in ways
        for path in ("", "Path")
    ),
    "StringMatches",
    "IsNull",
    "IsPresent",
    "IsNumeric",
    "IsString",
    "IsBoolean",
    "IsTimestamp",
)
_SELECTORS = ("And", "Or", "Not", "Variable", "Condition")
_FIELDS = {*_SELECTORS, *_COMPARISONS, "Comment"}


def check_choices(state: State, place: str, language: str) -> Iterator[Diagnostic]:
    """Yield what is wrong with the rules of a Choice."""
    for number, rule in enumerate(state.get("Choices", [])):
        where = f"{place}/Choices[{number}]"
        if not isinstance(rule, Mapping):
            yield not_right("Expected value of type Object", where)
            continue
        yield from missing_fields(rule, ("Next",), where)
        if not isinstance(rule.get("Next", ""), str):
            yield not_right("Expected value of type String", f"{where}/Next")
        yield from _of_rule(rule, where, language, {"Next", "Assign", "Output"})


def _of_rule(
    rule: Mapping[str, Any], place: str, language: str, more: set[str]
) -> Iterator[Diagnostic]:
    yield from unknown_fields(rule, _FIELDS | more, place)
    foreign = [
        name
        for name in rule
        if (name == "Condition" and language == JSONPATH)
        or (name in ("Variable", "And", "Or", "Not", *_COMPARISONS) and language == JSONATA)
    ]
    for name in foreign[:1]:
        yield foreign_field(name, language, place)
    if foreign:
        return
    selectors = [name for name in _SELECTORS if name in rule]
    if len(selectors) != 1:
        yield not_right(
            f"The object must have only one of the following fields, [{', '.join(_SELECTORS)}]",
            place,
        )
        return
    yield from _of_selector(rule, selectors[0], place, language)


def _of_selector(
    rule: Mapping[str, Any], selector: str, place: str, language: str
) -> Iterator[Diagnostic]:
    comparisons = [name for name in rule if name in _COMPARISONS]
    if selector == "Variable":
        yield from compared(rule, "Variable", place)
        for name in comparisons:
            if name.endswith("Path"):
                yield from compared(rule, name, place)
        if len(comparisons) != 1:
            some = "There should only be one" if comparisons else "This object should have only one"
            yield not_right(f"{some} of the following fields: [{', '.join(_COMPARISONS)}]", place)
    elif selector in ("And", "Or"):
        rules = rule[selector]
        if not isinstance(rules, list):
            yield not_right("Expected value of type Array", f"{place}/{selector}")
        elif not rules:
            yield not_right("Value cannot be empty", f"{place}/{selector}")
        else:
            for number, inner in enumerate(rules):
                yield from _inner(inner, f"{place}/{selector}[{number}]", language)
    elif selector == "Not":
        yield from _inner(rule["Not"], f"{place}/Not", language)


def _inner(rule: Any, place: str, language: str) -> Iterator[Diagnostic]:
    if isinstance(rule, Mapping):
        yield from _of_rule(rule, place, language, set())
    else:
        yield not_right("Expected value of type Object", place)
