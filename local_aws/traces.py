"""Spans of traces: what was done for a message, by whom, for how long and with which answer.

A trace is named as X-Ray names it, and handed on by the header ``X-Amzn-Trace-Id``, which the AWS
SDKs in a function send with each call. Each process appends the spans that have ended to files of
its own in the folder that ``TRACES_FOLDER`` names: whatever is killed, only open ones are lost.
https://docs.aws.amazon.com/xray/latest/devguide/xray-concepts.html#xray-concepts-tracingheader
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import random
import re
import threading
import time
from collections.abc import Mapping
from contextvars import ContextVar
from pathlib import Path
from typing import Any

import orjson

from local_aws.redaction import shown

LOG = logging.getLogger(__name__)

HEADER = "X-Amzn-Trace-Id"
#: W3C's header. https://www.w3.org/TR/trace-context/#traceparent-header
W3C_HEADER = "traceparent"
_W3C = re.compile(r"[0-9a-f]{2}-(?!0{32})([0-9a-f]{8})([0-9a-f]{24})-(?!0{16})([0-9a-f]{16})-")
#: A trace's name, whose two parts together are OpenTelemetry's.
TRACE_NAME = re.compile(r"1-([0-9a-f]{8})-([0-9a-f]{24})")
FOLDER_VARIABLE = "TRACES_FOLDER"
#: Of each of the two files of a process; the older one goes when the newer is full.
FILE_BYTES = 4 << 20
#: How often it is looked whether the file is still there.
LOOK_SECONDS = 1.0
#: Details of spans that are the kit's own words, or are redacted already. Others, such as an error
#: of a function, are what somebody else has said.
_WRITTEN_AS_IT_IS = frozenset(
    (
        *("trace", "id", "parent", "kind", "request", "response", "api", "stage", "connection"),
        *("service", "function", "version", "request_id", "log_group", "log_stream", "access_key"),
    )
)
#: The header of what this task does for a trace.
current: ContextVar[str | None] = ContextVar("trace", default=None)


# Nobody is kept out by a name: a quick source does.
_random = random.Random()  # noqa: S311


def new_trace() -> str:
    """Return the name of a new trace."""
    return f"1-{int(time.time()):08x}-{_random.getrandbits(96):024x}"


def new_id() -> str:
    """Return the id of a new span."""
    return f"{_random.getrandbits(64):016x}"


def header_of(trace: str, parent: str) -> str:
    """Return the header by which what is caused is of that trace, below that span."""
    return f"Root={trace};Parent={parent};Sampled=1"


def header_in(headers: Mapping[str, str]) -> str | None:
    """Return the header of the trace that a request is of: X-Ray's, or made of W3C's.

    Args:
        headers: by their names in lower case.
    """
    if header := headers.get("x-amzn-trace-id"):
        return header
    match = _W3C.match(headers.get(W3C_HEADER) or "")
    return header_of(f"1-{match[1]}-{match[2]}", match[3]) if match else None


def w3c_of(header: str) -> dict[str, str]:
    """Return what hands a trace on to whoever knows W3C's header; nothing where it has no place."""
    trace, parent = place_of(header) or ("", None)
    match = TRACE_NAME.fullmatch(trace)
    if match is None or parent is None:
        return {}
    return {W3C_HEADER: f"00-{match[1]}{match[2]}-{parent}-01"}


def place_of(header: str | None) -> tuple[str, str | None] | None:
    """Return the trace and the span that a header names; ``None`` where it names none."""
    if not header:
        return None
    trace = parent = ""
    for part in header.split(";"):
        name, _, value = part.strip().partition("=")
        if name == "Root":
            trace = value
        elif name == "Parent":
            parent = value
    return (trace, parent or None) if trace else None


class Span:
    """Something that is done; it is written when it has ended.

    Args:
        traces: where it is written.
        kind: such as ``frame``, ``invocation`` or ``call``.
        name: what it is about: a route, a function, an operation.
        header: of what caused it; without one it begins a trace.
        details: more about it.
    """

    __slots__ = ("began", "details", "id", "kind", "name", "parent", "trace", "traces")

    def __init__(
        self, traces: Traces, kind: str, name: str, header: str | None, details: dict[str, Any]
    ) -> None:
        self.traces = traces
        self.kind = kind
        self.name = name
        place = place_of(header)
        self.trace, self.parent = place if place is not None else (new_trace(), None)
        self.id = new_id()
        self.began = time.time()
        self.details = details

    @property
    def header(self) -> str:
        """The header of what is caused by it."""
        return header_of(self.trace, self.id)

    def end(self, error: str | None = None, **details: Any) -> None:
        """Write it.

        Args:
            error: why it has failed, if it has.
        """
        self.traces.write(
            {
                "trace": self.trace,
                "id": self.id,
                "parent": self.parent,
                "kind": self.kind,
                "name": self.name,
                "start": self.began,
                "end": time.time(),
                **({"error": error} if error is not None else {}),
                **self.details,
                **details,
            }
        )


