"""JSON that others wrote: what cannot be read is a ``ValueError``, however it cannot."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any


def loads(text: str | bytes | bytearray, most_levels: int | None = None) -> Any:
    """Return the value of a JSON text.

    Args:
        most_levels: of lists and objects within each other; without it, as many as can be read.

    Raises:
        ValueError: it is no JSON, or is nested too deeply; Python has a ``RecursionError`` for
            that, which nobody expects.
    """
    try:
        value = json.loads(text)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    if most_levels is not None and levels_of(value, most_levels) > most_levels:
        raise ValueError(f"it has more than {most_levels} levels")
    return value


def levels_of(value: Any, most: int) -> int:
    """Return how many levels of lists and objects a value has; one more than ``most`` is enough."""
    levels, pending = 0, [value]
    while levels <= most:
        pending = [one for one in pending if isinstance(one, list | Mapping)]
        if not pending:
            break
        levels += 1
        pending = [i for o in pending for i in (o.values() if isinstance(o, Mapping) else o)]
    return levels


def is_deeper(text: bytes, levels: int) -> bool:
    """Return whether a JSON text is nested deeper, without reading it where it cannot be."""
    if text.count(b"[") + text.count(b"{") <= levels:
        return False
    depth = 0
    within = escaped = False
    for byte in text:
        if escaped:
            escaped = False
        elif within:
            escaped = byte == 0x5C
            within = byte != 0x22
        elif byte == 0x22:
            within = True
        elif byte in b"[{":
            depth += 1
            if depth > levels:
                return True
        elif byte in b"]}":
            depth -= 1
    return False
