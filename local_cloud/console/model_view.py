"""The calls of models, for the console: the engine tells them."""

from __future__ import annotations

from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from local_aws.lean_httpx import httpx

_CALLS = "/_models/calls"


class ModelView:
    """Passes on what the engine tells.

    Args:
        engine: asks the engine.
    """

    def __init__(self, engine: httpx.AsyncClient) -> None:
        self.engine = engine

    async def latest(self, request: Request) -> Response:
        """Answer ``GET /api/models``: the last calls, the newest first."""
        return await self._told(_CALLS)

    async def one(self, request: Request) -> Response:
        """Answer ``GET /api/models/NAME``: a call, by its id or its span's."""
        return await self._told(f"{_CALLS}/{quote(request.path_params['name'], safe='')}")

    async def _told(self, path: str) -> Response:
        try:
            answer = await self.engine.get(path, timeout=10)
            return JSONResponse(answer.json(), answer.status_code)
        except (httpx.HTTPError, ValueError) as error:
            return JSONResponse({"error": f"The engine does not tell: {error}"}, 503)
