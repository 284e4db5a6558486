"""Writes to a socket at once, where a transport would at the end of the loop's turn.

Who waits on the other side can begin while this side does what is left to do in its turn.
"""

from __future__ import annotations

import asyncio
import os


def write_now(transport: asyncio.Transport, descriptor: int, data: bytes) -> None:
    """Write, behind what the transport has not written yet.

    Args:
        descriptor: of the transport's socket.
    """
    if transport.is_closing():
        return
    if not transport.get_write_buffer_size():
        try:
            written = os.write(descriptor, data)
        except OSError:  # it is full; or it is gone, which the transport notices
            written = 0
        if written == len(data):
            return
        data = data[written:]
    transport.write(data)
