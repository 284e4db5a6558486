"""What an analysis may claim, from what its tools found."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

#: The data cannot answer the question: no effect is claimed.
STOPS = "stops"
#: The claim holds with less certainty.
WEAKENS = "weakens"
#: Worth knowing; the claim is as it was.
NOTE = "note"


def cannot_answer(treatment: str, outcome: str, findings: Iterable[Mapping[str, Any]]) -> str:
    """Return the sentence that says why these data cannot answer, ``""`` where they can.

    Args:
        findings: of all tools; one whose ``weight`` is ``stops`` forbids a claim.
    """
    reasons = [str(f["text"]).rstrip(".") for f in findings if f["weight"] == STOPS]
    if not reasons:
        return ""
    return f"These data cannot answer what {treatment} does to {outcome}: {'; '.join(reasons)}."


def unique(findings: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Return findings without repeats, those that forbid a claim first."""
    order = {STOPS: 0, WEAKENS: 1}
    told = {str(f["text"]): f for f in findings}
    return sorted(told.values(), key=lambda f: order.get(str(f["weight"]), 2))
