"""``python -m local_cloud.engine.workflows.jsonata.evaluator``: evaluates what it is sent.

An expression may take all memory by one function, or nest until the stack ends; no library's own
limits hold then, and while it runs nobody else has the interpreter. So it runs in a process of its
own, of which the system takes care: too much memory or too deep a stack ends it, and whoever asks
ends it when it takes too long.

Standard input is a socket. A frame has its length (four bytes, big-endian) before it. A request is
JSON: an expression, and its bindings, without which it is only read. An answer is one byte and
text: ``=`` and JSON, ``0`` for undefined, ``f`` for a function, ``!`` and JSONata's words.
"""

from __future__ import annotations

import contextlib
import json
import resource
import signal
import socket
import struct
import sys
from typing import Any

from local_cloud.engine.workflows.jsonata.functions import FUNCTIONS
from local_cloud.engine.workflows.jsonata.libraries import (
    LIBRARIES,
    ExpressionFailed,
    Run,
    chosen,
    syntax_error,
)

#: Seconds after which the system ends it, if nobody else does.
MOST_SECONDS = 30
#: Of memory beyond what it starts with.
MEMORY_BYTES = 512 << 20
HEAD = struct.Struct(">I")
RESULT, UNDEFINED, FUNCTION, FAILED = b"=", b"0", b"f", b"!"


def receive(client: socket.socket) -> bytearray | None:
    """Return the next frame; ``None`` when the other end is closed."""
    head = _read(client, HEAD.size)
    return None if head is None else _read(client, HEAD.unpack(head)[0])


def _read(client: socket.socket, size: int) -> bytearray | None:
    data = bytearray(size)
    view = memoryview(data)
    while view:
        got = client.recv_into(view)
        if not got:
            return None
        view = view[got:]
    return data


def frame(*parts: bytes) -> bytes:
    """Return a frame of these parts."""
    return b"".join((HEAD.pack(sum(map(len, parts))), *parts))


def answer(run: Run, asked: dict[str, Any]) -> tuple[bytes, bytes]:
    """Return what an expression gives."""
    expression, bindings = asked["expression"], asked.get("bindings")
    if bindings is None:
        why = syntax_error(expression)
        return (UNDEFINED, b"") if why is None else (FAILED, why.encode())
    try:
        text = run(expression, bindings, FUNCTIONS)
        # A function is written as an empty text.
        if text == '""' and run(f"$type(({expression}))", bindings, FUNCTIONS) == '"function"':
            return FUNCTION, b""
    except ExpressionFailed as error:
        return FAILED, str(error).encode()
    except (MemoryError, RecursionError):
        return FAILED, b"D1012: it needs too much memory, or nests too deeply"
    return (UNDEFINED, b"") if text is None else (RESULT, text.encode())


def limit_memory() -> None:
    """Have the system refuse more memory than an expression needs, and write no core file."""
    used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    with contextlib.suppress(ValueError, OSError):  # macOS knows the limit, and does not keep it
        resource.setrlimit(resource.RLIMIT_DATA, (used + MEMORY_BYTES,) * 2)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def main() -> None:
    """Answer until the other end is closed."""
    client = socket.socket(fileno=0)
    run = LIBRARIES[sys.argv[1]] if len(sys.argv) > 1 else chosen()
    run("1", {}, {})  # loads it
    limit_memory()
    while (request := receive(client)) is not None:
        signal.alarm(MOST_SECONDS)
        told = answer(run, json.loads(request))
        signal.alarm(0)
        client.sendall(frame(*told))


if __name__ == "__main__":
    main()
