"""The endpoint's end of the socket by which a Python worker takes invocations and answers them.

The frames are told in ``python/wire.py``.
"""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Callable

_FRAME = struct.Struct(">cII")
NEXT, RESPONSE, ERROR = b"N", b"R", b"E"


class WireProtocol(asyncio.Protocol):
    """Reads a worker's frames.

    Args:
        told: is given each frame's kind, its head and its payload.
        lost: is called when the worker's end is closed.
    """

    def __init__(self, told: Callable[[bytes, str, bytes], None], lost: Callable[[], None]) -> None:
        self.told = told
        self.lost = lost
        self._data = bytearray()
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self._transport = transport  # type: ignore[assignment]

    def data_received(self, data: bytes) -> None:
        """Tell the frames that are whole."""
        self._data += data
        while len(self._data) >= _FRAME.size:
            kind, head, size = _FRAME.unpack_from(self._data)
            begin = _FRAME.size + head
            if len(self._data) < begin + size:
                return
            frame = bytes(self._data[: begin + size])
            del self._data[: begin + size]
            self.told(kind, frame[_FRAME.size : begin].decode(), frame[begin:])

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell that the worker is gone."""
        self.lost()

    def send(self, headers: tuple[str, ...], payload: bytes) -> None:
        """Send an invocation; of the headers none may have a line break."""
        if self._transport is not None:
            head = "\n".join(headers).encode()
            frame = _FRAME.pack(b"I", len(head), len(payload))
            self._transport.write(b"".join((frame, head, payload)))

    def close(self) -> None:
        """Close this end."""
        if self._transport is not None:
            self._transport.close()
