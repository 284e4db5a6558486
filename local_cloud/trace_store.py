"""The traces that there are: read from the files to which each part writes its spans."""

from __future__ import annotations

import contextlib
import logging
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

import orjson

from local_aws.credentials import key_of
from local_aws.traces import FOLDER_VARIABLE

LOG = logging.getLogger(__name__)

#: Kinds by which a trace begins, in the order in which one is its first.
_ROOTS = ("message", "connect", "disconnect", "call", "execution", "invocation")
#: Of a span, what says where it belongs.
_PLACE = ("trace", "id", "start", "end", "serial", "access_key")


def _rank(kind: str) -> int:
    return _ROOTS.index(kind) if kind in _ROOTS else len(_ROOTS)


@dataclass
class Trace:
    """All that one message caused."""

    name: str
    #: As they were written: what is in them is parsed when somebody looks.
    lines: list[bytes] = field(default_factory=list)
    _summary: dict[str, Any] = field(default_factory=dict)

    @property
    def spans(self) -> dict[str, dict[str, Any]]:
        """Its spans by their id."""
        spans: dict[str, dict[str, Any]] = {}
        for line in self.lines:
            span = orjson.loads(line)
            spans[span["id"]] = span
        return spans

    def summary(self) -> dict[str, Any]:
        """Return what a list of traces tells of it: of its first span, and of all.

        What began it is not known before it has ended: another one, ``whole`` is false then.
        """
        if self._summary.get("lines") != len(self.lines):
            self._summary = {**self._summarize(), "lines": len(self.lines)}
        return {name: value for name, value in self._summary.items() if name != "lines"}

    def _summarize(self) -> dict[str, Any]:
        spans = self.spans
        tops = (span for span in spans.values() if span["parent"] not in spans)
        first = min(tops, key=lambda span: (_rank(span["kind"]), span["start"]))
        began = min(float(span["start"]) for span in spans.values())
        executions = [s["execution"] for s in spans.values() if s["kind"] == "execution"]
        return {
            "trace": self.name,
            "kind": first["kind"],
            "name": first["name"],
            "whole": first["parent"] is None,
            "start": began,
            "seconds": round(max(float(span["end"]) for span in spans.values()) - began, 6),
            "spans": len(spans),
            "errors": sum(1 for span in spans.values() if "error" in span),
            "functions": sorted({s["name"] for s in spans.values() if s["kind"] == "invocation"}),
            "executions": executions,
            "connection": first.get("connection"),
            "user": first.get("user"),
        }

    def tree(self) -> Iterator[tuple[int, dict[str, Any]]]:
        """Yield its spans with their depth, each below what caused it, in the order of time."""
        spans = self.spans
        below: dict[str | None, list[dict[str, Any]]] = {}
        for span in spans.values():
            parent = span["parent"] if span["parent"] in spans else None
            below.setdefault(parent, []).append(span)
        stack = [(0, span) for span in _latest_first(below.get(None, ()))]
        while stack:
            depth, span = stack.pop()
            yield depth, span
            stack += [(depth + 1, one) for one in _latest_first(below.get(span["id"], ()))]


