"""Finds the column that a question speaks of, by its name and by the words that explain it."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from typing import Any

_WORD = re.compile(r"[a-z0-9_]+")
_SMALL = frozenset(
    [
        "a",
        "an",
        "and",
        "are",
        "at",
        "by",
        "did",
        "do",
        "does",
        "for",
        "from",
        "had",
        "has",
        "have",
        "how",
        "in",
        "into",
        "is",
        "it",
        "not",
        "of",
        "on",
        "or",
        "the",
        "their",
        "there",
        "this",
        "to",
        "was",
        "were",
        "what",
        "which",
        "who",
        "why",
        "with",
        "effect",
        "cause",
        "causal",
        "impact",
    ]
)


@dataclass(frozen=True)
class ColumnMatch:
    """The one column that fits a question best."""

    name: str


def best_match(question: str, columns: list[dict[str, Any]]) -> ColumnMatch | None:
    """Return the column that the question speaks of, or ``None`` when that is not clear.

    A column that is named wins; else the one that shares most words, rare words counting more.
    """
    asked = _words(question)
    raw = set(_WORD.findall(question.lower()))
    named = [c["name"] for c in columns if c["name"].lower() in raw]
    if len(named) == 1:
        return ColumnMatch(named[0])
    described = {
        c["name"]: _words(c["name"].replace("_", " ")) | _words(c.get("description", ""))
        for c in columns
    }
    common = Counter(word for words in described.values() for word in words)
    scores = {
        name: sum(1 / common[word] for word in words & asked) for name, words in described.items()
    }
    ranked = sorted(scores.items(), key=lambda pair: -pair[1])
    if not ranked or ranked[0][1] == 0:
        return None
    if len(ranked) > 1 and ranked[1][1] == ranked[0][1]:
        return None
    return ColumnMatch(ranked[0][0])


def _words(text: str) -> set[str]:
    return {_stem(word) for word in _WORD.findall(text.lower())} - _SMALL


def _stem(word: str) -> str:
    for ending in ("ings", "ing", "mes", "ed", "es", "me", "s"):
        if word.endswith(ending) and len(word) - len(ending) >= 3 and not word.isdigit():
            return word.removesuffix(ending)
    return word
