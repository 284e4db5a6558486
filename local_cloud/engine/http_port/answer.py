"""An answer on its way to a client (RFC 9112): what WSGI calls ``start_response`` and ``write``."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Sequence
from email.utils import formatdate
from functools import lru_cache
from typing import Any

from local_aws.heads import response_head

_NO_BODY = {204, 304}
#: A body of this size goes out by itself: to join it to the head would copy it.
_LARGE = 1 << 16
#: Has what is sent wait for what follows; macOS sends it at once.
_MORE = getattr(socket, "MSG_MORE", 0)


class Answer:
    """Writes an answer as the application makes it.

    Args:
        client: where to.
        method: of the request: an answer to ``HEAD`` has no body.
        chunks: whether the client takes a body whose length is not told (HTTP/1.1 does).
        close: whether the connection ends behind it.
    """

    def __init__(self, client: socket.socket, method: str, *, chunks: bool, close: bool) -> None:
        self._client = client
        self._head_only = method == "HEAD"
        self._chunks = chunks
        self.close = close
        self._status = ""
        self._headers: Sequence[tuple[str, str]] = ()
        self.begun = False
        self._chunked = False

    def start(
        self, status: str, headers: Sequence[tuple[str, str]], exc_info: Any = None
    ) -> Callable[[bytes], None]:
        """Keep the head, which goes out with the first of the body."""
        if self.begun and exc_info is not None:
            raise exc_info[1].with_traceback(exc_info[2])
        self._status, self._headers = status, headers
        return self.write

    def write(self, data: bytes) -> None:
        """Send a piece of the body.

        Raises:
            InvalidHead: the head is none that may be sent.
            OSError: the client has gone.
        """
        head = b"" if self.begun else self._head()
        if self._head_only:
            data = b""
        elif self._chunked and data:
            data = b"%x\r\n%b\r\n" % (len(data), data)
        if head and len(data) > _LARGE:
            self._client.sendall(head, _MORE)
            self._client.sendall(data)
        elif head or data:
            self._client.sendall(head + data)

    def finish(self) -> None:
        """Send what is left of it.

        Raises:
            InvalidHead: the head is none that may be sent.
            OSError: the client has gone.
        """
        head = b"" if self.begun else self._head(whole=True)
        end = b"0\r\n\r\n" if self._chunked and not self._head_only else b""
        if head or end:
            self._client.sendall(head + end)

    def _head(self, *, whole: bool = False) -> bytes:
        """Return the head; ``whole`` if there is no body."""
        kept: list[tuple[str, str]] = []
        told = False
        for name, value in self._headers:
            lower = name.lower()
            if lower in ("date", "server", "transfer-encoding"):
                continue
            if lower == "connection":
                self.close = self.close or value.lower() == "close"
                continue
            told = told or lower == "content-length"
            kept.append((name, value))
        code = int(self._status.split(None, 1)[0])
        if code in _NO_BODY or code < 200:
            self._head_only = True
        elif not told and whole and not self._head_only:
            kept.append(("Content-Length", "0"))
        elif not told and self._chunks:
            self._chunked = True
            kept.append(("Transfer-Encoding", "chunked"))
        elif not told:
            self.close = True  # by which the client knows its end
        if self.close:
            kept.append(("Connection", "close"))
        kept.append(("Date", _date(int(time.time()))))
        head = response_head(self._status, kept)
        self.begun = True
        return head


@lru_cache(maxsize=1)
def _date(second: int) -> str:
    return formatdate(second, usegmt=True)
