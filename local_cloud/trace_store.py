"""The traces that there are: read from the files to which each part writes its spans."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson

#: Kinds by which a trace begins, in the order in which one is its first.
_ROOTS = ("message", "connect", "disconnect", "call", "execution", "invocation")


def _rank(kind: str) -> int:
    return _ROOTS.index(kind) if kind in _ROOTS else len(_ROOTS)


@dataclass
class Trace:
    """All that one message caused; its spans by their id."""

    name: str
    spans: dict[str, dict[str, Any]] = field(default_factory=dict)

    @property
    def began(self) -> float:
        """When it began, in seconds since 1970."""
        return min(float(span["start"]) for span in self.spans.values())

    @property
    def ended(self) -> float:
        """When the last of what has ended did."""
        return max(float(span["end"]) for span in self.spans.values())

    @property
    def first(self) -> dict[str, Any]:
        """Return the span that began it; one that is open still is not known."""
        tops = (span for span in self.spans.values() if span["parent"] not in self.spans)
        return min(tops, key=lambda span: (_rank(span["kind"]), span["start"]))

    @property
    def errors(self) -> int:
        """How many of its spans have failed."""
        return sum(1 for span in self.spans.values() if "error" in span)

    def summary(self) -> dict[str, Any]:
        """Return what a list of traces tells of it."""
        first = self.first
        functions = {s["name"] for s in self.spans.values() if s["kind"] == "invocation"}
        return {
            "trace": self.name,
            "kind": first["kind"],
            "name": first["name"],
            "start": self.began,
            "seconds": round(self.ended - self.began, 6),
            "spans": len(self.spans),
            "errors": self.errors,
            "functions": sorted(functions),
            "connection": first.get("connection"),
            "user": first.get("user"),
        }

    def tree(self) -> Iterator[tuple[int, dict[str, Any]]]:
        """Yield its spans with their depth, each below what caused it, in the order of time."""
        below: dict[str | None, list[dict[str, Any]]] = {}
        for span in self.spans.values():
            parent = span["parent"] if span["parent"] in self.spans else None
            below.setdefault(parent, []).append(span)
        stack = [(0, span) for span in _latest_first(below.get(None, ()))]
        while stack:
            depth, span = stack.pop()
            yield depth, span
            stack += [(depth + 1, one) for one in _latest_first(below.get(span["id"], ()))]


def _latest_first(spans: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    return sorted(spans, key=lambda span: -float(span["start"]))


class TraceStore:
    """Reads what was written since it read last.

    Args:
        folder: where the parts write.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._traces: dict[str, Trace] = {}
        #: How far each file was read, by its inode: it is renamed when it is full.
        self._read: dict[int, int] = {}

    def refresh(self) -> dict[str, Trace]:
        """Return the traces by their name, the oldest first; those whose files are gone are not."""
        files = {path.stat().st_ino: path for path in sorted(self.folder.glob("*.jsonl"))}
        if self._read.keys() - files.keys():
            # What they held goes with them: all is read again, which is seldom.
            self._read.clear()
            self._traces.clear()
        for inode, path in files.items():
            with path.open("rb") as file:
                file.seek(self._read.get(inode, 0))
                data = file.read()
            whole = data.rfind(b"\n") + 1
            self._read[inode] = self._read.get(inode, 0) + whole
            for line in data[:whole].splitlines():
                self._take(line)
        return self._traces

    def _take(self, line: bytes) -> None:
        try:
            span = orjson.loads(line)
            name = span["trace"]
            self._traces.setdefault(name, Trace(name)).spans[span["id"]] = span
        except (ValueError, KeyError, TypeError):
            return  # written by another version, or cut off

    def latest(self, count: int) -> list[Trace]:
        """Return the latest traces, the latest first."""
        traces = self.refresh().values()
        return sorted(traces, key=lambda trace: -trace.began)[:count]
