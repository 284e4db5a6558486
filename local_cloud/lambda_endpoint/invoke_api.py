"""The Lambda API: Invoke, ListFunctions, GetFunction, GetFunctionConfiguration.

``PUT`` and ``DELETE /_functions/NAME/VERSION/REVISION`` are the kit's own: by them the engine,
where functions are created, says what runs here beside the template's functions.

https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html
"""

from __future__ import annotations

import asyncio
import base64
import json
import logging
import re
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from urllib.parse import unquote

from local_aws.account import ACCOUNT_ID
from local_aws.background import start_task
from local_aws.fair_share import FairQueue
from local_aws.http_message import Request, Response
from local_aws.json_text import loads
from local_aws.random_bytes import new_uuid
from local_aws.traces import HEADER, Traces, header_in
from local_cloud.lambda_endpoint.capacity import CONCURRENT_EXECUTIONS, TooManyRequests
from local_cloud.lambda_endpoint.debug_api import PATH as DEBUG
from local_cloud.lambda_endpoint.debug_api import DebugApi
from local_cloud.lambda_endpoint.execution_environment import (
    Invocation,
    error_outcome,
)
from local_cloud.lambda_endpoint.function_pool import FunctionPool
from local_cloud.lambda_endpoint.functions import Function
from local_cloud.lambda_endpoint.packages import InstallError
from local_cloud.lambda_endpoint.registry import Registry
from local_cloud.lambda_endpoint.runtime_api import MAX_PAYLOAD_BYTES
from local_cloud.lambda_endpoint.streaming import log_result, stream
from local_cloud.lambda_endpoint.tracing import submit

LOG = logging.getLogger(__name__)

FUNCTIONS = "/2015-03-31/functions"
STREAMING = "/2021-11-15/functions/"
REGISTRY = "/_functions/"
#: ``PUT /_functions/NAME/concurrency`` tells how many executions are reserved for a function.
CONCURRENCY = "concurrency"
#: ``GET /_invocations/FUNCTION/REQUEST_ID`` tells how long one has run.
INVOCATIONS = "/_invocations/"
#: Which names the request that the engine passes on.
REQUEST_ID, INVOKED_ARN = "x-kit-request-id", "x-kit-invoked-arn"
MAX_EVENT_BYTES = 1024 * 1024
# Lambda tries a failed asynchronous invocation twice more, after 1 and 2 minutes. The waits are
# shorter here, so that a developer sees the retries.
EVENT_RETRY_SECONDS = (1.0, 2.0)
# One that is throttled is tried for six hours, in the end every five minutes.
# https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html
EVENT_SECONDS, EVENT_MOST_SECONDS = 6 * 60 * 60.0, 5 * 60.0
MOST_EVENT_BYTES = 256 << 20
_EVENTS_FULL = (
    f"{MOST_EVENT_BYTES >> 20} MB of asynchronous invocations wait for their functions. "
    "Try again when some have run"
)
# name, partial ARN or ARN, each with a qualifier or without
_FUNCTION_NAME = re.compile(
    r"^(?:arn:aws[\w-]*:lambda:)?(?:[a-z]{2}[\w-]*-\d:)?(?:\d{12}:)?(?:function:)?"
    r"(?P<name>[\w-]{1,64})(?::(?P<qualifier>\$LATEST|[\w-]+))?$"
)

#: JSON has them between its tokens only, where they mean what a space does.
_CONTROLS = re.compile(r"[\x00-\x1f\x7f]")


