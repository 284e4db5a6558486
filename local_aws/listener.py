"""Takes connections, whatever happens to one of them, and when files or threads run short."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import logging
import os
import socket
from collections.abc import Callable

from local_aws.background import start_task
from local_aws.http1 import serialize
from local_aws.http_message import Response

LOG = logging.getLogger(__name__)

BACKLOG = 1024
#: How long nobody is taken when not even those who are turned away can be.
PAUSE_SECONDS = 0.1
#: Connections that are taken before other work has its turn.
_AT_ONCE = 64
_SHORT = {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM}


class SpareFile:
    """A file that is open so that there is one for a connection that is turned away."""

    def __init__(self) -> None:
        self._descriptor = -1
        self._open()

    def _open(self) -> None:
        with contextlib.suppress(OSError):
            self._descriptor = os.open(os.devnull, os.O_RDONLY)

    def turn_away(self, listener: socket.socket) -> bool:
        """Tell the next client that it cannot be served now, rather than have it wait.

        Returns:
            Whether that could be done; else wait a while.
        """
        if self._descriptor < 0:
            self._open()
            if self._descriptor < 0:
                return False
        self.close()
        with contextlib.suppress(OSError):
            refuse(listener.accept()[0])
        self._open()
        return True

    def close(self) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)
        self._descriptor = -1


def is_shortage(error: OSError) -> bool:
    """Return whether a connection was not taken for want of files or memory."""
    return error.errno in _SHORT


def refuse(client: socket.socket) -> None:
    """Answer a client with 503, and close its connection."""
    with contextlib.suppress(OSError), client:
        client.setblocking(False)
        if client.type == socket.SOCK_STREAM:
            client.send(serialize(Response(503, b"", {"Retry-After": "1"}), close=True))
            client.shutdown(socket.SHUT_WR)
            client.recv(1 << 16)  # what is unread would have the answer thrown away


class Listener:
    """A port of the event loop's.

    That of uvloop asks again and again, without a pause, for a file that it cannot get.

    Args:
        factory: makes the protocol of a connection.
        sock: listens.
    """

    def __init__(self, factory: Callable[[], asyncio.BaseProtocol], sock: socket.socket) -> None:
        self._factory = factory
        self._socket = sock
        self._loop = asyncio.get_running_loop()
        self._spare = SpareFile()
        self._pause: asyncio.TimerHandle | None = None
        self._told = False
        sock.setblocking(False)
        self._loop.add_reader(sock, self._accept)

    @property
    def sockets(self) -> tuple[socket.socket, ...]:
        """The sockets that listen, as those of :class:`asyncio.Server`."""
        return () if self._socket.fileno() < 0 else (self._socket,)

    def _accept(self) -> None:
        for _ in range(_AT_ONCE):
            try:
                client, _ = self._socket.accept()
            except (BlockingIOError, InterruptedError):
                return
            except OSError as error:
                if is_shortage(error):
                    self._run_short(error)
                    return
                LOG.debug("a connection has gone before it was taken: %s", error)
                continue
            self._told = False
            start_task(self._connect(client), "a connection's begin")

    async def _connect(self, client: socket.socket) -> None:
        try:
            client.setblocking(False)
            if client.family != socket.AF_UNIX:
                client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            await self._loop.connect_accepted_socket(self._factory, client)
        except OSError as error:
            LOG.debug("a connection has gone before it was served: %s", error)
            client.close()
        except BaseException:
            refuse(client)
            raise

    def _run_short(self, error: OSError) -> None:
        if not self._told:
            self._told = True
            LOG.warning("connections are turned away: %s", error)
        if not self._spare.turn_away(self._socket):
            self._loop.remove_reader(self._socket)
            self._pause = self._loop.call_later(PAUSE_SECONDS, self._go_on)

    def _go_on(self) -> None:
        self._pause = None
        self._loop.add_reader(self._socket, self._accept)

    def close(self) -> None:
        """Take no more connections."""
        if self._socket.fileno() < 0:
            return
        if self._pause is not None:
            self._pause.cancel()
        self._loop.remove_reader(self._socket)
        self._socket.close()
        self._spare.close()

    async def wait_closed(self) -> None:
        """Nothing to wait for, as :class:`asyncio.Server` may have."""


def listen(factory: Callable[[], asyncio.BaseProtocol], host: str, port: int) -> Listener:
    """Listen on an address.

    Args:
        factory: makes the protocol of a connection.

    Raises:
        OSError: the address is taken, or none of this machine's.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    sock = socket.create_server((host, port), family=family, backlog=BACKLOG)
    return Listener(factory, sock)
