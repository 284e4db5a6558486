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

#: Of a line, in bytes: what is longer is told as several, as Lambda does. With what CloudWatch
#: counts for itself, it is an event of 256 KB.
LONGEST_LINE = 256 * 1024 - 26


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
        self._partial: list[bytes] = []
        self._partial_size = 0
        #: The id of the invocation that runs, and whether the mark behind its output was read.
        self._running, self._ended = "", False
        #: What was read behind that mark: the lines of those that run next.
        self._early = bytearray()
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(self._read_end, self._ready)

    def launched(self) -> None:
        """Leave the other end to the worker."""
        os.close(self.write_end)

    def begin(self, request_id: str) -> None:
        """Tell the lines of another invocation from now on."""
        self._running, self._ended = request_id, False
        early, self._early = self._early, bytearray()
        if early:
            self._tell(bytes(early))

    def idle(self) -> None:
        """Tell what is printed while nothing runs, by threads that were left behind."""
        self.begin("")

    def read(self) -> bool:
        """Tell what has been printed so far; return whether there was anything.

        What was there before an answer came is of the invocation that runs, and what comes after it
        of the next one: so answers are heard first.
        """
        any_there = False
        while self.read_once():
            any_there = True
        return any_there

    def read_once(self) -> bool:
        """Hear an answer, or tell what waits; return whether there was anything."""
        waiting = self._waits()
        if waiting and not self.hear():
            self._tell(os.read(self._read_end, waiting))
        return waiting > 0

    def read_to_end(self) -> None:
        """Tell the rest of what the invocation has printed that has just been answered."""
        while not self._ended and (waiting := self._waits()):
            self._tell(os.read(self._read_end, waiting))

    def take_partial(self) -> str:
        """Return the beginning of a line that has not come to its end, and take it for one."""
        partial, self._partial, self._partial_size = b"".join(self._partial), [], 0
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
        # Once: others have their turn, however much is printed.
        if not self.read_once() and self._is_closed():
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
            printed, found, early = printed.partition(f"\0{self._running}\n".encode())
            self._early, self._ended = bytearray(early), bool(found)
        *lines, rest = printed.split(b"\n")
        for line in lines:
            self._partial.append(line)
            self._say_partial()
        if rest:
            self._partial.append(rest)
            self._partial_size += len(rest)
            while self._partial_size >= LONGEST_LINE:
                whole = b"".join(self._partial)
                self.say(whole[:LONGEST_LINE].decode(errors="replace"))
                self._partial, self._partial_size = (
                    [whole[LONGEST_LINE:]],
                    len(whole) - LONGEST_LINE,
                )

    def _say_partial(self) -> None:
        self.say(self.take_partial())
