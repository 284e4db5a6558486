"""The latest of what went over the connections, for people who look."""

from __future__ import annotations

from collections import deque
from typing import Any

from local_aws.redaction import shown

#: Of a message, what is kept, so that what follows a secret can be shown.
KEPT_CHARACTERS = 4096


class Traffic:
    """Keeps the latest messages, openings and closings; older ones make room.

    Args:
        size: how many are kept.
    """

    def __init__(self, size: int) -> None:
        self.number = 0
        self._kept: deque[dict[str, Any]] = deque(maxlen=size)

    def note(self, now: int, connection_id: str, what: str, text: str = "", **details: Any) -> None:
        """Keep one.

        Args:
            now: in milliseconds since 1970.
            what: ``connected``, ``refused``, ``received``, ``sent`` or ``disconnected``.
            text: a message's body, of which the beginning is kept.
            details: such as a route key or a status.
        """
        self.number += 1
        self._kept.append(
            {
                "number": self.number,
                "time": now,
                "connectionId": connection_id,
                "what": what,
                "text": text[:KEPT_CHARACTERS],
                "characters": len(text),
                **details,
            }
        )

    def after(self, number: int) -> list[dict[str, Any]]:
        """Return what came after the entry of this number, the oldest first."""
        # Without secrets when somebody looks: a message is not held up for that.
        return [
            {**entry, "text": shown(entry["text"])}
            for entry in self._kept
            if entry["number"] > number
        ]
