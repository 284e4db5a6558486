"""What stands behind the routes, over the network: Lambda, AWS services, HTTP, log groups."""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import time
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any
from urllib.parse import quote

from local_aws.aws_api import AwsApi, EngineAway
from local_aws.credentials import SignedRequest
from local_aws.fair_share import FairQueue
from local_aws.heads import InvalidHead
from local_aws.http1 import ConnectionFailed, HttpClient
from local_aws.http_message import Response
from local_aws.lean_httpx import httpx
from local_aws.log_delivery import LogDelivery
from local_aws.printable import printable_line
from local_aws.random_bytes import new_uuid
from local_aws.traces import HEADER, Traces, current, note_invocation, w3c_of
from websocket_gateway.core.backend import (
    HttpAnswer,
    IntegrationFailed,
    IntegrationTimedOut,
    ServiceCall,
)
from websocket_gateway.patience import PatientTimeout

# Lambda's own limit; that of an integration ends before.
MAX_SECONDS = 15 * 60
#: Invocations at the endpoint at once: fewer than an account may have, so that others can, too.
MOST_INVOCATIONS = 800
#: By which the kit's own endpoint can be asked for an invocation.
REQUEST_ID = "x-kit-request-id"


class NetworkBackend:
    """Lambda at an Invoke API (the kit's own, ``sam local``, or any like it), and HTTP.

    Args:
        lambda_endpoint: ``http://host:port``.
        logs: where access logs go, beside the terminal.
        engine: what answers for the other AWS services.
        traces: where an invocation is written that the endpoint does not write itself.
    """

    def __init__(
        self,
        lambda_endpoint: str,
        logs: LogDelivery | None = None,
        engine: AwsApi | None = None,
        traces: Traces | None = None,
    ) -> None:
        self.traces = traces
        self.enforces = os.environ.get("PERMISSIONS") == "enforce"
        self.endpoint = lambda_endpoint
        self.engine = engine
        self.functions = HttpClient(lambda_endpoint)
        #: Of the invocations at the endpoint; the others wait here, and their time has not begun.
        self.places = FairQueue(MOST_INVOCATIONS)
        self.logs = logs
        self.log_stream = f"{time.strftime('%Y/%m/%d', time.gmtime())}/{secrets.token_hex(8)}"
        self._http: httpx.AsyncClient | None = None

    async def invoke(self, function: str, payload: bytes, timeout: float) -> bytes:
        """Return a function's answer; see :class:`websocket_gateway.core.backend.Backend`."""
        if (turn := self.places.take(function)) is not None:
            await self.places.wait(function, turn)
        try:
            return await self._invoke_now(function, payload, timeout)
        finally:
            self.places.give_back(function)

    async def _invoke_now(self, function: str, payload: bytes, timeout: float) -> bytes:
        target = f"/2015-03-31/functions/{quote(function)}/invocations"
        request_id = new_uuid()
        began = time.time()
        try:
            async with PatientTimeout(
                timeout, lambda: self._seconds_left(function, request_id, timeout)
            ):
                response = await self._invoke(target, payload, request_id)
        except TimeoutError as error:
            raise IntegrationTimedOut(f"{function} took longer than {timeout:g} s") from error
        except EngineAway as error:
            raise IntegrationFailed(f"{function}: {error}") from error
        except ConnectionFailed as error:
            raise IntegrationFailed(
                f"the Lambda endpoint {self.endpoint} does not answer ({error}); is it running? "
                "(./local-cloud up, or: cd lambdas && sam local start-lambda)"
            ) from error
        if response.status != 200:
            raise IntegrationFailed(
                f"{function}: {response.status} {response.body[:500].decode(errors='replace')}"
            )
        failed = "x-amz-function-error" in response.headers
        if self.traces is not None and HEADER.lower() not in response.headers:
            note_invocation(
                *(self.traces, function, current.get(), began, payload, response.body),
                failed=failed,
            )
        if failed:
            raise IntegrationFailed(
                f"{function} failed: {response.body[:500].decode(errors='replace')}"
            )
        return response.body

    async def _invoke(self, target: str, payload: bytes, request_id: str) -> Response:
        headers = {"Content-Type": "application/json", REQUEST_ID: request_id}
        if (trace := current.get()) is not None:
            headers[HEADER] = trace
        response = await self.functions.request("POST", target, payload, headers)
        if response.status != 404 or self.engine is None:
            return response
        # SAM runs the functions of its template; those that the Lambda API made the engine knows.
        return await self.engine.send(
            "lambda", "POST", target, payload, headers, seconds=MAX_SECONDS
        )

    async def _seconds_left(self, function: str, request_id: str, timeout: float) -> float:
        """Return how much of its time an invocation has left; all while a debugger is attached.

        It has not begun before the endpoint has given it to a worker.
        """
        place = f"/_invocations/{quote(function)}/{request_id}"
        debugged, progress = await asyncio.gather(self._told("/_debug"), self._told(place))
        found = debugged.get(function)
        if isinstance(found, dict) and found.get("attached") is True:
            return timeout
        seconds = progress.get("seconds")
        return timeout - seconds if isinstance(seconds, int | float) else 0.0

    async def _told(self, path: str) -> dict[str, Any]:
        """Return what the kit's own endpoint tells; nothing where it is another's, as SAM's."""
        try:
            answer = await self.functions.request("GET", path)
            told = json.loads(answer.body) if answer.status == 200 else None
        except (ConnectionFailed, ValueError):
            return {}
        return told if isinstance(told, dict) else {}

    async def request(
        self, method: str, url: str, headers: Mapping[str, str], body: str, timeout: float
    ) -> HttpAnswer:
        """Return an HTTP endpoint's answer; see :class:`websocket_gateway.core.backend.Backend`."""
        if self._http is None:
            self._http = httpx.AsyncClient()
        trace = current.get()
        place = {HEADER: trace, **w3c_of(trace)} if trace is not None else {}
        sent = [(n.encode(), v.encode("latin-1")) for n, v in {**headers, **place}.items()]
        try:
            answer = await self._http.request(
                method, url, headers=sent, content=body, timeout=timeout
            )
        except httpx.TimeoutException as error:
            raise IntegrationTimedOut(f"{url} took longer than {timeout:g} s") from error
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise IntegrationFailed(f"{url}: {error or type(error).__name__}") from error
        return HttpAnswer(answer.status_code, answer.text, dict(answer.headers))

    async def call(self, call: ServiceCall, timeout: float) -> HttpAnswer:
        """Return an AWS service's answer; see :class:`websocket_gateway.core.backend.Backend`."""
        if self.engine is None:
            raise IntegrationFailed(
                f"{call.service} is asked of an engine, and none is named: set AWS_ENDPOINT_URL, "
                "or start one (./local-cloud up)"
            )
        trace = current.get()
        try:
            answer = await self.engine.send(
                call.service,
                call.method,
                call.target,
                call.body,
                call.headers if trace is None else {**call.headers, HEADER: trace},
                region=call.region,
                seconds=timeout,
            )
        except InvalidHead as error:
            raise IntegrationFailed(f"{call.service}: {error}") from error
        except EngineAway as error:
            if isinstance(error.__cause__, TimeoutError):
                words = f"{call.service} took longer than {timeout:g} s"
                raise IntegrationTimedOut(words) from error
            raise IntegrationFailed(f"{call.service}: {error}") from error
        return HttpAnswer(answer.status, answer.body.decode(errors="replace"), dict(answer.headers))

    async def refusal(self, request: SignedRequest) -> str | None:
        """Ask the engine; see :class:`.core.backend.Backend`."""
        if self.engine is None:
            raise IntegrationFailed("permissions are enforced, and no AWS_ENDPOINT_URL is named")
        body = json.dumps(asdict(request)).encode()
        try:
            answer = await self.engine.send("execute-api", "POST", "/_permissions/signed", body, {})
        except EngineAway as error:
            raise IntegrationFailed(f"the engine does not tell who may: {error}") from error
        if answer.status != 200:
            raise IntegrationFailed(f"the engine does not tell who may: {answer.status}")
        refused: str | None = json.loads(answer.body)["refused"]
        return refused

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    def now(self) -> int:
        return time.time_ns() // 1_000_000

    def steady(self) -> float:
        return time.monotonic()

    def log_access(self, group: str | None, line: str) -> None:
        print(printable_line(line), flush=True)
        if self.logs is not None and group is not None:
            self.logs.write(group, self.log_stream, line)
