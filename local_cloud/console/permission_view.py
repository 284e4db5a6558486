"""What functions' roles allow, and what they used, for the console's page."""

from __future__ import annotations

import asyncio
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from local_aws.lean_httpx import httpx
from local_cloud.console.trace_view import NONE, TraceView
from local_cloud.permission_report import reports


class PermissionView:
    """Puts together what the engine knows of roles and what the traces tell.

    Args:
        engine: asks the engine.
    """

    def __init__(self, engine: httpx.AsyncClient, traces: TraceView) -> None:
        self.engine = engine
        self.traces = traces

    async def answer(self, request: Request) -> Response:
        """Answer ``GET /api/permissions``: the mode, and a report of each function."""
        if self.traces.store is None:
            return JSONResponse(NONE, 404)
        try:
            answer = await self.engine.get("/_permissions", timeout=10)
            told: Any = answer.raise_for_status().json()
        except (httpx.HTTPError, ValueError) as error:
            return JSONResponse({"error": f"The engine does not tell: {error}"}, 503)
        functions = await asyncio.to_thread(self._reports, told["roles"])
        return JSONResponse({"mode": told["mode"], "functions": functions})

    def _reports(self, roles: Any) -> list[dict[str, Any]]:
        return [report.as_json() for report in reports(roles, self.traces.all()).values()]
