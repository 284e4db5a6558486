"""Gives up on futures that take too long, with one timer of the loop for many."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Any

_FEWEST = 64


class Deadlines:
    """Futures that may each take the same time.

    Nearly all are done by then: so a timer for each would be set and cancelled in vain.

    Args:
        seconds: that a future may take.
    """

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        #: With the time by which each has to be done, and what tells its time: the earliest first.
        self._waiting: deque[tuple[float, asyncio.Future[Any], Callable[[], float] | None]]
        self._waiting = deque()
        self._most = _FEWEST
        self._timer: asyncio.TimerHandle | None = None

    def watch(
        self, future: asyncio.Future[Any], seconds: Callable[[], float] | None = None
    ) -> None:
        """Have a future raise :class:`TimeoutError` if it is not done in time.

        Args:
            seconds: tells how much of its time it has had; else that begins now.
        """
        waiting, loop = self._waiting, future.get_loop()
        while waiting and waiting[0][1].done():
            waiting.popleft()
        if len(waiting) > self._most:  # behind one that takes long lie many that are done
            waiting = self._waiting = deque(one for one in waiting if not one[1].done())
            self._most = max(_FEWEST, 2 * len(waiting))
        waiting.append((loop.time() + self.seconds, future, seconds))
        if self._timer is None:
            self._timer = loop.call_later(self.seconds, self._look, loop)

    def _look(self, loop: asyncio.AbstractEventLoop) -> None:
        self._timer = None
        now = loop.time()
        while self._waiting:
            due, future, seconds = self._waiting[0]
            if not future.done():
                if due > now:
                    self._timer = loop.call_at(due, self._look, loop)
                    return
                self._end(future, seconds)
            self._waiting.popleft()

    def _end(self, future: asyncio.Future[Any], seconds: Callable[[], float] | None) -> None:
        """Give up on a future, or look at it again when it has had its time."""
        if future.done():
            return
        left = self.seconds - seconds() if seconds is not None else 0.0
        if left > 0:
            future.get_loop().call_later(left, self._end, future, seconds)
        else:
            future.set_exception(TimeoutError())
