"""What a tool found that bears on the claim, in words that a reader of the report understands."""

from __future__ import annotations

from typing import Any

from agent_common.claims import NOTE, STOPS, WEAKENS

__all__ = ["NOTE", "STOPS", "WEAKENS", "finding"]


def finding(kind: str, weight: str, text: str) -> dict[str, Any]:
    """Return a finding.

    Args:
        kind: what it is about, such as ``overlap``; programs tell findings apart by it.
        weight: :data:`STOPS`, :data:`WEAKENS` or :data:`NOTE`.
        text: whole sentences.
    """
    return {"kind": kind, "weight": weight, "text": text}