def _latest_first(spans: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    return sorted(spans, key=lambda span: -float(span["start"]))


class Invocations:
    """Finds of which invocation a call is whose function has named no trace: by its time."""

    def __init__(self) -> None:
        self._by_key: dict[str, list[dict[str, Any]]] = {}

    def add(self, span: dict[str, Any]) -> None:
        """Take an invocation that has ended; of what it was asked and answered nothing is kept."""
        kept = {part: span[part] for part in _PLACE if part in span}
        self._by_key.setdefault(key_of(span["name"]), []).append(kept)

    def of_call(self, call: dict[str, Any]) -> dict[str, Any] | None:
        """Return the one; ``None`` where none is known, or it may be one of several."""
        at = float(call["start"])
        during = [
            one
            for one in self._by_key.get(call["access_key"], ())
            if float(one["start"]) <= at <= float(one["end"])
        ]
        if len(during) > 1 and not all(one.get("serial") for one in during):
            return None
        # Of those that run one at a time, the others waited for it.
        return min(during, key=lambda one: float(one["end"]), default=None)


class TraceStore:
    """Reads what was written since it read last.

    Args:
        folder: where the parts write.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._traces: dict[str, Trace] = {}
        self._invocations = Invocations()
        #: Calls that name no trace, by the one that they began.
        self._loose: dict[str, dict[str, Any]] = {}
        #: Of which trace such a one is, by what was found.
        self._moved: dict[str, str] = {}
        #: Access keys of which there is a new call or invocation since they were looked at.
        self._stirred: set[str] = set()
        #: How far each file was read, by its first line: it is renamed when it is full.
        self._read: dict[bytes, int] = {}

    @classmethod
    def from_environment(cls) -> TraceStore | None:
        """Return what reads the traces of this cloud; ``None`` where none are written."""
        folder = os.environ.get(FOLDER_VARIABLE)
        return cls(Path(folder)) if folder else None

    def refresh(self) -> dict[str, Trace]:
        """Return the traces by their name; those whose files are gone are not there.

        Where the files cannot be opened now, they are those of before.
        """
        try:
            self._refresh()
        except OSError as error:
            LOG.warning("traces are not read: %s", error)
        return self._traces

    def _refresh(self) -> None:
        with contextlib.ExitStack() as opened:
            files: dict[bytes, BinaryIO] = {}
            for path in sorted(self.folder.glob("*.jsonl")):
                with contextlib.suppress(FileNotFoundError):  # it has just been renamed
                    file: BinaryIO = opened.enter_context(path.open("rb"))
                    if (first := file.readline()).endswith(b"\n"):
                        files[first] = file
            if self._read.keys() - files.keys():
                # What was in a file goes with it: all is read again, which is seldom.
                self._read.clear()
                self._traces.clear()
                self._invocations = Invocations()
                self._loose.clear()
                self._moved.clear()
            for first, file in files.items():
                self._go_on(first, file)
        self._settle()

    def _settle(self) -> None:
        """Put calls that name no trace below the invocation that made them, where it has ended."""
        stirred, self._stirred = self._stirred, set()
        for name, call in list(self._loose.items()) if stirred else ():
            if call["access_key"] not in stirred:
                continue
            made_by = self._invocations.of_call(call)
            target = self._found(made_by["trace"]) if made_by is not None else name
            if made_by is None or target == name:
                continue
            del self._loose[name]
            spans = self._traces.pop(name).spans
            self._moved[name] = target
            first = {**spans.pop(call["id"]), "trace": target, "parent": made_by["id"]}
            self._of(target).lines += map(orjson.dumps, (first, *spans.values()))

    def _found(self, name: str) -> str:
        while name in self._moved:
            name = self._moved[name]
        return name

    def _of(self, name: str) -> Trace:
        return self._traces.setdefault(name, Trace(name))

    def _go_on(self, first: bytes, file: BinaryIO) -> None:
        at = file.seek(self._read.get(first, 0))
        for line in file:
            if not line.endswith(b"\n"):
                break  # the rest of it is still to come
            self._take(line[:-1])
            at += len(line)
        self._read[first] = at

    def _take(self, line: bytes) -> None:
        try:
            span = orjson.loads(line)
            name, *_ = span["trace"], span["id"], span["kind"], span["start"], span["end"]
        except (ValueError, KeyError, TypeError):
            return  # written by another version, or cut off
        if span["kind"] == "invocation":
            self._invocations.add(span)
            self._stirred.add(key_of(span["name"]))
        elif span.get("access_key") and span.get("parent") is None:
            self._loose[name] = {part: span[part] for part in _PLACE if part in span}
            self._stirred.add(span["access_key"])
        self._of(self._found(name)).lines.append(line)

    def find(self, name: str) -> Trace | None:
        """Return the trace that has this name, or what it was found to be a part of."""
        return self.refresh().get(self._found(name))

    def latest(self, count: int) -> list[Trace]:
        """Return the latest traces, the latest first."""
        traces = self.refresh().values()
        return sorted(traces, key=lambda trace: -float(trace.summary()["start"]))[:count]
