"""A program in a process of its own, which is let have less than it wants for a while."""

from __future__ import annotations

import contextlib
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil

LIMIT_SECONDS = 20


class Program:
    """Serves on a port, whose number is the first line that it prints."""

    def __init__(self, code: str, *arguments: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", code, *arguments], stdout=subprocess.PIPE, text=True
        )
        self.port = int(self.line())

    def line(self) -> str:
        """Return the next line that it prints."""
        assert self.process.stdout is not None
        return str(self.process.stdout.readline())

    @contextlib.contextmanager
    def limited(self, kind: int, most: int) -> Iterator[None]:
        process = psutil.Process(self.process.pid)
        before = process.rlimit(kind)
        process.rlimit(kind, (most, before[1]))
        try:
            yield
        finally:
            process.rlimit(kind, before)

    def open_files(self) -> set[int]:
        return {int(path.name) for path in Path(f"/proc/{self.process.pid}/fd").iterdir()}

    def ask(self) -> socket.socket:
        """Send a request; return the connection."""
        client = socket.create_connection(("127.0.0.1", self.port), timeout=LIMIT_SECONDS)
        client.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        return client

    def get(self) -> bytes:
        """Return what a request is answered: nothing where the connection is closed."""
        return answer_on(self.ask())

    def end(self) -> None:
        self.process.kill()
        self.process.wait()


def answer_on(client: socket.socket) -> bytes:
    """Return all that comes until the connection is closed."""
    with client, contextlib.suppress(ConnectionError):
        return b"".join(iter(lambda: client.recv(65536), b""))
    return b""


@contextlib.contextmanager
def program(code: str, *arguments: str) -> Iterator[Program]:
    running = Program(code, *arguments)
    try:
        yield running
    finally:
        running.end()
