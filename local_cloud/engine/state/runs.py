"""What of a state runs or can be run once it is loaded, by kind: read from a journal, as data."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from local_cloud.engine.state.format import NotReadable
from local_cloud.engine.state.journal import AnotherFormat, read_file
from local_cloud.engine.state.records import by_service
from local_cloud.engine.state.shown import Member, attributes_of, raw

#: The states in which nothing runs, as what runs compares them: all else is told of.
_OFF: dict[str, tuple[frozenset[str], frozenset[str]]] = {
    "EsmState": (frozenset({"Disabled", "Disabling"}), frozenset({"DISABLED", "DISABLING"})),
    "RuleState": (frozenset({"DISABLED"}), frozenset({"DISABLED"})),
    "ScheduleState": (frozenset({"DISABLED"}), frozenset()),
    "ExecutionStatus": (
        ended := frozenset({"SUCCEEDED", "FAILED", "TIMED_OUT", "ABORTED"}),
        ended,
    ),
}


def what_runs(path: Path) -> dict[str, list[str]]:
    """Return the names of what runs, or can be run, by the kinds of which there are any.

    Args:
        path: of a journal.

    Raises:
        AnotherFormat: it cannot be read.
    """
    records, _ = read_file(path)
    services = by_service(path, records)
    found: dict[str, list[str]] = {}
    for kind, (service, names_in) in _KINDS.items():
        whole, parts = services.get(service, (None, {}))
        if whole is None:
            continue
        try:
            names = sorted(names_in(raw(whole, parts)))
        except (NotReadable, LookupError, AttributeError, TypeError, ValueError) as error:
            raise AnotherFormat(
                path, f"holds something for {service} that cannot be read: {error}"
            ) from error
        if names:
            found[kind] = names
    return found


def _stores(held: Mapping[str, Any], name: str) -> Iterator[Any]:
    """Yield what LocalStack's stores have under a name, of each region."""
    for container in held.values():
        for regions in container.get("accounts", {}).values():
            for values in regions["regions"].values():
                if f"attr_{name}" in values:
                    yield values[f"attr_{name}"]


def _functions(held: Mapping[str, Any]) -> Iterator[str]:
    for functions in _stores(held, "functions"):
        yield from map(str, functions)


def _mappings(held: Mapping[str, Any]) -> Iterator[str]:
    for mappings in _stores(held, "event_source_mappings"):
        for one in mappings.values():
            if not _is_off("EsmState", one.get("State")):
                yield f"{_last(one.get('EventSourceArn'))} → {_last(one.get('FunctionArn'))}"


def _executions(held: Mapping[str, Any]) -> Iterator[str]:
    for executions in _stores(held, "executions"):
        for arn, execution in executions.items():
            kept = execution.value
            before = kept["same"].get("exec_status") if "same" in kept else None
            status = kept["now"].value[0].get("exec_status", before)
            if not _is_off("ExecutionStatus", status):
                yield _last(arn)


def _rules(held: Mapping[str, Any]) -> Iterator[str]:
    for buses in _stores(held, "event_buses"):
        for bus in buses.values():
            for name, rule in attributes_of(bus)["rules"].items():
                if not _is_off("RuleState", attributes_of(rule).get("state")):
                    yield str(name)


def _alarms(held: Mapping[str, Any]) -> Iterator[str]:
    for alarms in _stores(held, "alarms"):
        for arn, alarm in alarms.items():
            settings = attributes_of(alarm)["alarm"]
            if settings.get("ActionsEnabled") and any(
                settings.get(f"{state}Actions") for state in ("OK", "Alarm", "InsufficientData")
            ):
                yield _last(arn)


def _schedules(held: Mapping[str, Any]) -> Iterator[str]:
    for container in held.values():
        for backend in container.values():
            for group in backend.get("schedule_groups", {}).values():
                for name, schedule in attributes_of(group)["schedules"].items():
                    if not _is_off("ScheduleState", attributes_of(schedule).get("state")):
                        yield str(name)


def _is_off(kind: str, state: Any) -> bool:
    """Return whether nothing runs in a state, which is a member of an enumeration or its value."""
    values, members = _OFF[kind]
    if isinstance(state, Member):
        return state.of.rpartition(":")[2] == kind and state in members
    return isinstance(state, str) and state in values


def _last(arn: Any) -> str:
    return str(arn).rpartition(":")[2]


_KINDS: dict[str, tuple[str, Callable[[Mapping[str, Any]], Iterator[str]]]] = {
    "functions": ("lambda", _functions),
    "running executions": ("stepfunctions", _executions),
    "event source mappings": ("lambda", _mappings),
    "rules": ("events", _rules),
    "schedules": ("scheduler", _schedules),
    "alarms with actions": ("cloudwatch", _alarms),
}
