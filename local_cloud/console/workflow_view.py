"""What the engine knows of workflows beyond AWS's API: waits, and values of expressions."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from local_aws.lean_httpx import httpx

MAX_REQUEST = 2 * 1024 * 1024


class WorkflowView:
    """Passes the engine's answers on to the console's pages.

    Args:
        client: of the engine.
        engine: the engine's URL, as it is told where it does not answer.
    """

    def __init__(self, client: httpx.AsyncClient, engine: str) -> None:
        self.client = client
        self.engine = engine

    async def waits(self, request: Request) -> Response:
        """Answer ``GET /api/workflows/waits?executionArn=…``: what an execution waits for."""
        return await self._ask(request, "waits")

    async def skip(self, request: Request) -> Response:
        """Answer ``POST /api/workflows/skip``: end a wait."""
        return await self._ask(request, "waits/skip")

    async def evaluate(self, request: Request) -> Response:
        """Answer ``POST /api/workflows/evaluate`` with an expression's value."""
        return await self._ask(request, "evaluate")

    async def _ask(self, request: Request, page: str) -> Response:
        body = await request.body()
        if len(body) > MAX_REQUEST:
            return JSONResponse({"error": f"At most {MAX_REQUEST >> 20} MB can be sent."}, 413)
        try:
            answer = await self.client.request(
                request.method,
                f"/_workflows/{page}",
                params=dict(request.query_params),
                content=body,
                timeout=20,
            )
            told = answer.json()
        except (httpx.HTTPError, ValueError):
            return JSONResponse({"error": f"The engine {self.engine} does not answer."}, 503)
        if answer.status_code != 200:
            return JSONResponse({"error": told.get("message", "failed")}, answer.status_code)
        # What an expression failed with is no failure of the page.
        return JSONResponse({"answer": told})
