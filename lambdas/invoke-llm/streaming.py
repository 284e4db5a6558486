"""Gathers a model's tokens into pieces worth an event."""

import time
from collections.abc import Callable

# Each piece is two writes and a push; a reader sees no difference below a tenth of a second.
MIN_SECONDS = 0.1
MAX_CHARACTERS = 400


class DeltaStream:
    """Takes tokens as they come and passes them on in pieces, each with what became of the last.

    Args:
        emit: takes the number that it gave to the piece before, and a text; returns its number.
    """

    def __init__(
        self,
        emit: Callable[[int | None, str], int],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._emit = emit
        self._clock = clock
        self._text = ""
        self._number: int | None = None
        self._last = clock()

    def add(self, text: str) -> None:
        self._text += text
        if len(self._text) >= MAX_CHARACTERS or self._clock() - self._last >= MIN_SECONDS:
            self.end()

    def end(self) -> None:
        """Pass on what is left."""
        if self._text:
            self._number = self._emit(self._number, self._text)
        self._text = ""
        self._last = self._clock()
