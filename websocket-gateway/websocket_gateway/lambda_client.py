"""Invokes functions at ``LAMBDA_ENDPOINT``: the kit's own, ``sam local``, or any like it."""

from __future__ import annotations

import asyncio
import json
from urllib.parse import quote

from websocket_gateway.http1 import ConnectionFailed, HttpClient


class IntegrationFailed(Exception):
    """The function failed, is not there, or its endpoint does not answer."""


class IntegrationTimedOut(Exception):
    """The function took longer than its integration allows."""


class LambdaClient:
    """Synchronous invocations over kept-alive connections.

    Args:
        endpoint: ``http://host:port`` of a Lambda Invoke API.
    """

    def __init__(self, endpoint: str) -> None:
        self.endpoint = endpoint
        self.http = HttpClient(endpoint)

    async def invoke(self, function: str, event: object, timeout: float) -> bytes:
        """Return a function's answer.

        Args:
            timeout: seconds.

        Raises:
            IntegrationFailed: says what went wrong.
            IntegrationTimedOut: no answer in time.
        """
        target = f"/2015-03-31/functions/{quote(function)}/invocations"
        try:
            async with asyncio.timeout(timeout):
                response = await self.http.request(
                    "POST",
                    target,
                    json.dumps(event, separators=(",", ":")).encode(),
                    {"Content-Type": "application/json"},
                )
        except TimeoutError as error:
            raise IntegrationTimedOut(f"{function} took longer than {timeout:g} s") from error
        except ConnectionFailed as error:
            raise IntegrationFailed(
                f"the Lambda endpoint {self.endpoint} does not answer ({error}); is it running? "
                "(./local-cloud up, or: cd lambdas && sam local start-lambda)"
            ) from error
        if response.status != 200:
            raise IntegrationFailed(
                f"{function}: {response.status} {response.body[:500].decode(errors='replace')}"
            )
        if "x-amz-function-error" in response.headers:
            raise IntegrationFailed(
                f"{function} failed: {response.body[:500].decode(errors='replace')}"
            )
        return response.body
