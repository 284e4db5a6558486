"""What messages have caused, for the console's pages."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from local_cloud.trace_source import told
from local_cloud.trace_store import Trace, TraceStore

MOST_LISTED = 500
NONE = {"error": "No traces are written: start the cloud without --no-traces."}


class TraceView:
    """Reads the traces when a page asks."""

    def __init__(self) -> None:
        self.store = TraceStore.from_environment()
        self._lock = threading.Lock()

    async def latest(self, request: Request) -> Response:
        """Answer ``GET /api/traces``: the latest, the latest first."""
        if self.store is None:
            return JSONResponse(NONE, 404)
        return JSONResponse({"traces": await asyncio.to_thread(self._latest)})

    async def one(self, request: Request) -> Response:
        """Answer ``GET /api/traces/{name}``: a trace's spans, as a tree from top to bottom."""
        if self.store is None:
            return JSONResponse(NONE, 404)
        found = await asyncio.to_thread(self._one, request.path_params["name"])
        if found is None:
            return JSONResponse({"error": "There is no such trace, or it has made room."}, 404)
        return JSONResponse(found)

    def all(self) -> list[Trace]:
        """Return every trace there is."""
        assert self.store is not None
        with self._lock:
            return list(self.store.refresh().values())

    def _latest(self) -> list[dict[str, Any]]:
        assert self.store is not None
        with self._lock:
            return [trace.summary() for trace in self.store.latest(MOST_LISTED)]

    def _one(self, name: str) -> dict[str, Any] | None:
        assert self.store is not None
        with self._lock:
            trace = self.store.find(name)
            return told(trace) if trace is not None else None
