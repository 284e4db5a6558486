"""Functions are invoked as many at once as an account has, and each has all of its time."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from local_aws.hosts import AllowedHosts
from local_aws.http1 import HttpServerProtocol
from local_aws.http_message import Request, Response
from websocket_gateway.backend import MOST_INVOCATIONS, NetworkBackend
from websocket_gateway.core.backend import IntegrationTimedOut

TIMEOUT = 0.4


class Endpoint:
    """An Invoke API whose functions answer when they are let, and which tells how long one ran."""

    def __init__(self) -> None:
        self.let = asyncio.Event()
        self.invoked: list[str] = []
        self.asked: asyncio.Queue[str] = asyncio.Queue()
        #: What is told of an invocation, the last of it again and again.
        self.seconds: list[float | None] = [None]

    async def __call__(self, request: Request) -> Response:
        if request.path.startswith("/_invocations/"):
            await self.asked.put(request.path)
            seconds = self.seconds.pop(0) if len(self.seconds) > 1 else self.seconds[0]
            if seconds is None:
                return Response(404)
            return Response(200, json.dumps({"seconds": seconds}).encode())
        if request.method != "POST":
            return Response(404)
        self.invoked.append(request.body.decode())
        await self.let.wait()
        return Response(200, request.body)


def at_an_endpoint(use: Callable[[Endpoint, NetworkBackend], Awaitable[Any]]) -> Any:
    async def run() -> Any:
        endpoint = Endpoint()
        server = await asyncio.get_running_loop().create_server(
            lambda: HttpServerProtocol(endpoint, 1 << 20, AllowedHosts()),
            "127.0.0.1",
            0,
            backlog=1024,
        )
        port = server.sockets[0].getsockname()[1]
        backend = NetworkBackend(f"http://127.0.0.1:{port}")
        try:
            return await asyncio.wait_for(use(endpoint, backend), 60)
        finally:
            backend.functions.close()
            server.close()

    return asyncio.run(run())


def test_an_invocation_that_waits_for_a_worker_has_its_time_still_before_it() -> None:
    async def use(endpoint: Endpoint, backend: NetworkBackend) -> bytes:
        endpoint.seconds = [0.0]
        answer = asyncio.create_task(backend.invoke("f", b"1", TIMEOUT))
        for _ in range(4):  # longer than the time-out
            await endpoint.asked.get()
        endpoint.let.set()
        return await answer

    assert at_an_endpoint(use) == b"1"


def test_one_that_has_run_as_long_as_it_may_has_timed_out() -> None:
    async def use(endpoint: Endpoint, backend: NetworkBackend) -> int:
        endpoint.seconds = [0.0, TIMEOUT]
        with pytest.raises(IntegrationTimedOut):
            await backend.invoke("f", b"1", TIMEOUT)
        return endpoint.asked.qsize()

    assert at_an_endpoint(use) == 2


def test_an_endpoint_that_tells_nothing_has_the_time_that_was_said() -> None:
    async def use(endpoint: Endpoint, backend: NetworkBackend) -> None:
        with pytest.raises(IntegrationTimedOut):
            await backend.invoke("f", b"1", TIMEOUT)

    at_an_endpoint(use)


def test_more_than_an_account_may_have_wait_in_order_and_leave_room_for_other_functions() -> None:
    async def use(endpoint: Endpoint, backend: NetworkBackend) -> None:
        numbers = [b"%d" % number for number in range(2 * MOST_INVOCATIONS)]
        answers = asyncio.gather(*(backend.invoke("slow", one, 60) for one in numbers))
        other = asyncio.create_task(backend.invoke("other", b'"other"', 60))
        while '"other"' not in endpoint.invoked:  # noqa: ASYNC110 - the endpoint tells nobody
            await asyncio.sleep(0.005)
        assert len(endpoint.invoked) < MOST_INVOCATIONS
        endpoint.let.set()
        assert await other == b'"other"'
        assert await answers == numbers
        assert len(endpoint.invoked) == len(numbers) + 1

    at_an_endpoint(use)
