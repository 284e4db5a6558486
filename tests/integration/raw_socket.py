"""A WebSocket client that sends the bytes it is told to, right or wrong (RFC 6455)."""

from __future__ import annotations

import base64
import os
import socket
import struct
from types import TracebackType

TEXT, BINARY, CLOSE, PING, PONG, CONTINUATION = 1, 2, 8, 9, 10, 0


def frame(
    opcode: int, payload: bytes = b"", *, fin: bool = True, reserved: int = 0, masked: bool = True
) -> bytes:
    """Return a client's frame."""
    head = bytes([(0x80 if fin else 0) | reserved << 4 | opcode])
    bit, size = (0x80 if masked else 0), len(payload)
    if size < 126:
        head += bytes([bit | size])
    elif size < 65536:
        head += bytes([bit | 126]) + struct.pack("!H", size)
    else:
        head += bytes([bit | 127]) + struct.pack("!Q", size)
    if not masked:
        return head + payload
    mask = os.urandom(4)
    return head + mask + bytes(b ^ mask[i % 4] for i, b in enumerate(payload))


def handshake(*more: str, path: str = "/") -> bytes:
    """Return a client's request for an upgrade.

    Args:
        more: further header lines.
    """
    key = base64.b64encode(os.urandom(16)).decode()
    lines = [
        f"GET {path} HTTP/1.1",
        "Host: localhost",
        "Upgrade: websocket",
        "Connection: Upgrade",
        f"Sec-WebSocket-Key: {key}",
        "Sec-WebSocket-Version: 13",
        *more,
    ]
    return "\r\n".join([*lines, "", ""]).encode()


class RawSocket:
    """A TCP connection to a local port."""

    def __init__(self, port: int, seconds: float = 10) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), seconds)
        self.received = b""

    def __enter__(self) -> RawSocket:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.socket.close()

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def upgrade(self, *more: str, path: str = "/") -> str:
        """Ask for an upgrade; return the answer's head."""
        self.send(handshake(*more, path=path))
        return self.head()

    def head(self) -> str:
        """Read an HTTP response's head."""
        while b"\r\n\r\n" not in self.received:
            self._more()
        head, _, self.received = self.received.partition(b"\r\n\r\n")
        return head.decode()

    def frame(self) -> tuple[int, bytes]:
        """Read a server's frame: its opcode and payload.

        Raises:
            ConnectionError: the server closed the connection.
        """
        opcode, size = self._take(2)
        assert opcode & 0x70 == 0, "no reserved bit is set"
        assert size & 0x80 == 0, "a server does not mask"
        if size == 126:
            (size,) = struct.unpack("!H", self._take(2))
        elif size == 127:
            (size,) = struct.unpack("!Q", self._take(8))
        return opcode & 15, self._take(size)

    def close_code(self) -> int | None:
        """Read up to the close frame, and to the end; return its code."""
        while True:
            opcode, payload = self.frame()
            if opcode == CLOSE:
                break
        assert self.at_end(), "and the connection ends"
        return struct.unpack("!H", payload[:2])[0] if payload else None

    def at_end(self) -> bool:
        """Read until the server closes the connection."""
        try:
            while self.socket.recv(65536):
                pass
        except ConnectionError:
            pass
        return True

    def _take(self, count: int) -> bytes:
        while len(self.received) < count:
            self._more()
        taken, self.received = self.received[:count], self.received[count:]
        return taken

    def _more(self) -> None:
        data = self.socket.recv(65536)
        if not data:
            raise ConnectionError("the server closed the connection")
        self.received += data
