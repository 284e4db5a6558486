"""Divides a number of places so that whoever takes many leaves some for the others."""

from __future__ import annotations

import asyncio
from collections import deque

#: How many places one may have for each that is free: alone it gets four fifths of all, two get
#: four ninths each, and what is left is there at once for the next.
#: A. K. Choudhury, E. L. Hahne: Dynamic queue length thresholds. IEEE/ACM ToN 6(2), 1998.
FACTOR = 4


def may_take(taken: int, free: int) -> bool:
    """Return whether one that has so many places may have another; each may always have one."""
    return not taken or taken < FACTOR * free


class FairQueue:
    """Has work wait for a place: that of one name in the order in which it came.

    Args:
        places: how many there are. Each name may always have one, so there may be more.
    """

    def __init__(self, places: int) -> None:
        self.free = places
        self._taken: dict[str, int] = {}
        self._waiting: dict[str, deque[asyncio.Future[None]]] = {}

    def take(self, name: str) -> asyncio.Future[None] | None:
        """Take a place; return what to await before it is there, ``None`` where it is."""
        taken = self._taken.get(name, 0)
        if name not in self._waiting and may_take(taken, self.free):
            self._taken[name] = taken + 1
            self.free -= 1
            return None
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(name, deque()).append(turn)
        return turn

    def give_back(self, name: str) -> None:
        """Give back a place that was there; it goes to who waits and has the fewest."""
        self._release(name)
        while self._waiting:
            least = min(self._waiting, key=lambda one: self._taken.get(one, 0))
            taken = self._taken.get(least, 0)
            if not may_take(taken, self.free):
                return
            turns = self._waiting[least]
            turn = turns.popleft()
            if not turns:
                del self._waiting[least]
            if not turn.done():  # else who waited has left
                turn.set_result(None)
                self._taken[least] = taken + 1
                self.free -= 1

    def _release(self, name: str) -> None:
        self.free += 1
        self._taken[name] -= 1
        if not self._taken[name]:
            del self._taken[name]

    async def wait(self, name: str, turn: asyncio.Future[None]) -> None:
        """Await a turn; who is cancelled meanwhile leaves the place to others."""
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self.give_back(name)
            raise
