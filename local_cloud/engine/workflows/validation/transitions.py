"""Checks that a workflow's states lead to one another, as Step Functions does before it takes one.

https://docs.aws.amazon.com/step-functions/latest/apireference/API_ValidateStateMachineDefinition.html
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from local_cloud.engine.workflows.validation.diagnostics import (
    Diagnostic,
    Machine,
    State,
    inner_machines,
)


def check_transitions(machine: Machine) -> list[Diagnostic]:
    """Return what is wrong with the ways between a machine's states, and inside of them.

    Args:
        machine: a definition that is right in its schema.
    """
    found = list(_missing_targets(machine, ""))
    if not any(map(_ends, machine["States"].values())):
        found.append(Diagnostic("MISSING_END_STATE", "Workflow has no terminal state"))
    else:
        found += _unreachable(machine, "")
    return found


def _missing_targets(machine: Machine, prefix: str) -> Iterator[Diagnostic]:
    states: Mapping[str, State] = machine["States"]
    for place, target in _ways_of_machine(machine, prefix):
        if target not in states:
            yield Diagnostic("MISSING_TRANSITION_TARGET", f"Missing 'Next' target: {target}", place)
    for place, inner in inner_machines(machine, prefix):
        yield from _missing_targets(inner, place)


def _unreachable(machine: Machine, prefix: str) -> Iterator[Diagnostic]:
    states: Mapping[str, State] = machine["States"]
    reached: set[str] = set()
    waiting = [machine["StartAt"]]
    while waiting:
        name = waiting.pop()
        if name in states and name not in reached:
            reached.add(name)
            waiting += [target for _, target in _ways(states[name], "")]
    for name in states:
        if name not in reached:
            message = f'State "{name}" is not reachable.'
            yield Diagnostic("MISSING_TRANSITION_TARGET", message, f"{prefix}/States/{name}")
    for place, inner in inner_machines(machine, prefix):
        yield from _unreachable(inner, place)


def _ways_of_machine(machine: Machine, prefix: str) -> Iterator[tuple[str, str]]:
    yield f"{prefix}/StartAt", machine["StartAt"]
    for name, state in machine["States"].items():
        yield from _ways(state, f"{prefix}/States/{name}")


def _ways(state: State, place: str) -> Iterator[tuple[str, str]]:
    """Yield where a state may lead, and where in the definition that is said."""
    for key in ("Next", "Default"):
        if key in state:
            yield f"{place}/{key}", state[key]
    for key in ("Choices", "Catch"):
        for number, way in enumerate(state.get(key, [])):
            if "Next" in way:
                yield f"{place}/{key}[{number}]/Next", way["Next"]


def _ends(state: State) -> bool:
    return bool(state.get("End")) or state["Type"] in ("Succeed", "Fail")
