"""Whoever has asked the engine something, and may leave before the answer is there."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

ENVIRON = "local_cloud.caller"


class CallerLeft(Exception):
    """The connection of whoever asked has been closed: nobody hears an answer."""


class Caller:
    """The connection that a request came by."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        #: Whether it is closed.
        self.has_left = False
        self._ends: list[Callable[[], object]] = []

    @classmethod
    def of(cls, environ: Mapping[str, Any]) -> Caller:
        """Return the caller of a WSGI request; one who stays, where the server tells of none."""
        found = environ.get(ENVIRON)
        if callable(found):  # it is watched only where somebody asks
            found = found()
        return found if isinstance(found, cls) else cls()

    def leave(self) -> None:
        """Say that it is closed: what waits for the sake of the caller ends."""
        with self._lock:
            self.has_left = True
            ends, self._ends = self._ends, []
        for end in ends:
            end()

    def check(self) -> None:
        """Do nothing while it is open.

        Raises:
            CallerLeft: it is closed.
        """
        if self.has_left:
            raise CallerLeft

    @contextmanager
    def ending(self, end: Callable[[], object]) -> Iterator[None]:
        """Have ``end`` called once when the connection is closed meanwhile, or was before.

        Args:
            end: ends a wait; it must not wait itself, since all connections' thread calls it.
        """
        with self._lock:
            has_left = self.has_left
            if not has_left:
                self._ends.append(end)
        if has_left:
            end()
        try:
            yield
        finally:
            with self._lock:
                if end in self._ends:
                    self._ends.remove(end)

    def wait(self, seconds: float) -> None:
        """Let a time pass.

        Raises:
            CallerLeft: the connection is closed before.
        """
        self.check()
        if seconds > 0:
            left = threading.Event()
            with self.ending(left.set):
                left.wait(seconds)
            self.check()
