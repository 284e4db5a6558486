"""A few AWS calls over the kit's own HTTP client: an SDK would double a small process's memory."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from typing import Protocol

from local_aws.account import REGION
from local_aws.http1 import ConnectionFailed, HttpClient
from local_aws.http_message import Response

ANSWER_SECONDS = 10.0


class EngineAway(ConnectionError):
    """The engine cannot be reached, or does not answer in time; another try may succeed."""


def authorization(service: str, region: str = REGION) -> str:
    """Return what signs a call: the engine looks at whose request it is, not at the signature.

    Args:
        service: the name that signatures carry, such as ``logs``.
    """
    scope = f"{time.strftime('%Y%m%d', time.gmtime())}/{region}/{service}/aws4_request"
    return f"AWS4-HMAC-SHA256 Credential=test/{scope}, SignedHeaders=host, Signature=0"


class Api(Protocol):
    """What deliveries ask of :class:`AwsApi`."""

    async def post(self, service: str, body: bytes, headers: dict[str, str]) -> Response: ...


class AwsApi:
    """Calls services of the engine.

    Args:
        endpoint: ``http://host:port``.
    """

    def __init__(self, endpoint: str) -> None:
        self.http = HttpClient(endpoint)

    async def post(self, service: str, body: bytes, headers: Mapping[str, str]) -> Response:
        """Send a call to ``POST /``; see :meth:`send`."""
        return await self.send(service, "POST", "/", body, headers)

    async def send(
        self,
        service: str,
        method: str,
        target: str,
        body: bytes,
        headers: Mapping[str, str],
        *,
        region: str = REGION,
        seconds: float = ANSWER_SECONDS,
    ) -> Response:
        """Send a call.

        Args:
            service: the name that signatures carry, such as ``logs``.
            seconds: how long to wait for the answer.

        Raises:
            EngineAway: there is no answer.
        """
        signature = authorization(service, region)
        try:
            async with asyncio.timeout(seconds):
                return await self.http.request(
                    method, target, body, {**headers, "Authorization": signature}
                )
        except (ConnectionFailed, TimeoutError) as error:
            raise EngineAway(str(error)) from error
