"""The endpoint's end of the socket by which a Python worker takes invocations and answers them.

The frames are told in ``python/wire.py``. On Linux the socket is one of packets, of which none is
of two frames: so an invocation that a worker was sent ahead, while it is at another one, is either
read by the worker or taken back by the endpoint, which keeps the worker's end open, too.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
import sys
from collections import deque
from collections.abc import Callable

from local_aws import busy_poll

_FRAME = struct.Struct(">cII")
NEXT, RESPONSE, ERROR = b"N", b"R", b"E"
#: The same where nothing that the function has printed is left to be read.
QUIET = {b"r": RESPONSE, b"e": ERROR}
#: Bytes of a packet: what the other side reads at once.
PACKET = 1 << 16
#: Of a payload that is sent ahead: some of them fit into the socket beside what the worker reads.
MOST_AHEAD_BYTES = 1 << 13
CAN_TAKE_BACK = sys.platform == "linux"


class WireEnd:
    """Sends a worker invocations, and reads its frames.

    Args:
        told: is given each frame's kind, its head, its payload, and whether output may wait.
        lost: is called when the worker's end is closed.
    """

    def __init__(
        self, told: Callable[[bytes, str, bytes, bool], None], lost: Callable[[], None]
    ) -> None:
        self.told = told
        self.lost = lost
        kind = socket.SOCK_SEQPACKET if CAN_TAKE_BACK else socket.SOCK_STREAM
        self._socket, self._theirs = socket.socketpair(socket.AF_UNIX, kind)
        self._socket.setblocking(False)
        #: What has come of a frame, and how much of it has to be there for the next step.
        self._begun, self._wanted = bytearray(), 0
        #: How many invocations the worker has; when it has more, more may have come.
        self._unanswered = 0
        self._unsent: deque[bytes] = deque()
        #: Whether the last invocation may be read in part.
        self._in_pieces = False
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(self._socket.fileno(), self._take_all)

    @property
    def theirs(self) -> int:
        """The descriptor of the worker's end."""
        return self._theirs.fileno()

    def launched(self) -> None:
        """Leave the worker's end to the worker, but for what may be taken back from it."""
        if not CAN_TAKE_BACK:
            self._theirs.close()

    def take(self) -> bool:
        """Tell what has come next; return whether anything has."""
        try:
            data = self._socket.recv(PACKET)
        except BlockingIOError:
            return False
        except OSError:
            data = b""
        if not data:
            self.close()
            self.lost()
            return False
        self.read(data)
        return True

    def _take_all(self) -> None:
        busy_poll.seen(self._loop)
        while self.take() and self._unanswered > 0:
            pass

    def read(self, data: bytes) -> None:
        """Tell the frames that are whole with this."""
        if self._begun:
            self._begun += data
            if len(self._begun) < self._wanted:
                return
            data = bytes(self._begun)
            self._begun.clear()
        self._wanted = _FRAME.size
        while len(data) >= _FRAME.size:
            kind, head, size = _FRAME.unpack_from(data)
            begin = _FRAME.size + head
            end = begin + size
            if len(data) < end:
                self._wanted = end
                break
            self._unanswered -= kind != NEXT
            head_text = data[_FRAME.size : begin].decode()
            self.told(QUIET.get(kind, kind), head_text, data[begin:end], kind not in QUIET)
            data = data[end:]
        self._begun += data

    def send(self, headers: tuple[str, ...], payload: bytes) -> None:
        """Send an invocation; of the headers none may have a line break."""
        self._unanswered += 1
        head = "\n".join(headers).encode()
        frame = b"".join((_FRAME.pack(b"I", len(head), len(payload)), head, payload))
        self._in_pieces = not CAN_TAKE_BACK or len(frame) > PACKET
        for at in range(0, len(frame), PACKET):
            self._write(frame[at : at + PACKET])

    def send_ahead(self, headers: tuple[str, ...], payload: bytes) -> bool:
        """Send one behind another if it can be taken back; return whether it was sent."""
        if self._in_pieces or self._unsent or len(payload) > MOST_AHEAD_BYTES:
            return False
        self.send(headers, payload)
        return True

    def take_back(self, running: str | None) -> str | None:
        """Take back the invocation that the worker would read next.

        Args:
            running: the id of the one that it is at, and may not have read yet.

        Returns:
            The invocation's id; ``None`` if the worker has read them all.
        """
        with contextlib.suppress(OSError):  # nothing is there
            if self._next(socket.MSG_PEEK) != running:
                taken = self._next()
                self._unanswered -= 1
                return taken
        return None

    def _next(self, flags: int = 0) -> str:
        data = self._theirs.recv(PACKET, flags | socket.MSG_DONTWAIT)
        return data[_FRAME.size :].partition(b"\n")[0].decode()

    def _write(self, data: bytes) -> None:
        if not self._unsent:
            try:
                written = self._socket.send(data)
            except BlockingIOError:
                written = 0
            except OSError:  # it is gone, which who waits for the worker's end notices
                return
            if written == len(data):
                return
            data = data[written:]
            self._loop.add_writer(self._socket.fileno(), self._write_on)
        self._unsent.append(data)

    def _write_on(self) -> None:
        self._loop.remove_writer(self._socket.fileno())
        unsent, self._unsent = self._unsent, deque()
        for data in unsent:
            self._write(data)

    def close(self) -> None:
        """Close both ends."""
        if self._socket.fileno() >= 0:
            self._loop.remove_reader(self._socket.fileno())
            self._loop.remove_writer(self._socket.fileno())
        self._socket.close()
        self._theirs.close()