class InvokeApi:
    """Answers Lambda API requests from the function pools.

    Args:
        refresh: called before each request, so that a changed template takes effect on it.
        why_not: returns why a function that the template has does not run here.
        registry: the versions that the engine has registered.
        configured: returns what to wait for before a function of the template runs, if anything.
        debug: answers for the functions that are debugged.
    """

    def __init__(
        self,
        pools: Mapping[str, FunctionPool],
        refresh: Callable[[], None] = lambda: None,
        why_not: Callable[[str], str | None] = lambda name: None,
        registry: Registry | None = None,
        debug: DebugApi | None = None,
        traces: Traces | None = None,
        configured: Callable[[], Awaitable[None] | None] = lambda: None,
    ) -> None:
        self.traces = traces
        self.configured = configured
        self.debug = debug
        self.pools = pools
        self.registry = registry
        self.refresh = refresh
        self.why_not = why_not
        self.events: set[asyncio.Task[None]] = set()
        #: The bytes of those that are not done, and which of them run.
        self.event_bytes = 0
        self.event_places = FairQueue(CONCURRENT_EXECUTIONS // 2)

    async def __call__(self, request: Request) -> Response:
        path = unquote(request.path).rstrip("/")
        if path == "/health":
            return _json(200, {"status": "ok", "functions": sorted(self.pools)})
        if path.endswith("invocations") and (wait := self.configured()) is not None:
            await wait
        self.refresh()
        if path.startswith(DEBUG) and self.debug is not None:
            return await self.debug(path.removeprefix(DEBUG).lstrip("/"), request)
        if path.startswith(REGISTRY) and self.registry is not None:
            return await self._register(path.removeprefix(REGISTRY), request)
        if path.startswith(INVOCATIONS):
            return self._progress(*path.removeprefix(INVOCATIONS).rsplit("/", 1))
        if path.startswith(STREAMING):
            pool_or_error = self._find(path[len(STREAMING) :].partition("/")[0], request.query)
            if isinstance(pool_or_error, Response):
                return pool_or_error
            return self._stream(pool_or_error, request)
        if not path.startswith(FUNCTIONS):
            return _error(404, "ResourceNotFoundException", f"No API at {request.path}")
        rest = path[len(FUNCTIONS) :].lstrip("/")
        if not rest and request.method == "GET":
            return _json(
                200, {"Functions": [configuration(p.function) for p in self.pools.values()]}
            )
        identifier, _, action = rest.partition("/")
        pool_or_error = self._find(identifier, request.query)
        if isinstance(pool_or_error, Response):
            return pool_or_error
        match request.method, action:
            case "POST", "invocations":
                return await self._invoke(pool_or_error, request)
            case "GET", "":
                return _json(200, description(pool_or_error.function))
            case "GET", "configuration":
                return _json(200, configuration(pool_or_error.function))
        return _error(
            501,
            "NotImplementedException",
            "This endpoint answers Invoke, ListFunctions, GetFunction and "
            "GetFunctionConfiguration; the template declares everything else.",
        )

    async def _register(self, identifier: str, request: Request) -> Response:
        assert self.registry is not None
        name, version, revision = (*identifier.split("/"), "", "")[:3]
        try:
            match request.method:
                case "PUT" if version == CONCURRENCY:
                    self.registry.reserve(name, loads(request.body)["reserved"])
                case "PUT":
                    await self.registry.put(name, version, revision, request.body)
                case "DELETE":
                    await self.registry.delete(name, version, revision)
                case _:
                    return _error(405, "NotImplementedException", "PUT or DELETE a version")
        except (ValueError, KeyError, TypeError) as error:
            return _error(400, "ValidationException", f"That is no function: {error!r}")
        except (InstallError, OSError) as error:
            return _error(502, "InvalidRuntimeException", str(error))
        return Response(204)

    def _find(self, identifier: str, query: str) -> FunctionPool | Response:
        match = _FUNCTION_NAME.match(identifier)
        if match is None:
            return _error(400, "ValidationException", f"{identifier!r} is no function name")
        qualifier = match["qualifier"] or dict(
            pair.partition("=")[::2] for pair in query.split("&")
        ).get("Qualifier", "$LATEST")
        qualifier = unquote(qualifier)
        if (why := self.why_not(match["name"])) is not None:
            return _error(502, "InvalidRuntimeException", why)
        if self.registry is not None and (made := self.registry.find(match["name"], qualifier)):
            return made
        pool = self.pools.get(match["name"])
        if pool is None or qualifier != "$LATEST":
            region = next(iter(self.pools.values())).function.region if self.pools else "us-east-1"
            arn = f"arn:aws:lambda:{region}:{ACCOUNT_ID}:function:{match['name']}"
            if qualifier != "$LATEST":
                arn += f":{qualifier}"
            return _error(404, "ResourceNotFoundException", f"Function not found: {arn}")
        return pool

    def _stream(self, pool: FunctionPool, request: Request) -> Response:
        """Answer InvokeWithResponseStream: what the function writes, as it writes it."""
        if (refused := _refused(request.body, MAX_PAYLOAD_BYTES)) is not None:
            return refused
        invocation = _invocation(request)
        headers = {
            "Content-Type": "application/vnd.amazon.eventstream",
            "X-Amzn-RequestId": invocation.request_id,
            "X-Amz-Executed-Version": pool.function.version,
        }
        tail = request.headers.get("x-amz-log-type") == "Tail"
        try:
            events = stream(pool, invocation, self.traces, tail=tail)
        except TooManyRequests as error:
            return _throttled(error)
        return Response(200, b"", headers, events)

    def _progress(self, identifier: str, request_id: str = "") -> Response:
        """Tell how many seconds an invocation has run: none while it waits for a worker."""
        pool = self._find(identifier, "")
        if isinstance(pool, Response):
            return pool
        seconds = pool.seconds_of(request_id)
        if seconds is None:
            return _error(404, "ResourceNotFoundException", f"No invocation {request_id} is here")
        return _json(200, {"seconds": seconds})

    async def _invoke(self, pool: FunctionPool, request: Request) -> Response:
        kind = request.headers.get("x-amz-invocation-type", "RequestResponse")
        if kind not in ("RequestResponse", "Event", "DryRun"):
            return _error(
                400, "InvalidParameterValueException", f"InvocationType {kind} is not known"
            )
        limit = MAX_EVENT_BYTES if kind == "Event" else MAX_PAYLOAD_BYTES
        if (refused := _refused(request.body, limit)) is not None:
            return refused
        if kind == "DryRun":
            return Response(204)
        invocation = _invocation(request)
        headers = {
            "Content-Type": "application/json",
            "X-Amzn-RequestId": invocation.request_id,
            "X-Amz-Executed-Version": pool.function.version,
        }
        if kind == "Event":
            if self.event_bytes + len(invocation.payload) > MOST_EVENT_BYTES:
                return _error(500, "ServiceException", _EVENTS_FULL)
            task = start_task(self._run_event(pool, invocation), "an event")
            self.events.add(task)
            task.add_done_callback(self.events.discard)
            return Response(202, b"", headers)
        try:
            outcome = await submit(pool, invocation, self.traces)
        except TooManyRequests as error:
            return _throttled(error)
        except (InstallError, OSError) as error:
            outcome = error_outcome("Runtime.InstallError", str(error))
        if self.traces is not None and invocation.trace_id is not None:
            headers[HEADER] = invocation.trace_id
        if outcome.function_error is not None:
            headers["X-Amz-Function-Error"] = outcome.function_error
        if request.headers.get("x-amz-log-type") == "Tail":
            headers["X-Amz-Log-Result"] = log_result(invocation)
        return Response(200, outcome.payload, headers)

    async def _run_event(self, pool: FunctionPool, invocation: Invocation) -> None:
        size = len(invocation.payload)
        self.event_bytes += size
        try:
            for pause in (*EVENT_RETRY_SECONDS, None):
                if await self._try_event(pool, invocation):
                    return
                if pause is not None:
                    await asyncio.sleep(pause)
        finally:
            self.event_bytes -= size
        LOG.warning(
            "event %s for %s failed after every retry and is dropped",
            invocation.request_id,
            pool.function.name,
        )

    async def _try_event(self, pool: FunctionPool, invocation: Invocation) -> bool:
        """Return whether it has run; that it was throttled is no try, as on AWS."""
        loop, name = asyncio.get_running_loop(), pool.function.name
        pause, until = EVENT_RETRY_SECONDS[0], loop.time() + EVENT_SECONDS
        while True:
            if (turn := self.event_places.take(name)) is not None:
                await self.event_places.wait(name, turn)
            try:
                outcome = await submit(pool, invocation, self.traces)
            except (InstallError, OSError) as error:
                LOG.warning("event for %s: %r", name, error)
                return False
            except TooManyRequests:
                if loop.time() > until:
                    return False
            else:
                return outcome.function_error is None
            finally:
                self.event_places.give_back(name)
            await asyncio.sleep(pause)
            pause = min(2 * pause, EVENT_MOST_SECONDS)


def configuration(function: Function) -> dict[str, object]:
    """Return a function as ``FunctionConfiguration`` describes it."""
    modified = datetime.fromtimestamp(function.configured_at / 1e9, UTC)
    return {
        "FunctionName": function.name,
        "FunctionArn": function.arn,
        "Runtime": function.runtime,
        "Role": f"arn:aws:iam::{ACCOUNT_ID}:role/{function.name}",
        "Handler": function.handler,
        "CodeSize": sum(f.stat().st_size for f in function.code.rglob("*") if f.is_file()),
        "Description": function.description,
        "Timeout": function.timeout,
        "MemorySize": function.memory,
        "LastModified": modified.strftime("%Y-%m-%dT%H:%M:%S.000+0000"),
        "Version": function.version,
        "Environment": {"Variables": dict(function.environment)},
        "PackageType": "Zip",
        "Architectures": ["x86_64"],
        "State": "Active",
        "LastUpdateStatus": "Successful",
        "LoggingConfig": {"LogFormat": "Text", "LogGroup": function.log_group},
    }


def description(function: Function) -> dict[str, object]:
    """Return a function as ``GetFunction`` describes it."""
    described: dict[str, object] = {
        "Configuration": configuration(function),
        "Code": {"RepositoryType": "File", "Location": function.code.as_uri()},
        "Tags": {},
    }
    if function.reserved_concurrency is not None:
        described["Concurrency"] = {"ReservedConcurrentExecutions": function.reserved_concurrency}
    return described


def _refused(payload: bytes, limit: int) -> Response | None:
    """Return why a payload is none that Lambda takes."""
    if len(payload) > limit:
        return _error(
            413,
            "RequestTooLargeException",
            f"Request must be smaller than {limit} bytes for the InvokeFunction operation",
        )
    try:
        loads(payload or b"{}")
    except ValueError as error:
        return _error(
            400,
            "InvalidRequestContentException",
            f"Could not parse request body into json: {error}",
        )
    return None


def _invocation(request: Request) -> Invocation:
    trace = header_in(request.headers)
    return Invocation(
        request.headers.get(REQUEST_ID) or new_uuid(),
        request.body or b"{}",
        _client_context(request.headers.get("x-amz-client-context")),
        request.headers.get(INVOKED_ARN),
        trace,
        trace,
        wants_tail=request.headers.get("x-amz-log-type") == "Tail",
    )


def _client_context(header: str | None) -> str | None:
    """Return a client context in one line, as a worker gets it in a header."""
    if not header:
        return None
    try:
        return _CONTROLS.sub(" ", base64.b64decode(header, validate=True).decode())
    except ValueError:
        return None


def _throttled(error: TooManyRequests) -> Response:
    more = {"Reason": error.reason}
    return _error(429, "TooManyRequestsException", str(error), more)


def _json(status: int, body: object) -> Response:
    return Response(status, json.dumps(body).encode(), {"Content-Type": "application/json"})


def _error(status: int, code: str, message: str, more: Mapping[str, str] | None = None) -> Response:
    kind = "User" if status < 500 else "Service"
    body = {"Type": kind, "Message": message, "message": message, **(more or {})}
    return Response(
        status,
        json.dumps(body).encode(),
        {
            "Content-Type": "application/json",
            "X-Amzn-ErrorType": code,
            "X-Amzn-RequestId": new_uuid(),
        },
    )
