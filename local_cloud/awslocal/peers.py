"""Whose process is at the other end of a Unix socket, and what it may read."""

from __future__ import annotations

import contextlib
import fcntl
import os
import socket
import struct
from collections.abc import Sequence

_CREDENTIALS = struct.Struct("3i")  # process, user, group: unix(7)
_PEER_CREDENTIALS = getattr(socket, "SO_PEERCRED", None)
#: A descriptor that was opened with it names a file and gives no right to read it (Linux).
_NAME_ONLY = getattr(os, "O_PATH", 0)


def is_own_user(peer: socket.socket) -> bool:
    """Return whether the process that has connected is of the user that this one is of.

    Where the system does not tell, the mode of the socket's folder has kept others out.
    """
    if _PEER_CREDENTIALS is None:
        return True
    said = peer.getsockopt(socket.SOL_SOCKET, _PEER_CREDENTIALS, _CREDENTIALS.size)
    _, user, _ = _CREDENTIALS.unpack(said)
    return bool(user == os.getuid())


def can_read(place: str, shown: Sequence[int]) -> bool:
    """Return whether who has sent a descriptor may read a file: it is one of that, to read."""
    with contextlib.suppress(OSError):
        for descriptor in shown:
            if not fcntl.fcntl(descriptor, fcntl.F_GETFL) & _NAME_ONLY:
                return os.path.samestat(os.fstat(descriptor), os.stat(place))
    return False
