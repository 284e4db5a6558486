"""Where a command finds the traces: in the files of this machine, or at the console in Docker."""

from __future__ import annotations

from typing import Any, Protocol

from local_cloud.ask import NoAnswer, ask
from local_cloud.costs import costs
from local_cloud.trace_store import Trace, TraceStore


class TracesAway(RuntimeError):
    """Nobody tells of traces; the message says why, and what to do."""


class TraceSource(Protocol):
    """Tells of traces."""

    def latest(self, count: int) -> list[dict[str, Any]]:
        """Return summaries of the latest, the latest first; see :meth:`.Trace.summary`.

        Raises:
            TracesAway: nobody tells.
        """

    def whole(self, name: str) -> dict[str, Any] | None:
        """Return one as :func:`told` does, if it is there.

        Raises:
            TracesAway: nobody tells.
        """


def told(trace: Trace) -> dict[str, Any]:
    """Return a trace's summary with its spans, a ``tree`` from top to bottom, and its ``costs``."""
    spans = [{**span, "depth": depth} for depth, span in trace.tree()]
    return {**trace.summary(), "tree": spans, "costs": costs(spans)}


class TraceFiles:
    """Reads the files that the parts write."""

    def __init__(self, store: TraceStore) -> None:
        self.store = store

    def latest(self, count: int) -> list[dict[str, Any]]:
        """Return the latest; see :meth:`TraceSource.latest`."""
        return [trace.summary() for trace in self.store.latest(count)]

    def whole(self, name: str) -> dict[str, Any] | None:
        """Return one; see :meth:`TraceSource.whole`."""
        found = self.store.find(name)
        return told(found) if found is not None else None


class TraceConsole:
    """Asks the console, which has the files of a cloud in Docker.

    Args:
        url: the console's.
    """

    def __init__(self, url: str) -> None:
        self.url = url

    def latest(self, count: int) -> list[dict[str, Any]]:
        """Return the latest; see :meth:`TraceSource.latest`."""
        found: list[dict[str, Any]] = (self._ask("/api/traces") or {"traces": []})["traces"]
        return found[:count]

    def whole(self, name: str) -> dict[str, Any] | None:
        """Return one; see :meth:`TraceSource.whole`."""
        return self._ask(f"/api/traces/{name}")

    def _ask(self, path: str) -> dict[str, Any] | None:
        try:
            found: dict[str, Any] = ask(self.url + path)
        except NoAnswer as error:
            if error.status == 404:
                return None
            raise TracesAway(str(error)) from error
        return found
