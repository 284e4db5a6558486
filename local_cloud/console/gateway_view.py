"""What the gateway tells about itself: who is connected, and what is said."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from local_aws.lean_httpx import httpx


class GatewayView:
    """Passes the gateway's answers on to the console's pages.

    Args:
        gateway: ``http://host:port`` of the WebSocket gateway, as this process reaches it.
    """

    def __init__(self, gateway: str) -> None:
        self.gateway = gateway
        self.client = httpx.AsyncClient(base_url=gateway, trust_env=False, timeout=3)

    async def connections(self, request: Request) -> Response:
        """Answer ``GET /api/connections``: who is connected."""
        return await self._ask("connections")

    async def messages(self, request: Request) -> Response:
        """Answer ``GET /api/messages?after=N``: the messages that followed number N."""
        return await self._ask("messages", after=request.query_params.get("after", "0"))

    async def _ask(self, page: str, **query: str) -> Response:
        try:
            # By a local name, under which alone the gateway tells.
            answer = await self.client.get(
                f"/_gateway/{page}", params=query, headers={"Host": "localhost"}
            )
            body = answer.json()
        except (httpx.HTTPError, ValueError):
            return JSONResponse({"error": f"The gateway {self.gateway} does not answer."}, 503)
        if answer.status_code != 200:
            return JSONResponse({"error": body.get("message", "failed")}, answer.status_code)
        return JSONResponse(body)
