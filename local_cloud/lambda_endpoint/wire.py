"""The endpoint's end of the socket by which a Python worker takes invocations and answers them.

The frames are told in ``python/wire.py``.
"""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Callable
from typing import cast

from local_aws.write_now import write_now

_FRAME = struct.Struct(">cII")
NEXT, RESPONSE, ERROR = b"N", b"R", b"E"
#: The same where nothing that the function has printed is left to be read.
QUIET = {b"r": RESPONSE, b"e": ERROR}


class WireProtocol(asyncio.Protocol):
    """Reads a worker's frames.

    Args:
        told: is given each frame's kind, its head, its payload, and whether output may wait.
        lost: is called when the worker's end is closed.
    """

    def __init__(
        self, told: Callable[[bytes, str, bytes, bool], None], lost: Callable[[], None]
    ) -> None:
        self.told = told
        self.lost = lost
        #: What has come of a frame, and how much of it has to be there for the next step.
        self._begun, self._wanted = bytearray(), 0
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self._transport = cast(asyncio.Transport, transport)
        self._descriptor = transport.get_extra_info("socket").fileno()

    def data_received(self, data: bytes) -> None:
        """Tell the frames that are whole."""
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
            head_text = data[_FRAME.size : begin].decode()
            self.told(QUIET.get(kind, kind), head_text, data[begin:end], kind not in QUIET)
            data = data[end:]
        self._begun += data

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell that the worker is gone."""
        self.lost()

    def send(self, headers: tuple[str, ...], payload: bytes) -> None:
        """Send an invocation; of the headers none may have a line break."""
        if self._transport is not None:
            head = "\n".join(headers).encode()
            frame = _FRAME.pack(b"I", len(head), len(payload))
            write_now(self._transport, self._descriptor, b"".join((frame, head, payload)))

    def close(self) -> None:
        """Close this end."""
        if self._transport is not None:
            self._transport.close()
