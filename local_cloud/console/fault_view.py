"""Faults on purpose, for the console: those of calls and those at the gateway, as one list."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from local_aws.faults import parted
from local_aws.lean_httpx import httpx

_AT_ENGINE, _AT_GATEWAY = "/_faults", "/_gateway/faults"


class FaultView:
    """Passes rules on to where they strike.

    Args:
        engine: asks the engine.
        gateway: asks the gateway.
    """

    def __init__(self, engine: httpx.AsyncClient, gateway: httpx.AsyncClient) -> None:
        self.engine = engine
        self.gateway = gateway

    async def answer(self, request: Request) -> Response:
        """Answer ``/api/faults``: tell the rules, take more of them, or forget them all."""
        try:
            if request.method == "POST":
                for of_calls, document in parted(await request.json()).items():
                    await self._ask("POST", of_calls, document)
            elif request.method == "DELETE":
                for of_calls in (True, False):
                    await self._ask("DELETE", of_calls)
            told = [await self._ask("GET", of_calls) for of_calls in (True, False)]
        except ValueError as error:
            return JSONResponse({"error": str(error)}, 400)
        except httpx.HTTPError as error:
            return JSONResponse({"error": f"Engine or gateway do not answer: {error}"}, 503)
        return JSONResponse({"rules": [rule for one in told for rule in one["rules"]]})

    async def _ask(self, method: str, of_calls: bool, body: Any = None) -> Any:
        client, path = (self.engine, _AT_ENGINE) if of_calls else (self.gateway, _AT_GATEWAY)
        # By a local name, under which alone the gateway tells.
        headers = {"Host": "localhost"}
        answer = await client.request(method, path, json=body, headers=headers, timeout=10)
        return answer.raise_for_status().json()
