"""What a worker prints, line by line, each told while the invocation that printed it runs.

A worker begins with what it was sent ahead before it is heard that it has answered. So if it does
when nobody has read all that it has printed, it puts a mark behind that (see ``python/wire.py``).
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import select
import termios
from array import array
from collections.abc import Callable


class WorkerOutput:
    """Reads a worker's output.

    Args:
        say: is told each line.
        hear: takes the worker's next answer; returns whether there was one.
    """

    def __init__(self, say: Callable[[str], None], hear: Callable[[], bool]) -> None:
        self.say = say
        self.hear = hear
        self._read_end, self.write_end = os.pipe()
        os.set_blocking(self._read_end, False)
        self._waiting = array("i", [0])
        #: The beginning of a line.
        self._partial = b""
        #: The id of the invocation that runs, and whether the mark behind its output was read.
        self._running, self._ended = "", False
        #: What was read behind that mark: the lines of those that run next.
        self._early = b""
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(self._read_end, self._ready)

    def launched(self) -> None:
        """Leave the other end to the worker."""
        os.close(self.write_end)

    def begin(self, request_id: str) -> None:
        """Tell the lines of another invocation from now on."""
        self._running, self._ended = request_id, False
        early, self._early = self._early, b""
        if early:
            self._tell(early)

    def idle(self) -> None:
        """Tell what is printed while nothing runs, by threads that were left behind."""
        self.begin("")

    def read(self) -> bool:
        """Tell what has been printed so far; return whether there was anything.

        What was there before an answer came is of the invocation that runs, and what comes after it
        of the next one: so answers are heard first.
        """
        any_there = False
        while waiting := self._waits():
            any_there = True
            if not self.hear():
                self._tell(os.read(self._read_end, waiting))
        return any_there

    def read_to_end(self) -> None:
        """Tell the rest of what the invocation has printed that has just been answered."""
        while not self._ended and (waiting := self._waits()):
            self._tell(os.read(self._read_end, waiting))

    def take_partial(self) -> str:
        """Return the beginning of a line that has not come to its end, and take it for one."""
        partial, self._partial = self._partial, b""
        return partial.decode(errors="replace")

    def close(self) -> None:
        """Read no more."""
        self._loop.remove_reader(self._read_end)
        os.close(self._read_end)
        self._read_end = -1

    def _waits(self) -> int:
        """Return how many bytes there are to be read."""
        if self._read_end >= 0:
            fcntl.ioctl(self._read_end, termios.FIONREAD, self._waiting)
            return self._waiting[0]
        return 0

    def _ready(self) -> None:
        if not self.read() and self._is_closed():
            self._loop.remove_reader(self._read_end)

    def _is_closed(self) -> bool:
        """Return whether nobody can print any more."""
        poll = select.poll()
        poll.register(self._read_end, select.POLLIN)
        told = dict(poll.poll(0)).get(self._read_end, 0)
        return bool(told & select.POLLHUP) and not told & select.POLLIN

    def _tell(self, printed: bytes) -> None:
        if self._ended:
            self._early += printed
            return
        if b"\0" in printed and self._running:
            printed, found, self._early = printed.partition(f"\0{self._running}\n".encode())
            self._ended = bool(found)
        *lines, self._partial = (self._partial + printed).split(b"\n")
        for line in lines:
            self.say(line.decode(errors="replace"))
