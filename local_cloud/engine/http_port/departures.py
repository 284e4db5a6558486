"""Tells when a client leaves whose request is being answered, in a thread of its own."""

from __future__ import annotations

import contextlib
import logging
import os
import select
import socket
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable

from local_aws.background import start_thread

LOG = logging.getLogger(__name__)

#: How often it is looked where the system tells nothing.
LOOK_SECONDS = 0.25


class Departures:
    """Connections that somebody wants to know the end of.

    The thread of a connection is busy with the answer; so another one looks at all of them.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._leave: dict[int, Callable[[], object]] = {}
        self._poll: _Poll | None = None

    def watch(self, client: socket.socket, leave: Callable[[], object]) -> None:
        """Have ``leave`` called when the client closes its end."""
        with self._lock:
            if self._poll is None:
                poll: _Poll = _Told() if hasattr(select, "epoll") else _Looked()
                start_thread(self._look, "who leaves", poll, vital=True)
                self._poll = poll  # not before somebody looks at it
            self._leave[client.fileno()] = leave
            self._poll.register(client.fileno())

    def forget(self, client: socket.socket) -> None:
        """Watch no more."""
        with self._lock:
            if self._leave.pop(client.fileno(), None) is not None and self._poll is not None:
                with contextlib.suppress(OSError):  # it is closed
                    self._poll.unregister(client.fileno())

    def _look(self, poll: _Poll) -> None:
        while True:
            for descriptor in poll.departed():
                with self._lock:
                    leave = self._leave.get(descriptor)
                if leave is not None:
                    try:
                        leave()
                    except Exception:  # of one; the others are told all the same
                        LOG.exception("who has left is not told of")


class _Poll(ABC):
    """Finds connections whose other end is closed, each once."""

    @abstractmethod
    def register(self, descriptor: int) -> None:
        """Look at a connection."""

    @abstractmethod
    def unregister(self, descriptor: int) -> None:
        """Look at it no more."""

    @abstractmethod
    def departed(self) -> Iterable[int]:
        """Wait until there are some, or might be; return them."""


class _Told(_Poll):
    """By the kernel (Linux)."""

    def __init__(self) -> None:
        self._epoll = select.epoll()

    def register(self, descriptor: int) -> None:
        self._epoll.register(descriptor, select.EPOLLRDHUP | select.EPOLLONESHOT)

    def unregister(self, descriptor: int) -> None:
        self._epoll.unregister(descriptor)

    def departed(self) -> Iterable[int]:
        return [descriptor for descriptor, _ in self._epoll.poll()]


class _Looked(_Poll):
    """By looking whether what is left to be read is its end (macOS)."""

    def __init__(self) -> None:
        self._watched: set[int] = set()
        self._some = threading.Event()

    def register(self, descriptor: int) -> None:
        self._watched.add(descriptor)
        self._some.set()

    def unregister(self, descriptor: int) -> None:
        self._watched.discard(descriptor)
        if not self._watched:
            self._some.clear()

    def departed(self) -> Iterable[int]:
        self._some.wait()
        gone = {descriptor for descriptor in tuple(self._watched) if _is_at_end(descriptor)}
        self._watched -= gone
        if not gone:
            time.sleep(LOOK_SECONDS)
        return gone


def _is_at_end(descriptor: int) -> bool:
    """Return whether a connection's other end is closed, and nothing of it is left to be read."""
    try:
        # Another object for the same connection, whatever speaks over it, as TLS does.
        with socket.socket(fileno=os.dup(descriptor)) as client:
            return not client.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT)
    except BlockingIOError:
        return False
    except OSError:  # it was reset, or is closed here
        return True
