"""The gateway's sockets: one port for WebSocket upgrades and for HTTP.

The WebSocket protocol itself (RFC 6455) is the ``websockets`` library's, used without I/O, but for
a text message in one frame (:mod:`.frames`).
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Coroutine
from typing import Any, cast

from websockets.exceptions import InvalidState
from websockets.frames import CloseCode, Frame, Opcode
from websockets.http11 import Response as HandshakeResponse
from websockets.protocol import OPEN, Protocol, Side
from websockets.server import ServerProtocol

from local_aws import busy_poll
from local_aws.background import start_task
from local_aws.http1 import HttpServerProtocol, serialize
from local_aws.http_message import Request, Response, forbidden
from local_aws.listener import Listener, listen
from local_aws.open_files import allow_many_files
from local_aws.web_pages import Sent
from local_aws.write_now import write_now
from websocket_gateway.core.address import Address
from websocket_gateway.core.connection import Connection
from websocket_gateway.core.events import Handshake
from websocket_gateway.core.gateway import Gateway
from websocket_gateway.core.http_api import HttpApi
from websocket_gateway.frames import cut, message, text_frame

#: Frames of one client that are taken in a turn of the loop; then it is the others' turn.
FRAMES_IN_A_TURN = 32

_silent = logging.getLogger("websocket_gateway.protocol")
_silent.setLevel(logging.WARNING)


class GatewayProtocol(HttpServerProtocol):
    """One TCP connection: plain HTTP until its client upgrades it to a WebSocket."""

    __slots__ = (
        *("gateway", "ending", "limits", "loop", "websocket", "connection", "descriptor"),
        *("fragments", "begun", "in_flight", "timer", "open", "ended", "close_reason"),
        *("turn", "paused"),
    )

    def __init__(self, gateway: Gateway, api: HttpApi, ending: Tasks) -> None:
        limits = gateway.limits
        super().__init__(api, 2 * limits.message, gateway.hosts, limits.handshake)
        self.gateway = gateway
        self.ending = ending
        self.limits = gateway.limits
        self.loop = asyncio.get_running_loop()
        self.websocket: Protocol | None = None
        self.connection: Connection
        #: What has come of a message in several frames; the library bounds it as it comes.
        self.fragments: bytearray | None = None
        #: What is not taken yet: the beginning of a frame; all that comes before the client is let
        #: in; and frames that wait for a turn, or for messages that are at work.
        self.begun = b""
        self.turn: asyncio.Handle | None = None
        self.paused = False
        self.in_flight: set[asyncio.Task[None]] = set()
        self.timer: asyncio.TimerHandle | None = None
        self.open = False
        self.ended = self.loop.create_future()
        self.close_reason: tuple[int, str] | None = None

    # From HTTP to WebSocket

    def upgrade(self, request: Request, rest: bytes) -> None:
        sent = Sent(request.method, request.headers, request.query)
        if (why := self.gateway.hosts.websocket_refusal(sent)) is not None:
            self.closing = True
            self.transport.write(serialize(forbidden(why), close=True))
            self.transport.close()
            return
        if len(request.target) > self.limits.url:
            self.refuse(414)
            return
        if not self.gateway.admits_another():
            self.refuse(429)
            return
        address = self.gateway.addresses.find(request.headers.get("host", ""), request.path)
        if address is None or address.rest:
            self.refuse(403)
            return
        opening = ServerProtocol(logger=_silent)
        opening.receive_data(_handshake(request))
        handshakes = opening.events_received()
        if not handshakes or isinstance(handshakes[0], Frame):
            self.refuse(400)
            return
        answer = opening.accept(handshakes[0])  # type: ignore[arg-type]
        if answer.status_code != 101:
            self.refuse(answer.status_code)
            return
        # Another one for the frames: that of the handshake would keep the request.
        size = (self.limits.message, self.limits.frame)
        self.websocket = Protocol(Side.SERVER, max_size=size, logger=_silent)
        self.descriptor = self.transport.get_extra_info("socket").fileno()
        self.stop_idle_timer()
        self._start_message()
        del self.parser  # HTTP is over: thousands of connections would keep their requests
        peer = self.transport.get_extra_info("peername")
        self.connection = Connection(
            domain_name=request.headers.get("host", ""),
            source_ip=peer[0] if isinstance(peer, tuple) else "127.0.0.1",
            user_agent=request.headers.get("user-agent", ""),
            connected_at=time.time_ns() // 1_000_000,
        )
        self._take_frames(rest)
        self.ending.begin(self._let_in(request, address, answer))

    async def _let_in(self, request: Request, address: Address, answer: HandshakeResponse) -> None:
        try:
            await self._connect(request, address, answer)
        except BaseException:
            self.transport.abort()  # a client that waits is not left waiting
            raise

    async def _connect(self, request: Request, address: Address, answer: HandshakeResponse) -> None:
        handshake = Handshake(tuple(request.header_list), request.query, request.path)
        decision = await self.gateway.connect(self.connection, handshake, address)
        if decision is None:
            self.transport.abort()
            return
        if self.closing or self.ending.last:
            if decision.accepts:  # the client or the gateway left meanwhile: what began must end
                await self.gateway.disconnect(self.connection, CloseCode.ABNORMAL_CLOSURE, "")
            self.transport.abort()
            return
        if not decision.accepts:
            self.closing = True
            body = (decision.body or "").encode()
            headers = {"Content-Type": decision.headers.get("content-type", "text/plain")}
            self.transport.write(serialize(Response(decision.status, body, headers), close=True))
            self.transport.close()
            return
        if subprotocol := decision.headers.get("sec-websocket-protocol"):
            answer.headers["Sec-WebSocket-Protocol"] = subprotocol
        self.transport.write(answer.serialize())
        self.open = True
        self.gateway.clients[self.connection.connection_id] = self
        self._watch_time()
        self._take_frames(b"")

    # WebSocket

    def data_received(self, data: bytes) -> None:
        if self.websocket is None:
            super().data_received(data)
            return
        busy_poll.seen(self.loop)
        self._take_frames(data)

    def _take_frames(self, data: bytes) -> None:
        self.begun += data
        if not self.open:
            if len(self.begun) > self.limits.frame:
                self._pause()
        elif self.turn is None:
            self._take_turn()

    def _take_turn(self) -> None:
        """Take what has come, but not so much at once that others wait for it; then read on."""
        self.turn = None
        websocket = self.websocket
        assert websocket is not None
        count = min(FRAMES_IN_A_TURN, self.limits.in_flight - len(self.in_flight))
        frames, self.begun = cut(self.begun, self.limits.frame, count)
        for frame in frames:
            if frame[1] and self.fragments is None and websocket.state is OPEN:
                self._take_message(message(frame))
                continue
            websocket.receive_data(frame[0])
            self._take_events()
        if len(frames) < count:
            if self.paused and not self.transport.is_closing():
                self.paused = False
                self.transport.resume_reading()
            return
        self._pause()
        if len(self.in_flight) < self.limits.in_flight:
            self.turn = self.loop.call_soon(self._take_turn)

    def _pause(self) -> None:
        if not self.paused and not self.transport.is_closing():
            self.paused = True
            self.transport.pause_reading()

    def _take_events(self) -> None:
        assert self.websocket is not None
        for event in self.websocket.events_received():
            if isinstance(event, Frame):
                self._take_frame(event)
        self._flush()

    def _take_frame(self, frame: Frame) -> None:
        assert self.websocket is not None
        match frame.opcode:
            case Opcode.BINARY:
                self._fail(CloseCode.UNSUPPORTED_DATA, "Binary frames are not supported")
            case Opcode.TEXT | Opcode.CONT:
                # Not a list: frames without a payload would make it longer without end.
                if self.fragments is None:
                    self.fragments = bytearray()
                self.fragments += frame.data
                if frame.fin:
                    data, self.fragments = bytes(self.fragments), None
                    self._take_message(data)
            case Opcode.PING | Opcode.PONG:
                self.connection.last_active_at = time.time_ns() // 1_000_000

    def _take_message(self, data: bytes) -> None:
        assert self.websocket is not None
        if self.websocket.state is not OPEN:
            return
        try:
            text = data.decode()
        except UnicodeDecodeError:
            self._fail(CloseCode.INVALID_DATA, "Not UTF-8")
            return
        task = asyncio.Task(self._pass_on(text), loop=self.loop, eager_start=True)
        if task.done():
            return
        self.in_flight.add(task)

    async def _pass_on(self, text: str) -> None:
        try:
            await self.gateway.message(self, text)
        except Exception as error:  # noqa: BLE001 - nobody waits for it who could be told
            self.loop.call_exception_handler({"message": "message failed", "exception": error})
        finally:
            self._message_done(asyncio.current_task())

    def _message_done(self, task: asyncio.Task[Any] | None) -> None:
        if task not in self.in_flight:  # it took no time
            return
        self.in_flight.discard(task)
        if self.paused and self.open and self.turn is None:
            self.turn = self.loop.call_soon(self._take_turn)

    def send_text(self, text: str) -> None:
        """Send a message; it is dropped when the connection is closing."""
        if self.websocket is None or self.websocket.state is not OPEN:
            return
        if self._reads():
            write_now(self.transport, self.descriptor, text_frame(text.encode()))

    def _reads(self) -> bool:
        """Return whether the client reads what it is sent; one that does not is cut."""
        if self.transport.get_write_buffer_size() <= self.limits.unread:
            return True
        self.close_reason = (CloseCode.ABNORMAL_CLOSURE, "The client does not read")
        self.transport.abort()
        return False

    def close(self, code: int, reason: str) -> None:
        """Begin the closing handshake; a client that does not answer it is cut."""
        if self.websocket is None or self.websocket.state is not OPEN:
            return
        with contextlib.suppress(InvalidState):
            self.websocket.send_close(code, reason)
        self.close_reason = (code, reason)
        self._flush()
        self.loop.call_later(self.limits.handshake, self.transport.abort)

    async def closed(self) -> None:
        """Wait until the connection has ended."""
        await asyncio.shield(self.ended)

    def cut(self) -> None:
        """End the connection at once, if it has not ended yet."""
        self.transport.abort()

    def _fail(self, code: int, reason: str) -> None:
        assert self.websocket is not None
        self.websocket.fail(code, reason)
        self.close_reason = (code, reason)
        self._flush()

    def _flush(self) -> None:
        assert self.websocket is not None
        for data in self.websocket.data_to_send():
            if data and self._reads():
                self.transport.write(data)
            elif not data:
                self.transport.close()
        if self.websocket.close_expected():
            self.transport.close()

    def _watch_time(self) -> None:
        """Close a connection that is idle or old; look again when it could be."""
        if self.timer is not None:
            self.timer.cancel()
        now = time.time_ns() / 1e9
        idle_left = self.limits.idle - (now - self.connection.last_active_at / 1000)
        life_left = self.limits.connection - (now - self.connection.connected_at / 1000)
        left = min(idle_left, life_left)
        if left <= 0:
            self.close(CloseCode.GOING_AWAY, "Going away")
            return
        self.timer = self.loop.call_later(left + 0.001, self._watch_time)

    def eof_received(self) -> bool:
        if self.websocket is not None:
            self.websocket.receive_eof()
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        for later in (self.timer, self.turn):
            if later is not None:
                later.cancel()
        self.ended.set_result(None)
        if not self.open:
            return
        self.open = False
        self.gateway.clients.pop(self.connection.connection_id, None)
        code, reason = self._end()
        self.ending.begin(self.gateway.disconnect(self.connection, code, reason))

    def _end(self) -> tuple[int, str]:
        """Return the code and reason that ``$disconnect`` is told."""
        assert self.websocket is not None
        if self.close_reason is not None:
            return int(self.close_reason[0]), self.close_reason[1]
        received, sent = self.websocket.close_rcvd, self.websocket.close_sent
        if received is not None:
            words = "Connection Closed Normally" if received.code == 1000 else received.reason
            return int(received.code), words or ""
        if sent is not None:
            return int(sent.code), sent.reason
        return CloseCode.ABNORMAL_CLOSURE.value, ""


def _handshake(request: Request) -> bytes:
    lines = [f"{request.method} {request.target} HTTP/1.1"]
    lines += [f"{name}: {value}" for name, value in request.header_list]
    return "\r\n".join([*lines, "\r\n"]).encode("latin-1")


class Tasks:
    """Work that is waited for before the gateway ends: openings, and ``$disconnect``."""

    def __init__(self) -> None:
        self.running: set[asyncio.Task[None]] = set()
        #: Whether the port is closed: who is still being let in is not let in any more.
        self.last = False

    def begin(self, work: Coroutine[Any, Any, None]) -> None:
        """Run it; its end is waited for by whoever closes the server."""
        task = start_task(work, "a connection")
        self.running.add(task)
        task.add_done_callback(self.running.discard)


class GatewayServer:
    """The gateway's port."""

    def __init__(self, gateway: Gateway) -> None:
        self.gateway = gateway
        self.ending = Tasks()
        self._server: Listener

    async def open(self, host: str, port: int) -> None:
        """Open the port; connections are served from then on."""
        allow_many_files()
        api = HttpApi(self.gateway)

        def protocol() -> asyncio.BaseProtocol:
            return cast(asyncio.BaseProtocol, GatewayProtocol(self.gateway, api, self.ending))

        self._server = listen(protocol, host, port)

    async def close(self, close_seconds: float, disconnect_seconds: float) -> int:
        """Close the port and every connection, and wait until the functions know.

        Args:
            close_seconds: how long clients may take to answer the close frame.
            disconnect_seconds: how long ``$disconnect`` may take after that.

        Returns:
            How many functions were still running at the end.
        """
        self._server.close()
        self.ending.last = True
        clients = list(self.gateway.clients.values())
        for client in clients:
            client.close(CloseCode.GOING_AWAY, "Going away")
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(close_seconds):
                await asyncio.gather(*(client.closed() for client in clients))
        for client in clients:
            client.cut()
        await asyncio.sleep(0)  # what was cut is told to its protocol in the loop's next turn
        if not self.ending.running:
            return 0
        _, late = await asyncio.wait(self.ending.running, timeout=disconnect_seconds)
        return len(late)
