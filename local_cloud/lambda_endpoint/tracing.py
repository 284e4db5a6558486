"""The span of an invocation: how long it waited, started a worker and ran, and what came of it."""

from __future__ import annotations

import asyncio
import time
from functools import partial

from local_aws.redaction import shown
from local_aws.traces import Span, Traces
from local_cloud.lambda_endpoint.execution_environment import Invocation, Outcome
from local_cloud.lambda_endpoint.function_pool import FunctionPool


def submit(
    pool: FunctionPool, invocation: Invocation, traces: Traces | None
) -> asyncio.Future[Outcome]:
    """Run an invocation, of which a span is written; see :meth:`.FunctionPool.submit`."""
    if traces is None:
        return pool.submit(invocation)
    function = pool.function
    span = traces.begin(
        "invocation", function.name, invocation.cause, request_id=invocation.request_id
    )
    invocation.trace_id = span.header  # so that its calls are below it
    asked = time.perf_counter()
    future = pool.submit(invocation)
    loop = asyncio.get_running_loop()
    # Who called has the answer first.
    future.add_done_callback(
        lambda done: loop.call_soon(partial(_end, span, pool, invocation, asked, done))
    )
    return future


def _end(
    span: Span,
    pool: FunctionPool,
    invocation: Invocation,
    asked: float,
    done: asyncio.Future[Outcome],
) -> None:
    error, answer = None, b""
    if done.cancelled():
        error = "the endpoint has stopped"
    elif (failure := done.exception()) is not None:
        error = str(failure) or type(failure).__name__
    else:
        outcome = done.result()
        answer = outcome.payload
        if outcome.function_error is not None:
            error = shown(answer)
    details = {}
    if invocation.started:
        details["waited_ms"] = round((invocation.started - asked) * 1000, 3)
    if invocation.init_ms is not None:
        details["init_ms"] = round(invocation.init_ms, 3)
    span.end(
        error,
        **details,
        function=pool.function.name,
        version=pool.function.version,
        memory_mb=pool.function.memory,
        log_group=pool.function.log_group,
        log_stream=invocation.log_stream,
        request=shown(invocation.payload),
        response=shown(answer),
    )
