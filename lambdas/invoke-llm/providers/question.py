"""What a question says of columns beyond the words that match: an instrument, a dose."""

from __future__ import annotations

import re
from typing import Any

_WORD = re.compile(r"[A-Za-z0-9_]+")
# No repeat gives back what it has read: a question of whatever length takes no longer for it.
_BEFORE = re.compile(
    r"\b(\w++)\s++(?:as|is|for)\s++(?:the|an|its)?\s*+instruments?\b", re.IGNORECASE
)
_AFTER = re.compile(r"\binstruments?(?:\s+(?:is|are|with|by|for\s+\w+\s+is))?[\s:]+(\w+)", re.I)
_NUMBERED = re.compile(r"(?P<stem>[A-Za-z_]+?)_?(?P<number>\d+)")
_NONE = frozenset({"none", "no", "nothing", "neither", ""})


def named_instrument(question: str, columns: list[dict[str, Any]]) -> str | None:
    """Return the column that the question calls an instrument."""
    names = {c["name"] for c in columns}
    for pattern in (_BEFORE, _AFTER):
        for match in pattern.finditer(question):
            if match[1] in names:
                return match[1]
    return None


def named_first(question: str, columns: list[dict[str, Any]]) -> str | None:
    """Return the column that the question names before another one: the cause it asks about."""
    names = {c["name"] for c in columns}
    named = list(dict.fromkeys(word for word in _WORD.findall(question) if word in names))
    return named[0] if len(named) == 2 else None


def named_dose(question: str, columns: list[dict[str, Any]]) -> str | None:
    """Return the column of numbers that the question names first, if it names no 0/1 column."""
    kinds = {c["name"]: c["type"] for c in columns}
    named = [word for word in _WORD.findall(question) if word in kinds]
    if len(set(named)) < 2 or any(kinds[name] == "binary" for name in named):
        return None
    return named[0] if kinds[named[0]] == "numeric" else None


def named_columns(answer: str, names: list[str]) -> list[str] | None:
    """Return the columns that an answer lists; ``None`` where it names something else."""
    said = [part.strip() for part in re.split(r"[,;]|\band\b", answer)]
    if len(said) == 1 and said[0].lower().rstrip(".") in _NONE:
        return []
    return said if all(part in names for part in said) else None


def earlier_values(outcome: str, names: list[str]) -> list[str]:
    """Return columns that look like the outcome at an earlier time: re74 and re75 beside re78."""
    own = _NUMBERED.fullmatch(outcome)
    if own is None:
        return []
    found = []
    for name in names:
        match = _NUMBERED.fullmatch(name)
        if match and match["stem"] == own["stem"] and int(match["number"]) < int(own["number"]):
            found.append(name)
    return found
