"""Which fields a machine and its states have, which they must have, and of what type.

The fields by type were measured on AWS, and so were the words:
https://github.com/badmintoncryer/cdk-preflight
https://github.com/floci-io/floci/issues/2735
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from local_cloud.engine.workflows.validation.choices import check_choices
from local_cloud.engine.workflows.validation.diagnostics import (
    Diagnostic,
    Machine,
    State,
    inner_machines,
    missing_fields,
    not_right,
    unknown_fields,
)
from local_cloud.engine.workflows.validation.errors import check_errors
from local_cloud.engine.workflows.validation.languages import JSONATA, JSONPATH
from local_cloud.engine.workflows.validation.maps import check_map
from local_cloud.engine.workflows.validation.paths import check_paths, is_timestamp
from local_cloud.engine.workflows.validation.resources import check_resource

_MACHINE = {"Comment", "QueryLanguage", "StartAt", "States"}
_OUTERMOST = _MACHINE | {"TimeoutSeconds", "Version"}
_INSIDE_MAP = _MACHINE | {"ProcessorConfig"}
_ANY = {"Type", "Comment", "QueryLanguage"}
_WAYS = {"Next", "End"}
_IN_AND_OUT = {"InputPath", "OutputPath", "Output", "Assign"}
_WORK = _IN_AND_OUT | _WAYS | {"ResultPath", "ResultSelector", "Parameters", "Retry", "Catch"}
_FIELDS: dict[str, set[str]] = {
    "Pass": _IN_AND_OUT | _WAYS | {"Result", "ResultPath", "Parameters"},
    "Task": _WORK
    | {
        "Arguments",
        "Resource",
        "Credentials",
        "TimeoutSeconds",
        "TimeoutSecondsPath",
        "HeartbeatSeconds",
        "HeartbeatSecondsPath",
    },
    "Wait": _IN_AND_OUT | _WAYS | {"Seconds", "Timestamp", "SecondsPath", "TimestampPath"},
    "Parallel": _WORK | {"Arguments", "Branches"},
    "Map": _WORK
    | {
        "ItemProcessor",
        "Iterator",
        "ItemsPath",
        "Items",
        "ItemSelector",
        "ItemReader",
        "ItemBatcher",
        "ResultWriter",
        "MaxConcurrency",
        "MaxConcurrencyPath",
        "ToleratedFailurePercentage",
        "ToleratedFailurePercentagePath",
        "ToleratedFailureCount",
        "ToleratedFailureCountPath",
        "Label",
    },
    "Choice": _IN_AND_OUT | {"Choices", "Default"},
    "Succeed": {"InputPath", "OutputPath", "Output"},
    "Fail": {"Error", "Cause", "ErrorPath", "CausePath"},
}
_TYPES = ("Task", "Wait", "Pass", "Succeed", "Fail", "Choice", "Parallel", "Map")
_REQUIRED = {"Task": ["Resource"], "Choice": ["Choices"], "Parallel": ["Branches"]}
#: Fields of which there is one at most.
_ONE_AT_MOST: tuple[tuple[str, ...], ...] = (
    ("Next", "End"),
    ("TimeoutSeconds", "TimeoutSecondsPath"),
    ("HeartbeatSeconds", "HeartbeatSecondsPath"),
    ("MaxConcurrency", "MaxConcurrencyPath"),
    ("ToleratedFailurePercentage", "ToleratedFailurePercentagePath"),
    ("ToleratedFailureCount", "ToleratedFailureCountPath"),
    ("Error", "ErrorPath"),
    ("Cause", "CausePath"),
    ("ItemProcessor", "Iterator"),
    ("SecondsPath", "Seconds", "TimestampPath", "Timestamp"),
)
#: Fields of which there has to be one, by type.
_ONE_AT_LEAST: dict[str, list[tuple[str, ...]]] = {
    **{kind: [("Next", "End")] for kind in ("Task", "Pass", "Parallel")},
    "Map": [("Next", "End"), ("ItemProcessor", "Iterator")],
    "Wait": [("Next", "End"), ("SecondsPath", "Seconds", "TimestampPath", "Timestamp")],
}
_STRINGS = ("Next", "Default", "Resource", "Label", "Comment", "StartAt")
_INTEGERS = (
    "TimeoutSeconds",
    "HeartbeatSeconds",
    "Seconds",
    "MaxConcurrency",
    "ToleratedFailureCount",
)
_OBJECTS = ("ItemProcessor", "Iterator", "ItemReader", "ItemBatcher", "ResultWriter", "Credentials")
_LISTS = ("Choices", "Branches", "Retry", "Catch")
MAX_NAME = 80


def check_states(machine: Any, express: bool = False) -> list[Diagnostic]:
    """Return what is wrong with the schema of a machine.

    Args:
        machine: a definition, read from JSON.
        express: whether it is an Express workflow's.
    """
    if not isinstance(machine, Mapping):
        return [not_right("Expected value of type Object", "")]
    found = list(_of_machine(machine, "", _OUTERMOST, express))
    found += _repeated_names(machine)
    if machine.get("Version", "1.0") != "1.0":
        found.append(not_right("Value should be one of the following: [1.0]", "/Version"))
    return found


def check_state(state: Any, place: str, language: str, express: bool = False) -> list[Diagnostic]:
    """Return what is wrong with one state by itself, without those inside of it."""
    if not isinstance(state, Mapping):
        return [not_right("Expected value of type Object", place)]
    return list(_of_state(state, place, language, express))


def _of_machine(
    machine: Machine, place: str, fields: set[str], express: bool
) -> Iterator[Diagnostic]:
    language = machine.get("QueryLanguage", JSONPATH)
    yield from unknown_fields(machine, fields, place)
    yield from missing_fields(machine, ("StartAt", "States"), place)
    yield from _languages(machine, place)
    yield from _of_types(machine, place, JSONPATH)
    states = machine.get("States", {})
    if not isinstance(states, Mapping):
        yield not_right("Expected value of type Object", f"{place}/States")
        return
    if "States" in machine and not states:
        yield not_right("Value cannot be empty", f"{place}/States")
    for name, state in states.items():
        where = f"{place}/States/{name}"
        if len(name) > MAX_NAME or not name:
            said = f"The state name {name!r} has to have 1 to {MAX_NAME} characters"
            yield Diagnostic("INVALID_STATE_NAME", said, where)
        yield from check_state(state, where, str(language), express)
        if isinstance(state, Mapping):
            yield from _inside(state, where, str(language), express)


def _languages(fields: Mapping[str, Any], place: str) -> Iterator[Diagnostic]:
    if fields.get("QueryLanguage", JSONPATH) not in (JSONPATH, JSONATA):
        said = "Value should be one of the following: [JSONPath, JSONata]"
        yield not_right(said, f"{place}/QueryLanguage")


def _of_state(state: State, place: str, outer: str, express: bool) -> Iterator[Diagnostic]:
    kind = state.get("Type")
    if not isinstance(kind, str) or kind not in _FIELDS:
        yield (
            not_right(
                f"The field 'Type' should have one of these values: [{', '.join(_TYPES)}]",
                f"{place}/Type",
            )
            if "Type" in state
            else not_right("These fields are required: [Type]", place)
        )
        return
    language = str(state.get("QueryLanguage", outer))
    yield from unknown_fields(state, _FIELDS[kind] | _ANY, place)
    yield from _languages(state, place)
    yield from missing_fields(state, _REQUIRED.get(kind, []), place)
    yield from _exclusive(state, kind, place)
    wrong = list(_of_types(state, place, language))
    yield from wrong
    if wrong:
        return  # what follows reads the values
    yield from check_paths(state, place, language)
    yield from check_errors(state, place, language)
    yield from check_assign(state, place)
    timestamp = state.get("Timestamp")
    expression = language == JSONATA and str(timestamp).startswith("{%")
    if isinstance(timestamp, str) and not expression and not is_timestamp(timestamp):
        yield not_right("String does not match RFC3339 timestamp", f"{place}/Timestamp")
    if kind == "Task":
        yield from check_resource(state, place, express)
    elif kind == "Choice":
        yield from check_choices(state, place, language)
    elif kind == "Map":
        yield from check_map(state, place, express)


def _inside(state: State, place: str, outer: str, express: bool) -> Iterator[Diagnostic]:
    """Yield what is wrong with the states inside of one."""
    branches = state.get("Branches", [])
    for number, branch in enumerate(branches if isinstance(branches, list) else []):
        if not isinstance(branch, Mapping):
            yield not_right("Expected value of type Object", f"{place}/Branches[{number}]")
    known = _INSIDE_MAP if state.get("Type") == "Map" else _MACHINE
    for inner_place, inner in inner_machines({"States": {"": state}}, ""):
        where = place + inner_place.removeprefix("/States/")
        # A processor has the language of the whole machine.
        yield from _of_machine({"QueryLanguage": outer, **inner}, where, known, express)


def _exclusive(state: State, kind: str, place: str) -> Iterator[Diagnostic]:
    given = {name for name in state if not (name == "End" and state[name] is False)}
    for names in _ONE_AT_MOST:
        if len(given.intersection(names)) > 1:
            said = ", ".join(names)
            yield not_right(f"There should only be one of the following fields: [{said}]", place)
    for names in _ONE_AT_LEAST.get(kind, []):
        if not given.intersection(names):
            said = ", ".join(names)
            yield not_right(
                f"This object should have only one of the following fields: [{said}]", place
            )


def _of_types(fields: Mapping[str, Any], place: str, language: str) -> Iterator[Diagnostic]:
    for names, wanted, kind in (
        (_STRINGS, (str,), "String"),
        (_OBJECTS, (dict,), "Object"),
        (_LISTS, (list,), "Array"),
        (_INTEGERS, (int,), "Integer"),
        (("ToleratedFailurePercentage",), (int, float), "Number"),
        (("End",), (bool,), "Boolean"),
    ):
        for name in names:
            if name not in fields:
                continue
            value = fields[name]
            expression = kind in ("Integer", "Number") and language == JSONATA
            if expression and isinstance(value, str):
                continue
            if not isinstance(value, wanted) or (bool not in wanted and isinstance(value, bool)):
                yield not_right(f"Expected value of type {kind}", f"{place}/{name}")
            elif name in ("Choices", "Branches") and not value:
                yield not_right("Value cannot be empty", f"{place}/{name}")


def check_assign(fields: Mapping[str, Any], place: str) -> Iterator[Diagnostic]:
    """Yield what is wrong with the names of variables that are assigned."""
    assigned = fields.get("Assign")
    for name in assigned if isinstance(assigned, Mapping) else ():
        bare = name.removesuffix(".$")
        if bare == "states":
            said = "Cannot assign to reserved variable '$states'."
            yield Diagnostic("RESERVED_VARIABLE_NAME", said, f"{place}/Assign")
        elif not bare.isidentifier() or bare.startswith("_"):
            said = f"Invalid variable name '{bare}': the variable name contains invalid characters."
            yield Diagnostic("INVALID_VARIABLE_NAME", said, f"{place}/Assign")


def _repeated_names(machine: Machine) -> Iterator[Diagnostic]:
    """Yield names that a machine has twice: they are unique in all of it."""
    seen: set[str] = set()
    waiting: list[tuple[str, Machine]] = [("", machine)]
    while waiting:
        prefix, one = waiting.pop(0)
        states = one.get("States")
        if not isinstance(states, Mapping):
            continue
        for name in states:
            if name in seen:
                place = f"{prefix}/States/{name}"
                yield Diagnostic("DUPLICATE_STATE_NAME", f"Duplicate State name: {name}", place)
            seen.add(name)
        known = {name: state for name, state in states.items() if isinstance(state, Mapping)}
        waiting += inner_machines({"States": known}, prefix)
