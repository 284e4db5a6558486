"""HTTP/1.1 on asyncio: just what local endpoints need, with ``httptools`` as the parser.

A general web framework costs more per request than the whole rest of a Lambda invocation,
so the two hot ports (the gateway and the Lambda endpoint) speak HTTP through this module.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from http import HTTPStatus
from typing import ClassVar, cast
from urllib.parse import urlsplit

import httptools

from local_aws.heads import request_head, response_head
from local_aws.hosts import AllowedHosts
from local_aws.http_message import Request, Response, forbidden
from local_aws.web_pages import Purpose, Sent

MAX_HEAD_BYTES = 64 * 1024
#: Statuses of responses without a body.
NO_BODY = frozenset({204, 304})
#: Requests that a client may have waiting on one connection, and bytes that are looked through for
#: them at once: what it sends further waits until these are answered.
MOST_WAITING, PART = 16, 8 * 1024
_PHRASES = {status.value: status.phrase for status in HTTPStatus}


class ConnectionFailed(ConnectionError):
    """The peer could not be reached, or went away before it had answered."""


def serialize(response: Response, *, close: bool = False) -> bytes:
    """Return a response as it goes over the wire.

    Raises:
        InvalidHead: a header is none that may be sent.
    """
    headers = list(response.headers.items())
    body = response.body
    if response.status in NO_BODY or response.status < 200:
        body = b""  # who reads it would take one for the next response (RFC 9112, 6.3)
    elif response.chunks is None:
        headers.append(("Content-Length", str(len(body))))
    else:
        headers.append(("Transfer-Encoding", "chunked"))
    if close:
        headers.append(("Connection", "close"))
    status = f"{response.status} {_PHRASES.get(response.status, '')}"
    return response_head(status, headers) + body


Handler = Callable[[Request], Awaitable[Response]]


class HttpServerProtocol(asyncio.Protocol):
    """One server connection: requests are answered in order, connections are kept alive.

    Subclasses may take over the connection by overriding :meth:`upgrade`, and say by ``purpose``
    what browsers may ask for.

    Args:
        handler: answers a request; an exception from it becomes a 500.
        max_body: bytes; a larger request body is refused with 413.
        hosts: whom it answers; anyone else gets 403, before the handler is asked.
        idle_seconds: how long a client may take from the start, or from its last answer, until
            its next request is complete; without it, as long as it likes.
    """

    purpose: ClassVar[Purpose] = Purpose.OWN

    # There are thousands of a subclass's, and a dictionary takes more than all else of them.
    __slots__ = (
        *("handler", "max_body", "hosts", "idle_seconds", "_idle", "transport", "parser", "queue"),
        *("task", "closing", "_resumed", "url", "header_list", "head_size", "body"),
        "unparsed",
    )

    def __init__(
        self,
        handler: Handler,
        max_body: int,
        hosts: AllowedHosts,
        idle_seconds: float | None = None,
    ) -> None:
        self.handler = handler
        self.max_body = max_body
        self.hosts = hosts
        self.idle_seconds = idle_seconds
        self._idle: asyncio.TimerHandle | None = None
        self.transport: asyncio.Transport
        self.parser = httptools.HttpRequestParser(self)
        self.queue: list[Request] = []
        #: What has come behind more requests than may wait; meanwhile nothing is read.
        self.unparsed = b""
        self.task: asyncio.Task[None] | None = None
        self.closing = False
        #: There while the peer reads more slowly than is written.
        self._resumed: asyncio.Future[None] | None = None
        self._start_message()

    def _start_message(self) -> None:
        self.url = b""
        self.header_list: list[tuple[str, str]] = []
        self.head_size = 0
        self.body = bytearray()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        self._start_idle_timer()

    def _start_idle_timer(self) -> None:
        if self.idle_seconds is not None:
            loop = asyncio.get_running_loop()
            self._idle = loop.call_later(self.idle_seconds, self.transport.close)

    def stop_idle_timer(self) -> None:
        """Let the client take its time: its request is at work, or it speaks otherwise now."""
        if self._idle is not None:
            self._idle.cancel()
            self._idle = None

    def connection_lost(self, exc: Exception | None) -> None:
        self.closing = True
        self.stop_idle_timer()
        if self.task is not None:
            self.task.cancel()

    def data_received(self, data: bytes) -> None:
        if self.unparsed:
            self.unparsed += data
        elif not self.closing:
            self._parse(data)

    def _parse(self, data: bytes) -> None:
        at = 0
        try:
            while at < len(data) and not self.closing:
                if len(self.queue) >= MOST_WAITING:
                    self.unparsed = data[at:]
                    self.transport.pause_reading()
                    return
                self.parser.feed_data(data[at : at + PART] if len(data) > PART else data)
                at += PART
        except httptools.HttpParserUpgrade as upgrade:
            self.upgrade(self._request(), data[at + upgrade.args[0] :])
        except httptools.HttpParserCallbackError as error:
            status = error.__context__.args[0] if isinstance(error.__context__, _TooLarge) else 400
            self.refuse(status)
        except httptools.HttpParserError:
            self.refuse(400)

    def _parse_on(self) -> None:
        """Take what has waited, now that the requests before it are answered."""
        data, self.unparsed = self.unparsed, b""
        if data and not self.transport.is_closing():
            self.transport.resume_reading()
            self._parse(data)

    def upgrade(self, request: Request, rest: bytes) -> None:
        """Take over a connection whose client asked for an upgrade; the default refuses."""
        self.refuse(400)

    def refuse(self, status: int) -> None:
        self.closing = True
        self.transport.write(serialize(Response(status), close=True))
        self.transport.close()

    # httptools callbacks

    def on_message_begin(self) -> None:
        self._start_message()

    def on_url(self, url: bytes) -> None:
        self.url += url
        self._grow_head(len(url))

    def on_header(self, name: bytes, value: bytes) -> None:
        self.header_list.append((name.decode("latin-1"), value.decode("latin-1")))
        self._grow_head(len(name) + len(value))

    def on_body(self, body: bytes) -> None:
        self.body += body
        if len(self.body) > self.max_body:
            raise _TooLarge(413)

    def on_message_complete(self) -> None:
        if self.parser.should_upgrade():
            return
        self.queue.append(self._request())
        self.stop_idle_timer()
        if self.task is None:
            self.task = asyncio.get_running_loop().create_task(self._answer())

    def _grow_head(self, size: int) -> None:
        self.head_size += size
        if self.head_size > MAX_HEAD_BYTES:
            raise _TooLarge(431)

    def _request(self) -> Request:
        return Request(
            self.parser.get_method().decode(),
            self.url.decode("latin-1"),
            _joined(self.header_list),
            bytes(self.body),
            self.header_list,
        )

    async def _answer(self) -> None:
        try:
            while self.queue:
                request = self.queue.pop(0)
                keep = request.headers.get("connection", "").lower() != "close"
                try:
                    sent = Sent(request.method, request.headers, request.query)
                    refused = self.hosts.refusal(sent, self.purpose)
                    response = forbidden(refused) if refused else await self.handler(request)
                    data = serialize(response, close=not keep)
                except Exception as error:  # noqa: BLE001 - reported, and the port stays up
                    asyncio.get_running_loop().call_exception_handler(
                        {"message": f"{request.method} {request.path} failed", "exception": error}
                    )
                    response = Response(500)
                    data = serialize(response, close=not keep)
                if self.transport.is_closing():
                    return
                self.transport.write(data)
                if response.chunks is not None and response.status not in NO_BODY:
                    await self._send_chunks(response.chunks)
                if not keep:
                    self.transport.close()
                    return
                if self.queue or self.unparsed:  # it has sent the next ones without waiting
                    await self._next_turn()
            self._start_idle_timer()
        finally:
            self.task = None

    async def _next_turn(self) -> None:
        """Let others be served, and the client read, before what it has sent besides."""
        await asyncio.sleep(0)
        if self._resumed is not None:
            await self._resumed
        if not self.queue and not self.closing:
            self._parse_on()

    async def _send_chunks(self, chunks: AsyncIterator[bytes]) -> None:
        """Send a body chunk by chunk, at the pace of who reads it (RFC 9112, 7.1)."""
        try:
            async for chunk in chunks:
                if chunk:
                    self.transport.write(b"%x\r\n%s\r\n" % (len(chunk), chunk))
                    if self._resumed is not None:
                        await self._resumed
        except Exception as error:  # noqa: BLE001 - reported; the client sees an unfinished body
            asyncio.get_running_loop().call_exception_handler(
                {"message": "a streamed response failed", "exception": error}
            )
            self.transport.abort()
            return
        self.transport.write(b"0\r\n\r\n")

    def pause_writing(self) -> None:
        self._resumed = asyncio.get_running_loop().create_future()

    def resume_writing(self) -> None:
        if self._resumed is not None and not self._resumed.done():
            self._resumed.set_result(None)
        self._resumed = None


class _TooLarge(Exception):
    """Raised inside a parser callback; carries the HTTP status to answer with."""


def _joined(header_list: list[tuple[str, str]]) -> dict[str, str]:
    headers: dict[str, str] = {}
    for name, value in header_list:
        name = name.lower()
        headers[name] = f"{headers[name]},{value}" if name in headers else value
    return headers


class HttpClient:
    """A client for one origin with a pool of kept-alive connections.

    Args:
        origin: ``http://host:port``.
    """

    def __init__(self, origin: str) -> None:
        parts = urlsplit(origin)
        if parts.scheme != "http" or not parts.hostname:
            raise ValueError(f"{origin!r} is not a URL of the form http://host:port")
        self.host, self.port = parts.hostname, parts.port or 80
        self.idle: list[_ClientConnection] = []

    async def request(
        self, method: str, target: str, body: bytes = b"", headers: Mapping[str, str] | None = None
    ) -> Response:
        """Send a request and wait for the whole answer.

        Raises:
            ConnectionFailed: the peer cannot be reached or went away before it answered.
            InvalidHead: the request is none that may be sent.
        """
        given = (headers or {}).items()
        data = request_head(method, target, f"{self.host}:{self.port}", given, len(body)) + body
        while self.idle:
            connection = self.idle.pop()
            if connection.usable:
                break
        else:
            connection = await self._connect()
        try:
            response = await connection.exchange(data)
        except BaseException:
            connection.transport.abort()
            raise
        if connection.usable:
            self.idle.append(connection)
        return response

    async def _connect(self) -> _ClientConnection:
        try:
            _, protocol = await asyncio.get_running_loop().create_connection(
                _ClientConnection, self.host, self.port
            )
        except OSError as error:
            raise ConnectionFailed(f"http://{self.host}:{self.port}: {error}") from error
        return protocol

    def close(self) -> None:
        while self.idle:
            self.idle.pop().transport.abort()


class _ClientConnection(asyncio.Protocol):
    def __init__(self) -> None:
        self.transport: asyncio.Transport
        self.waiter: asyncio.Future[Response] | None = None
        self.usable = True

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        peer = self.transport.get_extra_info("socket")
        if peer is not None and peer.family in (socket.AF_INET, socket.AF_INET6):
            peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    async def exchange(self, data: bytes) -> Response:
        self.parser = httptools.HttpResponseParser(self)
        self.headers: dict[str, str] = {}
        self.body = bytearray()
        self.waiter = asyncio.get_running_loop().create_future()
        self.transport.write(data)
        return await self.waiter

    def data_received(self, data: bytes) -> None:
        with contextlib.suppress(httptools.HttpParserError):
            if self.waiter is not None:
                self.parser.feed_data(data)
                return
        self.usable = False
        self.transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        self.usable = False
        if self.waiter is not None and not self.waiter.done():
            self.waiter.set_exception(ConnectionFailed("the connection was closed by the peer"))

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers[name.decode("latin-1").lower()] = value.decode("latin-1")

    def on_body(self, body: bytes) -> None:
        self.body += body

    def on_message_complete(self) -> None:
        self.usable = self.usable and self.parser.should_keep_alive()
        waiter, self.waiter = self.waiter, None
        if waiter is not None and not waiter.done():
            waiter.set_result(
                Response(self.parser.get_status_code(), bytes(self.body), self.headers)
            )
