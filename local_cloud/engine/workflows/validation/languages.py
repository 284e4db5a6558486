"""Fields of the other query language, and JSONata that cannot be read: refused as by AWS.

What AWS answers was measured with ``validate-state-machine-definition`` by others:
https://github.com/floci-io/floci/issues/2968 (query languages)
https://github.com/floci-io/floci/issues/2745 (JSONata that cannot be read)
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from local_cloud.engine.workflows.jsonata.evaluators import EVALUATORS
from local_cloud.engine.workflows.validation.diagnostics import (
    SCHEMA,
    Diagnostic,
    Machine,
    State,
    inner_machines,
    not_right,
)

JSONATA, JSONPATH = "JSONata", "JSONPath"
#: Fields of one query language.
_ONLY = {
    JSONATA: ("Arguments", "Items", "Output"),
    JSONPATH: (
        "CausePath",
        "ErrorPath",
        "HeartbeatSecondsPath",
        "InputPath",
        "ItemsPath",
        "MaxConcurrencyPath",
        "OutputPath",
        "Parameters",
        "Result",
        "ResultPath",
        "ResultSelector",
        "SecondsPath",
        "TimeoutSecondsPath",
        "TimestampPath",
        "ToleratedFailureCountPath",
        "ToleratedFailurePercentagePath",
    ),
}
#: Fields of a state that hold states of their own, or words for people.
_NOT_EVALUATED = ("Branches", "Comment", "ItemProcessor", "Iterator", "Next", "Type")


def foreign_field(field: str, language: str, place: str) -> Diagnostic:
    """Return that a field is one of the other language."""
    other = JSONPATH if language == JSONATA else JSONATA
    return not_right(
        f"The QueryLanguage is set to '{language}', but field '{field}' is only supported for "
        f"the '{other}' QueryLanguage",
        place,
    )


def check_languages(machine: Machine) -> list[Diagnostic]:
    """Return what is wrong with the fields of a machine's states.

    Args:
        machine: a definition, whose schema need not be right.
    """
    return list(_of_machine(machine, "", str(machine.get("QueryLanguage", JSONPATH))))


def _of_machine(machine: Machine, prefix: str, language: str) -> Iterator[Diagnostic]:
    states = machine.get("States")
    if not isinstance(states, Mapping):
        return
    known = {n: s for n, s in states.items() if isinstance(s, Mapping)}
    for name, state in known.items():
        yield from _of_state(state, f"{prefix}/States/{name}", language)
    for place, inner in inner_machines({"States": known}, prefix):
        if "QueryLanguage" in inner:
            yield Diagnostic(SCHEMA, "Field 'QueryLanguage' is not supported", place)
        yield from _of_machine(inner, place, language)


def _of_state(state: State, place: str, language: str) -> Iterator[Diagnostic]:
    own = state.get("QueryLanguage", language)
    if own == JSONPATH and language == JSONATA:
        yield Diagnostic(
            SCHEMA,
            "'QueryLanguage' can not be 'JSONPath' if set to 'JSONata' for whole state machine",
            place,
        )
    other = JSONPATH if own == JSONATA else JSONATA
    for field in _ONLY[other]:
        if field in state:
            yield foreign_field(field, own, place)
    if own == JSONATA:
        for key, value in state.items():
            if key not in _NOT_EVALUATED:
                yield from _of_expressions(value, f"{place}/{key}")


def _of_expressions(value: Any, place: str) -> Iterator[Diagnostic]:
    match value:
        case str() if value.startswith("{%"):
            if not value.endswith("%}") or len(value) < 4:
                yield not_right("JSONata string must start with {% and end with %}", place)
            elif (why := EVALUATORS.syntax_error(value[2:-2].strip())) is not None:
                yield Diagnostic("INVALID_JSONATA_EXPRESSION", why, place)
        case Mapping():
            for key, inner in value.items():
                yield from _of_expressions(inner, f"{place}/{key}")
        case list():
            for number, inner in enumerate(value):
                yield from _of_expressions(inner, f"{place}[{number}]")
