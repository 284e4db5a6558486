"""Tells when a client leaves whose request is being answered, in a thread of its own."""

from __future__ import annotations

import contextlib
import select
import socket
import threading
from collections.abc import Callable


class Departures:
    """Connections that somebody wants to know the end of.

    The thread of a connection is busy with the answer; so another one looks at all of them.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._leave: dict[int, Callable[[], object]] = {}
        self._poll: select.epoll | None = None

    def watch(self, client: socket.socket, leave: Callable[[], object]) -> None:
        """Have ``leave`` called when the client closes its end."""
        with self._lock:
            if self._poll is None:
                self._poll = select.epoll()
                threading.Thread(target=self._look, args=(self._poll,), daemon=True).start()
            self._leave[client.fileno()] = leave
            self._poll.register(client, select.EPOLLRDHUP | select.EPOLLONESHOT)

    def forget(self, client: socket.socket) -> None:
        """Watch no more."""
        with self._lock:
            if self._leave.pop(client.fileno(), None) is not None and self._poll is not None:
                with contextlib.suppress(OSError):  # it is closed
                    self._poll.unregister(client)

    def _look(self, poll: select.epoll) -> None:
        while True:
            for descriptor, _ in poll.poll():
                with self._lock:
                    leave = self._leave.get(descriptor)
                if leave is not None:
                    leave()
