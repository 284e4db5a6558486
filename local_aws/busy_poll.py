"""Has the loop look again, for a moment, where it would sleep: while events follow each other.

An idle processor, a virtual machine's most of all, takes longer to wake than a message takes here,
and who wakes it pays for that, too. So do kernels for network cards and for virtual machines:
https://docs.kernel.org/networking/napi.html#busy-polling
"""

from __future__ import annotations

import asyncio
import os
import time

#: How close events have to be; and how long the next one is looked for.
POLL_SECONDS = 0.0004


class BusyPoll:
    """Keeps a loop awake between events that are close to each other.

    Args:
        seconds: how close, and how long it looks for the next one; 0 has it sleep at once.
    """

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._last = self._until = 0.0
        #: That looks now.
        self._loop: asyncio.AbstractEventLoop | None = None

    def seen(self, loop: asyncio.AbstractEventLoop) -> None:
        """Take note of an event of a loop, such as that data has come."""
        now = time.monotonic()
        if now - self._last < self.seconds:
            self._until = now + self.seconds
            if self._loop is not loop:
                self._loop = loop
                loop.call_soon(self._look, loop)
        self._last = now

    def _look(self, loop: asyncio.AbstractEventLoop) -> None:
        if self._loop is not loop:  # another one has begun meanwhile
            return
        if time.monotonic() < self._until:
            loop.call_soon(self._look, loop)
        else:
            self._loop = None


#: Of this process. On one processor, who looks would keep from its work what it waits for.
seen = BusyPoll(POLL_SECONDS if (os.cpu_count() or 1) > 1 else 0.0).seen
