"""One connection: its thread reads a request, answers it, and reads the next (RFC 9112)."""

from __future__ import annotations

import contextvars
import io
import logging
import socket
import struct
import tempfile
import threading
from collections import deque
from collections.abc import Callable, Iterable
from typing import IO, Any

import httptools

from local_aws.http1 import MAX_HEAD_BYTES, serialize
from local_aws.http_message import Response
from local_cloud.engine.caller import ENVIRON, Caller
from local_cloud.engine.http_port.answer import Answer
from local_cloud.engine.http_port.departures import Departures
from local_cloud.engine.http_port.environ import Headers, environ_of

LOG = logging.getLogger(__name__)

Application = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]
HandOver = Callable[[socket.socket, bytes], None]

IDLE_SECONDS, LINGER_SECONDS = 60, 1
MOST_UNREAD_BYTES = 16 << 20
#: A larger body is kept in a file.
MOST_BYTES_IN_MEMORY = 16 << 20
_AT_ONCE = 1 << 16
_TLS_HANDSHAKE, _HTTP2 = b"\x16", b"PRI"
_TIMEVAL = struct.Struct("ll")


class _Refused(Exception):
    """A request is not taken; carries the status."""


class _OtherProtocol(Exception):
    """A request asks for another protocol."""


class _Request:
    """A request, as far as it has come."""

    __slots__ = ("body", "headers", "keep_alive", "method", "target", "version")

    def __init__(self) -> None:
        self.target = b""
        self.headers: Headers = []
        self.body: IO[bytes]
        self.method = self.version = ""
        self.keep_alive = False


