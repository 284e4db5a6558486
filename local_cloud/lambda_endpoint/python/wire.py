"""The Runtime API over a socket that a worker is born with, in place of HTTP.

Stands for the ``runtime_client`` that ``awslambdaric`` brings, a wrapper of libcurl: everything
above it, how a handler is found and called, is AWS's own. This file is run by the function's
interpreter, and knows nothing of the kit.

A frame is its kind (one byte), the lengths of its head and of its payload (four bytes each), the
head and the payload; one that is longer than a packet goes in several. The endpoint sends ``I``, an
invocation: its head is its headers, one a line, with the milliseconds that it may take in place of
its deadline. It may send more of them, which wait until they are read. A worker sends ``N`` once,
when it is ready, then ``R``, a response, or ``E``, an error; the head of these two is the request's
id and the microseconds that it took, and who answers takes the next one. They are in lower case
where nothing waits in the pipe of the worker's output; else a mark in there says where that ends: a
zero byte, the id and a line break.
https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html
"""

from __future__ import annotations

import contextlib
import fcntl
import importlib
import os
import socket
import struct
import sys
import termios
import time
from array import array
from types import ModuleType
from typing import Any

_FRAME = struct.Struct(">cII")
_DEADLINE = "Lambda-Runtime-Deadline-Ms"
_HEADERS = (
    "Lambda-Runtime-Aws-Request-Id",
    _DEADLINE,
    "Lambda-Runtime-Invoked-Function-Arn",
    "Lambda-Runtime-Trace-Id",
    "Lambda-Runtime-Client-Context",
)
_PACKET, _MOST = 1 << 16, 1 << 20
_NEXT = _FRAME.pack(b"N", 0, 0)


class Wire:
    """The worker's end.

    Args:
        descriptor: of the socket.
        output: of the pipe that takes what the function prints.
    """

    def __init__(self, descriptor: int, output: int) -> None:
        self._output = output
        self._waiting = array("i", [0])
        self._socket = socket.socket(fileno=descriptor)
        self._socket.set_inheritable(False)
        self._ready = False
        self._began = 0.0

    def initialize_client(self, user_agent: str) -> None:
        """Nothing to do: there is no server to introduce oneself to."""

    def next(self) -> tuple[bytes, dict[str, str | int]]:
        """Wait for the next invocation; return its payload and its headers, the deadline as int."""
        if not self._ready:
            self._ready = True
            self._socket.sendall(_NEXT)
        frame = self._read(b"", _FRAME.size)  # nearly always all of it: one call of the system
        _, head_size, size = _FRAME.unpack_from(frame)
        payload = _FRAME.size + head_size
        frame = self._read(frame, payload + size)
        self._began = time.perf_counter()
        values = frame[_FRAME.size : payload].decode().split("\n")
        headers: dict[str, str | int] = {
            name: value
            for name, value in zip(_HEADERS, values)  # noqa: B905
            if value
        }
        headers[_DEADLINE] = int(time.time() * 1000) + int(headers[_DEADLINE])
        headers["Content-Type"] = "application/json"
        return frame[payload:], headers

    def post_invocation_result(
        self, invoke_id: str, data: bytes, content_type: str, *_: object
    ) -> None:
        """Answer an invocation."""
        self._send(b"R", invoke_id, data)

    def post_error(self, invoke_id: str, error: str | bytes, *_: object) -> None:
        """Tell that an invocation has failed."""
        self._send(b"E", invoke_id, error if isinstance(error, bytes) else error.encode())

    def _send(self, kind: bytes, invoke_id: str, data: bytes) -> None:
        microseconds = int((time.perf_counter() - self._began) * 1e6)
        fcntl.ioctl(self._output, termios.FIONREAD, self._waiting)
        if self._waiting[0]:
            with contextlib.suppress(BlockingIOError):  # a function may have made it such a pipe
                os.write(self._output, f"\0{invoke_id}\n".encode())
        else:
            kind = kind.lower()
        head = f"{invoke_id}\n{microseconds}".encode()
        frame = _FRAME.pack(kind, len(head), len(data)) + head + data
        for at in range(0, len(frame), _PACKET):
            self._socket.sendall(frame[at : at + _PACKET])

    def _read(self, begun: bytes, size: int) -> bytes:
        """Return ``begun`` and what follows, until there are ``size`` bytes; none is another's."""
        if len(begun) >= size:
            return begun
        parts = [begun]
        left = size - len(begun)
        while left > 0:
            part = self._socket.recv(max(_PACKET, min(left, _MOST)))
            if not part:
                os._exit(0)  # the endpoint is gone, and nobody takes an answer any more
            parts.append(part)
            left -= len(part)
        return b"".join(parts)


def speak(descriptor: int) -> None:
    """Have ``awslambdaric`` use the wire."""
    wire = Wire(descriptor, os.dup(1))  # of its own: a function may close or replace that
    module = ModuleType("runtime_client")
    for name in ("initialize_client", "next", "post_invocation_result", "post_error"):
        setattr(module, name, getattr(wire, name))
    sys.modules["runtime_client"] = module
    # It would wait for each invocation in a thread made for that, since signals do not reach
    # Python while libcurl waits. They do while a socket does.
    with contextlib.suppress(ImportError):  # releases before 4 have no such module
        config: Any = importlib.import_module("awslambdaric.lambda_config")
        config.LambdaConfigProvider.SUPPORTED_THREADPOLLING_ENVS = frozenset()
