"""What is said of a definition.

https://docs.aws.amazon.com/step-functions/latest/apireference/API_ValidateStateMachineDefinitionDiagnostic.html
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Set
from dataclasses import dataclass
from typing import Any

type Machine = Mapping[str, Any]
type State = Mapping[str, Any]
SCHEMA = "SCHEMA_VALIDATION_FAILED"


@dataclass(frozen=True)
class Diagnostic:
    """What is wrong; ``location`` is a path such as ``/States/Check/Choices[0]/Next``."""

    code: str
    message: str
    location: str | None = None
    severity: str = "ERROR"

    def __str__(self) -> str:
        place = f" at {self.location}" if self.location else ""
        return f"{self.code}: {self.message}{place}"


def not_right(message: str, location: str) -> Diagnostic:
    """Return that a definition is not as its schema has it."""
    return Diagnostic(SCHEMA, message, location or "/")


def unknown_fields(fields: Mapping[str, Any], known: Set[str], place: str) -> Iterator[Diagnostic]:
    """Yield the fields that there are not."""
    for name in fields:
        if name not in known:
            yield not_right(f"Field '{name}' is not supported", place)


def missing_fields(
    fields: Mapping[str, Any], required: Iterable[str], place: str
) -> Iterator[Diagnostic]:
    """Yield that fields are not there, all of them at once."""
    if missing := [name for name in required if name not in fields]:
        yield not_right(f"These fields are required: [{', '.join(missing)}]", place)


def inner_machines(machine: Machine, prefix: str) -> Iterator[tuple[str, Machine]]:
    """Yield the machines inside the states: branches of a Parallel, the processor of a Map.

    What is none of the right shape is passed over.
    """
    for name, state in machine["States"].items():
        place = f"{prefix}/States/{name}"
        branches = state.get("Branches", [])
        for number, branch in enumerate(branches if isinstance(branches, list) else []):
            if isinstance(branch, Mapping):
                yield f"{place}/Branches[{number}]", branch
        for key in ("ItemProcessor", "Iterator"):
            if isinstance(state.get(key), Mapping):
                yield f"{place}/{key}", state[key]
