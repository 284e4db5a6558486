"""What service models mark ``sensitive`` of an operation's parameters.

https://smithy.io/2.0/spec/documentation-traits.html#sensitive-trait
"""

from __future__ import annotations

from typing import Any

from local_aws.redaction import Marks

_known: dict[tuple[str, str], Marks] = {}


def marks_of(service: str, operation: Any) -> Marks:
    """Return which parameters of an operation are secret; found once, when it is first called.

    Args:
        operation: botocore's model of it.
    """
    key = service, operation.name
    marks = _known.get(key)
    if marks is None:
        shape = operation.input_shape
        marks = _known[key] = _marks(shape, {}) if shape is not None else False
    return marks


def _marks(shape: Any, found: dict[str, Marks]) -> Marks:
    """Return the marks of a shape.

    Args:
        found: those of the structures around it, in which it may occur again.
    """
    if shape.metadata.get("sensitive"):
        return True
    if shape.type_name == "structure":
        if shape.name in found:
            return found[shape.name]
        members: dict[str, Marks] = {}
        found[shape.name] = members
        for name, member in shape.members.items():
            if (inner := _marks(member, found)) is not False:
                members[name] = inner
        return members or False
    if shape.type_name in ("list", "map"):
        member = shape.member if shape.type_name == "list" else shape.value
        inner = _marks(member, found)
        return (inner,) if inner is not False else False
    return False
