"""What AWS refuses in a definition, in its words.

https://states-language.net/spec.html
https://docs.aws.amazon.com/step-functions/latest/apireference/API_ValidateStateMachineDefinition.html
"""

from __future__ import annotations

from typing import Any

from local_aws.json_text import loads
from local_cloud.engine.workflows.validation.diagnostics import Diagnostic, Machine
from local_cloud.engine.workflows.validation.languages import check_languages
from local_cloud.engine.workflows.validation.states import check_states
from local_cloud.engine.workflows.validation.transitions import check_transitions
from local_cloud.engine.workflows.validation.warnings import check_doubts

#: Of a definition; the interpreter's parser walks no deeper ones.
MOST_LEVELS = 150


def schema_of(definition: str, express: bool = False) -> list[Diagnostic]:
    """Return what is wrong with a definition as JSON, with its fields and with its languages."""
    machine = _read(definition)
    if isinstance(machine, Diagnostic):
        return [machine]
    found = check_states(machine, express)
    if not isinstance(machine, dict) or "States" not in machine:
        return found
    return list(dict.fromkeys([*found, *check_languages(machine)]))


def ways_of(definition: str) -> list[Diagnostic]:
    """Return what is wrong with where the states of a definition lead."""
    machine: Machine = loads(definition)
    return check_transitions(machine)


def doubts_of(definition: str) -> list[Diagnostic]:
    """Return warnings of a definition that is right."""
    machine: Machine = loads(definition)
    return check_doubts(machine)


def _read(definition: str) -> Any:
    if not definition.strip():
        said = "Received a null or empty workflow input."
        return Diagnostic("MISSING_DESCRIPTION", said)
    try:
        return loads(definition, MOST_LEVELS)
    except ValueError as error:
        return Diagnostic("INVALID_JSON_DESCRIPTION", f"JSON syntax problem found: {error}")
