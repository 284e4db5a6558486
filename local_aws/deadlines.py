"""Gives up on futures that take too long, with one timer of the loop for many."""

from __future__ import annotations

import asyncio
from collections import deque
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
        #: With the time by which each has to be done: the earliest first.
        self._waiting: deque[tuple[float, asyncio.Future[Any]]] = deque()
        self._most = _FEWEST
        self._timer: asyncio.TimerHandle | None = None

    def watch(self, future: asyncio.Future[Any]) -> None:
        """Have a future raise :class:`TimeoutError` if it is not done in time."""
        waiting, loop = self._waiting, future.get_loop()
        while waiting and waiting[0][1].done():
            waiting.popleft()
        if len(waiting) > self._most:  # behind one that takes long lie many that are done
            waiting = self._waiting = deque(one for one in waiting if not one[1].done())
            self._most = max(_FEWEST, 2 * len(waiting))
        waiting.append((loop.time() + self.seconds, future))
        if self._timer is None:
            self._timer = loop.call_later(self.seconds, self._look, loop)

    def _look(self, loop: asyncio.AbstractEventLoop) -> None:
        self._timer = None
        now = loop.time()
        while self._waiting:
            due, future = self._waiting[0]
            if not future.done():
                if due > now:
                    self._timer = loop.call_at(due, self._look, loop)
                    return
                future.set_exception(TimeoutError())
            self._waiting.popleft()
