"""Which fields a state may have, and whether its JSONata can be read: refused as AWS refuses it.

What AWS answers was measured with ``validate-state-machine-definition`` by others:
https://github.com/floci-io/floci/issues/2968 (query languages)
https://github.com/floci-io/floci/issues/2735 (fields by type)
https://github.com/floci-io/floci/issues/2745 (JSONata that cannot be read)
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from local_cloud.engine.workflows.jsonata.libraries import syntax_error
from local_cloud.engine.workflows.transitions import Diagnostic, Machine, State, inner_machines

JSONATA, JSONPATH = "JSONata", "JSONPath"
_SCHEMA = "SCHEMA_VALIDATION_FAILED"
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
        "ResultPath",
        "ResultSelector",
        "SecondsPath",
        "TimeoutSecondsPath",
        "TimestampPath",
        "ToleratedFailureCountPath",
        "ToleratedFailurePercentagePath",
    ),
}
#: Types that have a field; the others do not.
_TYPES = {
    "TimeoutSeconds": ("Task",),
    "Catch": ("Task", "Parallel", "Map"),
    "Retry": ("Task", "Parallel", "Map"),
}
#: Fields of a state that hold states of their own, or words for people.
_NOT_EVALUATED = ("Branches", "Comment", "ItemProcessor", "Iterator", "Next", "Type")


def check_fields(machine: Machine) -> list[Diagnostic]:
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
        if not isinstance(inner, Mapping):
            continue
        if "QueryLanguage" in inner:
            yield Diagnostic(_SCHEMA, "Field 'QueryLanguage' is not supported", place)
        yield from _of_machine(inner, place, language)


def _of_state(state: State, place: str, language: str) -> Iterator[Diagnostic]:
    own = state.get("QueryLanguage", language)
    if own == JSONPATH and language == JSONATA:
        yield Diagnostic(
            _SCHEMA,
            "'QueryLanguage' can not be 'JSONPath' if set to 'JSONata' for whole state machine",
            place,
        )
    other = JSONPATH if own == JSONATA else JSONATA
    for field in _ONLY[other]:
        if field in state:
            yield Diagnostic(
                _SCHEMA,
                f"The QueryLanguage is set to '{own}', but field '{field}' is only supported for "
                f"the '{other}' QueryLanguage",
                place,
            )
    for field, types in _TYPES.items():
        if field in state and state.get("Type") not in types:
            yield Diagnostic(_SCHEMA, f"Field '{field}' is not supported", place)
    if own == JSONATA:
        for key, value in state.items():
            if key not in _NOT_EVALUATED:
                yield from _of_expressions(value, f"{place}/{key}")


def _of_expressions(value: Any, place: str) -> Iterator[Diagnostic]:
    match value:
        case str() if value.startswith("{%") and value.endswith("%}") and len(value) > 3:
            if (why := syntax_error(value[2:-2].strip())) is not None:
                yield Diagnostic("INVALID_JSONATA_EXPRESSION", why, place)
        case Mapping():
            for key, inner in value.items():
                yield from _of_expressions(inner, f"{place}/{key}")
        case list():
            for number, inner in enumerate(value):
                yield from _of_expressions(inner, f"{place}[{number}]")