class Connection:
    """A client's connection.

    Args:
        client: the socket.
        application: answers requests (PEP 3333).
        departures: tells who leaves.
        hand_over: takes a connection that begins otherwise, and what has been read of it.
    """

    def __init__(
        self,
        client: socket.socket,
        application: Application,
        departures: Departures,
        hand_over: HandOver,
    ) -> None:
        self.client = client
        self.application = application
        self.departures = departures
        self.hand_over = hand_over
        #: Whether it is over.
        self.ended = threading.Event()
        self._busy = threading.Lock()
        self._last = False
        self._parser = httptools.HttpRequestParser(self)
        self._whole: deque[_Request] = deque()
        self._watched: Caller | None = None
        self._request: _Request | None = None
        self._head_bytes = 0
        #: What came of a request whose head is not whole: another server may have to read it.
        self._raw: bytes | None = b""

    def serve(self) -> None:
        """Answer until the client leaves, or says nothing for a while."""
        handed_over = False
        try:
            self.client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._wait_at_most(IDLE_SECONDS)
            self._addresses = self.client.getpeername(), self.client.getsockname()
            handed_over = self._exchange()
        except OSError:
            pass  # the client has gone
        finally:
            if not handed_over:
                self.client.close()
            self.ended.set()

    def end_soon(self) -> None:
        """Let the request end that is being answered; without one, it ends now."""
        self._last = True
        if self._busy.acquire(blocking=False):
            try:
                self.client.shutdown(socket.SHUT_RD)
            except OSError:
                pass  # it has ended
            finally:
                self._busy.release()

    def _exchange(self) -> bool:
        """Answer requests; return whether somebody else goes on with the connection."""
        data = self.client.recv(_AT_ONCE)
        while data and data != _HTTP2 and _HTTP2.startswith(data):  # it may be that of POST
            more = self.client.recv(_AT_ONCE)
            if not more:
                return False
            data += more
        if data.startswith((_TLS_HANDSHAKE, _HTTP2)):
            self.hand_over(self.client, data)
            return True
        while data:
            if self._raw is not None:
                self._raw += data
                if len(self._raw) > MAX_HEAD_BYTES + _AT_ONCE:  # one line of its head never ends
                    return self._refuse(431)
            try:
                self._parser.feed_data(data)
            except httptools.HttpParserCallbackError as error:
                if isinstance(error.__context__, _OtherProtocol) and self._raw is not None:
                    self.hand_over(self.client, self._raw)
                    return True
                told = error.__context__
                return self._refuse(told.args[0] if isinstance(told, _Refused) else 400)
            except httptools.HttpParserError:
                return self._refuse(400)
            while self._whole:
                with self._busy:
                    if not self._answer(self._whole.popleft()):
                        return False
            if self._last:
                break
            data = self.client.recv(_AT_ONCE)
        return False

    def _refuse(self, status: int) -> bool:
        self.client.sendall(serialize(Response(status), close=True))
        # To close it on what the client still sends would take the answer from it (RFC 9112, 9.6).
        self.client.shutdown(socket.SHUT_WR)
        self._wait_at_most(LINGER_SECONDS)
        left = MOST_UNREAD_BYTES
        while left > 0 and (data := self.client.recv(_AT_ONCE)):
            left -= len(data)
        return False

    def _wait_at_most(self, seconds: int) -> None:
        """Have reading end after a while: a limit of Python's own would cost one more call each."""
        limit = _TIMEVAL.pack(seconds, 0)
        self.client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, limit)

    # httptools' callbacks

    def on_message_begin(self) -> None:
        self._request = _Request()
        self._head_bytes = 0

    def on_url(self, url: bytes) -> None:
        assert self._request is not None
        self._request.target += url
        self._grow(len(url))

    def on_header(self, name: bytes, value: bytes) -> None:
        assert self._request is not None
        self._request.headers.append((name, value))
        self._grow(len(name) + len(value))

    def _grow(self, size: int) -> None:
        self._head_bytes += size
        if self._head_bytes > MAX_HEAD_BYTES:
            raise _Refused(431)

    def on_headers_complete(self) -> None:
        request = self._request
        assert request is not None
        length = 0
        for name, value in request.headers:
            match name.lower():
                case b"upgrade":
                    raise _OtherProtocol
                case b"expect" if value.lower() == b"100-continue":
                    self.client.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
                case b"content-length":
                    length = int(value)
                case b"transfer-encoding":
                    length = -1
        request.method = self._parser.get_method().decode("latin-1")
        request.version = self._parser.get_http_version()
        self._raw = None
        if 0 <= length <= MOST_BYTES_IN_MEMORY:
            request.body = io.BytesIO()
        else:
            request.body = tempfile.SpooledTemporaryFile(MOST_BYTES_IN_MEMORY)  # noqa: SIM115

    def on_body(self, body: bytes) -> None:
        assert self._request is not None
        self._request.body.write(body)

    def on_message_complete(self) -> None:
        request, self._request = self._request, None
        assert request is not None
        request.keep_alive = self._parser.should_keep_alive() and request.version != "1.0"
        request.body.seek(0)
        self._whole.append(request)
        self._raw = b""

    # Answers

    def _answer(self, request: _Request) -> bool:
        """Answer a request; return whether the connection goes on."""
        answer = Answer(
            self.client,
            request.method,
            chunks=request.version == "1.1",
            close=not request.keep_alive or self._last,
        )
        environ = environ_of(
            *(request.method, request.target, request.version, request.headers, request.body),
            *self._addresses,
        )
        environ[ENVIRON] = self._caller
        self._watched = None
        try:
            # What a request leaves in the thread's context is not for the next one.
            contextvars.copy_context().run(self._run, environ, answer)
        except OSError as error:
            LOG.debug("a client has gone: %s", error)
            return False
        except Exception:
            LOG.exception("%s %s failed", request.method, environ["PATH_INFO"])
            return False if answer.begun else self._refuse(500)
        finally:
            request.body.close()
            if self._watched is not None:
                self.departures.forget(self.client)
        return not answer.close

    def _run(self, environ: dict[str, Any], answer: Answer) -> None:
        pieces = self.application(environ, answer.start)
        try:
            for piece in pieces:
                if piece:
                    answer.write(piece)
        finally:
            if (close := getattr(pieces, "close", None)) is not None:
                close()
        answer.finish()

    def _caller(self) -> Caller:
        """Return the caller of the request, whose leaving is told from now on."""
        if self._watched is None:
            self._watched = Caller()
            self.departures.watch(self.client, self._watched.leave)
        return self._watched
