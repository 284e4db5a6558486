"""Writes to a socket at once, where a transport would at the end of the loop's turn.

Who waits on the other side can begin while this side does what is left to do in its turn.
"""

from __future__ import annotations

import asyncio
import os
from contextlib import suppress


def write_now(transport: asyncio.Transport, descriptor: int, data: bytes) -> None:
    """Write, behind what the transport has not written yet.

    Args:
        descriptor: of the transport's socket.
    """
    if transport.is_closing():
        return
    if not transport.get_write_buffer_size():
        with suppress(OSError):  # it is full; or it is gone, which the transport notices
            data = data[os.write(descriptor, data) :]
        if not data:
            return
    transport.write(data)
