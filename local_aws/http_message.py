"""HTTP requests and responses as plain data."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field


@dataclass(slots=True)
class Request:
    """An HTTP request. Header names are lower case; a repeated header is joined with commas."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes = b""
    header_list: list[tuple[str, str]] = field(default_factory=list)

    @property
    def path(self) -> str:
        return self.target.partition("?")[0]

    @property
    def query(self) -> str:
        return self.target.partition("?")[2]


@dataclass(slots=True)
class Response:
    """An HTTP response; ``headers`` are sent as they are written, ``Content-Length`` is added.

    One with ``chunks`` has these for its body, each sent as it comes.
    """

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    chunks: AsyncIterator[bytes] | None = None


def forbidden(message: str) -> Response:
    """Return a 403 as the AWS SDKs read it."""
    headers = {"Content-Type": "application/json", "X-Amzn-ErrorType": "AccessDeniedException"}
    return Response(403, json.dumps({"message": message}).encode(), headers)