class Traces:
    """Writes the spans of one process.

    Args:
        folder: where the files of all processes are.
        part: which process it is.
        file_bytes: how long each of its two files gets.
    """

    def __init__(self, folder: Path, part: str, file_bytes: int = FILE_BYTES) -> None:
        self.path = folder / f"{part}.jsonl"
        self.file_bytes = file_bytes
        self._lock = threading.Lock()
        self._file = -1
        #: How many spans could not be written since one could.
        self._lost = 0
        #: When it is looked again whether the file is there: by the steady clock.
        self._look_at = 0.0
        self._open()
        self._look_at = time.monotonic() + LOOK_SECONDS

    def _open(self) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        flags = os.O_RDWR | os.O_APPEND | os.O_CREAT
        self._file = os.open(self.path, flags, 0o600)
        self._size = os.lseek(self._file, 0, os.SEEK_END)
        if self._size and os.pread(self._file, 1, self._size - 1) != b"\n":
            self._size += os.write(self._file, b"\n")  # a line was cut off: the next is another one

    def _close(self) -> None:
        if self._file >= 0:
            with contextlib.suppress(OSError):
                os.close(self._file)
        self._file = -1

    def _look(self) -> None:
        """Open the file again if it was removed, or could not be opened.

        Raises:
            OSError: it still cannot.
        """
        now = time.monotonic()
        if now < self._look_at:
            if self._file < 0:
                raise OSError("the file is not open")
            return
        self._look_at = now + LOOK_SECONDS
        if self._file >= 0 and not os.fstat(self._file).st_nlink:
            LOG.warning("%s was removed, and what was written since; it begins anew", self.path)
            self._close()
        if self._file < 0:
            self._open()

    def begin(self, kind: str, name: str, header: str | None = None, **details: Any) -> Span:
        """Return a span that begins now; see :class:`Span`."""
        return Span(self, kind, name, header, details)

    def write(self, span: dict[str, Any]) -> None:
        """Write a span that has ended. What cannot be written is left out, which the log says once.

        In an event loop that is done in its next turn: what waits for an answer has it then.
        """
        try:
            asyncio.get_running_loop().call_soon(self._write, span)
        except RuntimeError:
            self._write(span)

    def _write(self, span: dict[str, Any]) -> None:
        for name, value in span.items():
            if type(value) is str and name not in _WRITTEN_AS_IT_IS:
                span[name] = shown(value)
        with self._lock:
            try:
                line = orjson.dumps(span, default=str, option=orjson.OPT_APPEND_NEWLINE)
                self._look()
                if self._size + len(line) > self.file_bytes:
                    os.replace(self.path, before(self.path))
                    self._close()
                    self._open()
                # At once: nothing of it is lost with the process.
                written = os.write(self._file, line)
                self._size += written
                if written < len(line):
                    raise OSError("there was room for a part of a line")
            except (OSError, TypeError) as error:
                self._lose(error)
            else:
                if self._lost:
                    LOG.warning("traces go on; %d spans were lost", self._lost)
                    self._lost = 0

    def _lose(self, error: Exception) -> None:
        """Leave out a span; the file is opened again before a later one."""
        if not self._lost:
            LOG.warning("spans of traces are lost: %s", error)
        self._lost += 1
        if isinstance(error, OSError):
            self._close()


def note_invocation(
    traces: Traces | None,
    function: str,
    header: str | None,
    began: float,
    request: bytes,
    answer: bytes,
    *,
    failed: bool,
) -> None:
    """Write the span of an invocation for an endpoint that writes none and names no trace: SAM's.

    Which calls are below it is found by their time: SAM runs a function once at a time.

    Args:
        header: of what invoked it.
        began: when, in seconds since the epoch.
        failed: whether the answer is an error.
    """
    if traces is None:
        return
    span = traces.begin("invocation", function, header, function=function, version="$LATEST")
    span.began = began
    error = shown(answer) if failed else None
    span.end(error, serial=True, request=shown(request), response=shown(answer))


def before(path: Path) -> Path:
    """Return the older of a process's two files."""
    return path.with_suffix(".1.jsonl")


def traces_of(part: str) -> Traces | None:
    """Return what writes the spans of this process; ``None`` where none are wanted, or can be."""
    folder = os.environ.get(FOLDER_VARIABLE)
    if not folder:
        return None
    try:
        return Traces(Path(folder), part)
    except OSError as error:
        LOG.warning("No traces are written: %s", error)
        return None
