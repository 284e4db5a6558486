"""Which field of a state is being evaluated, as AWS names it: ``Arguments/Items[2]/Key``."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

#: Components of LocalStack's interpreter that are a field of a state.
_NAMES = {
    "ArgumentsJSONataTemplateValueObject": "Arguments",
    "ArgumentsStringJSONata": "Arguments",
    "AssignDecl": "Assign",
    "CauseStringJSONata": "Cause",
    "ConditionStringJSONata": "Condition",
    "ErrorStringJSONata": "Error",
    "HeartbeatSecondsJSONata": "HeartbeatSeconds",
    "ItemSelector": "ItemSelector",
    "ItemsArray": "Items",
    "ItemsJSONata": "Items",
    "MaxConcurrencyJSONata": "MaxConcurrency",
    "MaxItemsStringJSONata": "ItemReader/ReaderConfig/MaxItems",
    "Output": "Output",
    "SecondsJSONata": "Seconds",
    "TimeoutSecondsJSONata": "TimeoutSeconds",
    "TimestampStringJSONata": "Timestamp",
    "ToleratedFailureCountStringJSONata": "ToleratedFailureCount",
    "ToleratedFailurePercentageStringJSONata": "ToleratedFailurePercentage",
}
#: Components that name a value within a field, by their ``identifier``.
_BINDINGS = frozenset(
    {
        "JSONataTemplateBinding",
        "AssignTemplateBindingStringExpressionSimple",
        "AssignTemplateBindingValue",
    }
)


class _Path(threading.local):
    def __init__(self) -> None:
        self.parts: list[str] = []


_PATH = _Path()


@contextmanager
def inside(part: str) -> Iterator[None]:
    """Be within a part of a state for a while."""
    _PATH.parts.append(part)
    try:
        yield
    finally:
        _PATH.parts.pop()


def field() -> str:
    """Return where the evaluation is."""
    return "".join(_PATH.parts).removeprefix("/")


def part_of(component: Any) -> str | None:
    """Return the part of a field's name that a component stands for."""
    kind = type(component).__name__
    if kind in _BINDINGS:
        return f"/{component.identifier}"
    index = getattr(component, "index_in_choices", None)
    if index is not None:
        return f"/Choices[{index}]"
    name = _NAMES.get(kind)
    return f"/{name}" if name else None
