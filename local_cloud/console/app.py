"""The console for people, and the Step Functions API for SDKs and CLIs, on one port."""

from __future__ import annotations

import contextlib
import os
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from local_aws.background import keep_running
from local_aws.hosts import AllowedHosts
from local_aws.lean_httpx import httpx
from local_aws.web_pages import Purpose, Sent, refusal
from local_cloud.console.aws_calls import AwsCalls
from local_cloud.console.chat import Chat
from local_cloud.console.fault_view import FaultView
from local_cloud.console.gateway_view import GatewayView
from local_cloud.console.model_view import ModelView
from local_cloud.console.permission_view import PermissionView
from local_cloud.console.saved_inputs import SavedInputs
from local_cloud.console.security import OwnHosts, SecurityHeaders, same_origin
from local_cloud.console.trace_view import TraceView
from local_cloud.console.watch import Watch
from local_cloud.console.workflow_view import WorkflowView

#: Variables that name an OpenTelemetry collector.
COLLECTOR = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
ASSETS = Path(__file__).with_name("assets")
# An activity's poll and a synchronous execution may take minutes.
TIMEOUT = httpx.Timeout(330, connect=5)
_NOT_PASSED_ON = {"host", "connection", "content-length", "transfer-encoding", "accept-encoding"}


@dataclass(frozen=True)
class Endpoints:
    """Where the rest of the cloud is, as URLs; the WebSocket's as a browser reaches it."""

    step_functions: str
    engine: str
    gateway: str
    websocket: str


def create_app(endpoints: Endpoints, hosts: list[str], inputs: Path) -> Starlette:
    """Return the application.

    Args:
        hosts: further names that are answered; any other may be a rebound DNS name.
        inputs: the folder of saved inputs.
    """
    engine = endpoints.step_functions
    client = httpx.AsyncClient(base_url=engine, timeout=TIMEOUT, trust_env=False)
    others = httpx.AsyncClient(base_url=endpoints.engine, trust_env=False)
    calls = AwsCalls(endpoints.engine, endpoints.step_functions)
    chat = Chat(calls, endpoints.websocket)
    gateway = GatewayView(endpoints.gateway)
    saved = SavedInputs(inputs)
    watch = Watch(calls)
    workflows = WorkflowView(client, engine)
    traces = TraceView()
    permissions = PermissionView(others, traces)
    models = ModelView(others)
    faults = FaultView(others, gateway.client)

    @contextlib.asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        async with client, others, gateway.client, _handing_on(traces):
            yield

    async def step_functions(request: Request) -> Response:
        sent = Sent(request.method, request.headers, request.url.query)
        if (refused := refusal(sent, Purpose.CALL)) is not None:
            return _error(403, "AccessDeniedException", refused)
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
            answer = await client.get("/_localstack/health", timeout=1)
            reachable = answer.status_code == 200
        except httpx.TransportError:
            reachable = False
        return JSONResponse({"status": "ok", "engine": "ok" if reachable else "unreachable"})

    return Starlette(
        routes=[
            Route("/", step_functions, methods=["POST"]),
            Route("/_console/health", health, methods=["GET"]),
            Route("/api/aws/{service}/{operation}", same_origin(calls.answer), methods=["POST"]),
            Route("/api/objects", same_origin(calls.download), methods=["GET"]),
            Route("/api/watch", same_origin(watch.answer), methods=["GET"]),
            Route("/api/inputs/{kind}/{name}", same_origin(saved.answer), methods=["GET"]),
            Route("/api/chat", same_origin(chat.settings), methods=["GET"]),
            Route("/api/datasets", same_origin(chat.upload), methods=["POST"]),
            Route("/api/connections", same_origin(gateway.connections), methods=["GET"]),
            Route("/api/messages", same_origin(gateway.messages), methods=["GET"]),
            Route("/api/permissions", same_origin(permissions.answer), methods=["GET"]),
            Route("/api/faults", same_origin(faults.answer), methods=["GET", "POST", "DELETE"]),
            Route("/api/models", same_origin(models.latest), methods=["GET"]),
            Route("/api/models/{name}", same_origin(models.one), methods=["GET"]),
            Route("/api/traces", same_origin(traces.latest), methods=["GET"]),
            Route("/api/traces/{name}", same_origin(traces.one), methods=["GET"]),
            Route("/api/workflows/waits", same_origin(workflows.waits), methods=["GET"]),
            Route("/api/workflows/skip", same_origin(workflows.skip), methods=["POST"]),
            Route("/api/workflows/evaluate", same_origin(workflows.evaluate), methods=["POST"]),
            Mount("/", StaticFiles(directory=ASSETS, html=True, check_dir=False)),
        ],
        middleware=[
            Middleware(OwnHosts, hosts=AllowedHosts(hosts)),
            Middleware(SecurityHeaders, websocket=endpoints.websocket),
            Middleware(GZipMiddleware, minimum_size=2000),
        ],
        lifespan=lifespan,
    )


@contextlib.asynccontextmanager
async def _handing_on(traces: TraceView) -> AsyncIterator[None]:
    """Hand traces on while the console runs, where a collector is named."""
    if traces.store is None or not any(os.environ.get(name) for name in COLLECTOR):
        yield
        return
    # Loaded by who wants it: it takes half a second, and 20 MB.
    from local_cloud.console.otlp import OtlpExport

    export = OtlpExport(traces, traces.store.folder)
    task = keep_running(export.run, "the export of traces")
    try:
        yield
    finally:
        task.cancel()


def _error(status: int, code: str, message: str) -> Response:
    return JSONResponse(
        {"__type": code, "message": message},
        status,
        headers={"x-amzn-errortype": code},
        media_type="application/x-amz-json-1.0",
    )
