"""Tells what a tool is doing while it takes its time."""

from __future__ import annotations

import threading
from collections.abc import Callable
from types import TracebackType
from typing import Self

SECONDS = 1.0


class Progress:
    """Passes on what a tool last told, once a second, if it is news; nothing of a quick one.

    Args:
        say: is called from a thread of its own.
    """

    def __init__(self, say: Callable[[str], None], seconds: float = SECONDS) -> None:
        self._say = say
        self._seconds = seconds
        self._text = ""
        self._said = ""
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def tell(self, text: str) -> None:
        self._text = text

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._done.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._done.wait(self._seconds):
            text = self._text
            if text != self._said:
                self._said = text
                self._say(text)
