"""InvokeWithResponseStream: events in AWS's binary form, as the function writes.

https://docs.aws.amazon.com/lambda/latest/api/API_InvokeWithResponseStream.html
"""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator

from local_aws.event_stream import event
from local_aws.json_text import loads
from local_aws.traces import Traces
from local_cloud.lambda_endpoint.capacity import TooManyRequests
from local_cloud.lambda_endpoint.execution_environment import Invocation, Outcome, error_outcome
from local_cloud.lambda_endpoint.function_pool import FunctionPool
from local_cloud.lambda_endpoint.packages import InstallError
from local_cloud.lambda_endpoint.tracing import submit

MAX_STREAM_BYTES = 200 * 1024 * 1024
LOG_TAIL_BYTES = 4096


def log_result(invocation: Invocation) -> str:
    """Return the last lines that an invocation wrote, as the API tells them."""
    tail = "".join(f"{line}\n" for line in invocation.log_tail).encode()
    return base64.b64encode(tail[-LOG_TAIL_BYTES:]).decode()


def stream(
    pool: FunctionPool, invocation: Invocation, traces: Traces | None, *, tail: bool
) -> AsyncIterator[bytes]:
    """Run an invocation, and return its events.

    Args:
        tail: whether the last event carries the last lines of the log.

    Raises:
        TooManyRequests: it does not run.
    """
    pieces: asyncio.Queue[bytes | None] = asyncio.Queue()
    taken = 0

    def take(piece: bytes) -> None:
        nonlocal taken
        if taken <= MAX_STREAM_BYTES:  # the one that is too much tells of it
            taken += len(piece)
            pieces.put_nowait(piece)

    invocation.sink = take
    run = submit(pool, invocation, traces)
    if run.done() and isinstance(refused := run.exception(), TooManyRequests):
        raise refused
    run.add_done_callback(lambda _: pieces.put_nowait(None))
    return _events(run, pieces, invocation, tail=tail)


async def _events(
    run: asyncio.Future[Outcome],
    pieces: asyncio.Queue[bytes | None],
    invocation: Invocation,
    *,
    tail: bool,
) -> AsyncIterator[bytes]:
    sent = 0
    while (piece := await pieces.get()) is not None:
        sent += len(piece)
        if sent <= MAX_STREAM_BYTES:
            yield event("PayloadChunk", piece, "application/octet-stream")
    outcome = _outcome(run)
    if outcome.function_error is None and outcome.payload and not sent:
        # A function that does not stream answers at once.
        yield event("PayloadChunk", outcome.payload, "application/octet-stream")
    done: dict[str, str] = {}
    if sent > MAX_STREAM_BYTES:
        done = {"ErrorCode": "Function.ResponseSizeTooLarge", "ErrorDetails": ""}
    elif outcome.function_error is not None:
        done = {"ErrorCode": _type(outcome), "ErrorDetails": outcome.payload.decode()}
    if tail:
        done["LogResult"] = log_result(invocation)
    yield event("InvokeComplete", json.dumps(done).encode(), "application/json")


def _outcome(run: asyncio.Future[Outcome]) -> Outcome:
    try:
        return run.result()
    except (InstallError, OSError) as error:
        return error_outcome("Runtime.InstallError", str(error))


def _type(outcome: Outcome) -> str:
    try:
        return str(loads(outcome.payload)["errorType"])
    except (ValueError, KeyError, TypeError):
        return outcome.function_error or "Unhandled"
