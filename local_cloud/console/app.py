"""The Step Functions API as the engine answers it, and a page that says how the engine is."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator

import httpx
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

# An activity's poll and a synchronous execution may take minutes.
TIMEOUT = httpx.Timeout(330, connect=5)
_NOT_PASSED_ON = {"host", "connection", "content-length", "transfer-encoding", "accept-encoding"}


def create_app(engine: str, hosts: list[str]) -> Starlette:
    """Return the application.

    Args:
        engine: URL of the AWS API that answers.
        hosts: values of ``Host`` that are answered; any other may be a rebound DNS name.
    """
    client = httpx.AsyncClient(base_url=engine, timeout=TIMEOUT, trust_env=False)

    @contextlib.asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        async with client:
            yield

    async def step_functions(request: Request) -> Response:
        # A browser sends Origin along with what another site made it send; an SDK does not.
        if "origin" in request.headers:
            return _error(403, "AccessDeniedException", "Requests of web pages are not answered")
        if not request.headers.get("x-amz-target", "").startswith("AWSStepFunctions."):
            return _error(
                400, "UnknownOperationException", "This port answers the Step Functions API only"
            )
        headers = {k: v for k, v in request.headers.items() if k.lower() not in _NOT_PASSED_ON}
        try:
            answer = await client.post("/", content=await request.body(), headers=headers)
        except httpx.TransportError:
            return _error(
                503, "ServiceUnavailable", f"The engine {engine} does not answer. Is it running?"
            )
        kept = {
            k: v
            for k, v in answer.headers.items()
            if k.lower().startswith(("x-amz", "content-type"))
        }
        return Response(answer.content, answer.status_code, kept)

    async def health(request: Request) -> Response:
        try:
            answer = await client.get("/_localstack/health", timeout=2)
            reachable = answer.status_code == 200
        except httpx.TransportError:
            reachable = False
        return JSONResponse({"status": "ok", "engine": "ok" if reachable else "unreachable"})

    return Starlette(
        routes=[
            Route("/", step_functions, methods=["POST"]),
            Route("/", health, methods=["GET"]),
            Route("/_console/health", health, methods=["GET"]),
        ],
        middleware=[Middleware(TrustedHostMiddleware, allowed_hosts=hosts)],
        lifespan=lifespan,
    )


def _error(status: int, code: str, message: str) -> Response:
    return JSONResponse(
        {"__type": code, "message": message},
        status,
        headers={"x-amzn-errortype": code},
        media_type="application/x-amz-json-1.0",
    )
