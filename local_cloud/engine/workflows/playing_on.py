"""An execution that plays on from a state that another one had entered, with an input of its own.

``StartExecution`` with the header ``X-Local-Cloud-Play-On-From: EXECUTION_ARN/EVENT_ID`` names the
event by which that state was entered. The new execution begins there, with the variables that there
were, by the definition that its machine has now.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from localstack.services.stepfunctions.asl.eval.environment import Environment

HEADER = "x-local-cloud-play-on-from"


class NoSuchPlace(ValueError):
    """An execution cannot play on from there; says why."""


@dataclass(frozen=True)
class Beginning:
    """The state at which an execution begins, and the variables there."""

    state: str
    variables: Mapping[str, Any]


def read_place(text: str) -> tuple[str, int]:
    """Return the ARN of the execution and the number of the event that the header names.

    Raises:
        NoSuchPlace: it names none.
    """
    arn, _, number = text.rpartition("/")
    if not arn.startswith("arn:") or not number.isdecimal():
        raise NoSuchPlace(f"{HEADER} is {text!r}: give EXECUTION_ARN/EVENT_ID")
    return arn, int(number)


def beginning_at(events: Sequence[Mapping[str, Any]], number: int, definition: str) -> Beginning:
    """Return how an execution begins that plays on from an event.

    Args:
        events: of the other execution.
        number: the event's.
        definition: by which it plays on.

    Raises:
        NoSuchPlace: no state was entered by that event, or none that it can begin at.
    """
    told = next((event for event in events if event["id"] == number), {})
    entered = told.get("stateEnteredEventDetails")
    if entered is None:
        raise NoSuchPlace(f"no state was entered by event {number}: name an event …StateEntered")
    states, name = json.loads(definition)["States"], entered["name"]
    if name not in states:
        raise NoSuchPlace(
            f"{name} is inside of another state, or not in the state machine any more: "
            f"an execution can begin at {', '.join(states)}"
        )
    variables: dict[str, Any] = {}
    for event in events:
        left = event.get("stateExitedEventDetails", {})
        if event["id"] < number and left.get("name") in states:
            assigned = left.get("assignedVariables") or {}
            variables |= {name: json.loads(value) for name, value in assigned.items()}
    return Beginning(name, variables)


def begin(env: Environment, beginning: Beginning) -> None:
    """Have the machine that is about to run begin there."""
    env.next_state_name = beginning.state
    for name, value in beginning.variables.items():
        env.variable_store.set(name, value)
    env.variable_store.reset_tracing()
