"""LocalStack's network loop, as it wants one: a plugin that ``GATEWAY_SERVER`` names."""

from __future__ import annotations

import _thread
import contextlib
import logging
import select
import socket
import threading
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from localstack.config import HostAndPort
from localstack.runtime.server.core import RuntimeServer, RuntimeServerPlugin
from rolo.gateway import Gateway
from rolo.gateway.wsgi import WsgiGateway

from local_aws.background import start_thread
from local_aws.listener import SpareFile, is_shortage, refuse
from local_cloud.engine.http_port.connection import Connection
from local_cloud.engine.http_port.departures import Departures

if TYPE_CHECKING:
    from local_cloud.engine.http_port.other_protocols import Twisted

LOG = logging.getLogger(__name__)

#: Connections that have a thread; the next one is Twisted's.
MOST_THREADS = 1000
STOP_SECONDS, PAUSE_SECONDS = 10.0, 0.1
_BACKLOG = 1024


class PortServer(RuntimeServer):  # type: ignore[misc]
    """Serves a gateway on each of its addresses, and on no other."""

    def __init__(self) -> None:
        self._listeners: list[socket.socket] = []
        self._departures = Departures()
        self._stopped = threading.Event()
        self._closing = False
        self._lock = threading.Lock()
        self._connections: set[Connection] = set()
        self._twisted_lock = threading.Lock()
        self._twisted: Twisted | None = None

    def register(
        self,
        gateway: Gateway,
        listen: Sequence[HostAndPort],
        ssl_creds: tuple[str, str] | None = None,
    ) -> None:
        """Open the ports; connections are taken when :meth:`run` runs.

        Args:
            gateway: answers requests.
            listen: addresses; LocalStack's own server would take every address of the machine.
            ssl_creds: the files of the certificate and of its key.
        """
        self._application = WsgiGateway(gateway)
        self._gateway, self._credentials = gateway, ssl_creds
        for address in listen:
            family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
            listener = socket.socket(family, socket.SOCK_STREAM)
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind((address.host, address.port))
            listener.listen(_BACKLOG)
            self._listeners.append(listener)

    def run(self) -> None:
        """Serve until :meth:`shutdown`."""
        for listener in self._listeners:
            start_thread(self._accept, "the port", listener, vital=True)
        self._stopped.wait()

    def shutdown(self) -> None:
        """Take no more connections; let what is being answered end."""
        self._closing = True
        for listener in self._listeners:
            with contextlib.suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)
        with self._lock:
            connections = list(self._connections)
        for connection in connections:
            connection.end_soon()
        until = time.monotonic() + STOP_SECONDS
        for connection in connections:
            if not connection.ended.wait(max(0.0, until - time.monotonic())):
                LOG.warning("a request is still being answered after %.0f s", STOP_SECONDS)
        self._stopped.set()

    def _accept(self, listener: socket.socket) -> None:
        """Take connections until the end, whatever happens to one of them."""
        # accept() would take the file of a connection before there is one.
        poll = select.poll()
        poll.register(listener, select.POLLIN)
        spare = SpareFile()
        while not self._closing:
            try:
                poll.poll()
                self._accept_one(listener, spare)
            except Exception:  # noqa: BLE001 - there may be no memory to say it, either
                time.sleep(PAUSE_SECONDS)
        spare.close()

    def _accept_one(self, listener: socket.socket, spare: SpareFile) -> None:
        try:
            client, _ = listener.accept()
        except OSError as error:
            if is_shortage(error):
                if not spare.turn_away(listener):
                    time.sleep(PAUSE_SECONDS)  # files are closed by others, who tell nobody
            elif not self._closing:
                LOG.warning("a connection was not taken: %s", error)
            return
        try:
            self._take(client)
        except Exception as error:  # noqa: BLE001 - a port that takes nobody is none
            refuse(client)
            LOG.warning("a connection was turned away: %r", error)

    def _take(self, client: socket.socket) -> None:
        connection = Connection(client, self._application, self._departures, self._hand_over)
        with self._lock:
            taken = len(self._connections) < MOST_THREADS
            if taken:
                self._connections.add(connection)
        if not taken:  # not under the lock: it may load Twisted
            self._hand_over(client, b"")
            return
        try:
            # Not threading's: that waits until the thread runs, which it may never for want of
            # memory, and here nobody may wait.
            _thread.start_new_thread(self._serve, (connection,))
        except BaseException:
            with self._lock:
                self._connections.discard(connection)
            connection.ended.set()
            raise

    def _serve(self, connection: Connection) -> None:
        try:
            connection.serve()
        except Exception:
            LOG.exception("a connection has failed")
        finally:
            with self._lock:
                self._connections.discard(connection)

    def _hand_over(self, client: socket.socket, read: bytes) -> None:
        """Give Twisted a connection.

        Args:
            read: what has been read of it.
        """
        with self._twisted_lock:
            if self._twisted is None:
                # It takes a quarter of LocalStack's start, and most clouds never need it.
                from local_cloud.engine.http_port.other_protocols import Twisted

                self._twisted = Twisted(self._gateway, self._credentials)
        self._twisted.take(client, read)


class PortServerPlugin(RuntimeServerPlugin):  # type: ignore[misc]
    """What LocalStack finds the server by."""

    name = "kit"

    def load(self, *args: object, **kwargs: object) -> RuntimeServer:
        """Return the server."""
        return PortServer()
