"""What a Lambda function's answer to the gateway means.

https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-websocket-api-route-response.html
"""

from __future__ import annotations

import base64
from typing import NamedTuple

import orjson

from local_aws.heads import InvalidHead, check_headers


class ProxyResponse(NamedTuple):
    """A function's answer. Header names are lower case."""

    status: int
    headers: dict[str, str]
    body: str | None

    @property
    def accepts(self) -> bool:
        """Whether a ``$connect`` integration lets the client in."""
        return 200 <= self.status < 300


def parse_proxy_response(payload: bytes) -> ProxyResponse | None:
    """Read a function's answer; ``None`` when it is not one that API Gateway can use."""
    try:
        answer = orjson.loads(payload)
    except ValueError:
        return None
    if not isinstance(answer, dict):
        return None
    status = answer.get("statusCode")
    if isinstance(status, str) and status.isdecimal():
        status = int(status)
    if not isinstance(status, int) or isinstance(status, bool) or not 100 <= status <= 599:
        return None
    headers = answer.get("headers") or {}
    if not isinstance(headers, dict):
        return None
    body = answer.get("body")
    if body is not None and not isinstance(body, str):
        body = orjson.dumps(body).decode()
    if body is not None and answer.get("isBase64Encoded") is True:
        try:
            body = base64.b64decode(body, validate=True).decode()
        except ValueError:
            return None
    named = {str(k).lower(): str(v) for k, v in headers.items()} if headers else {}
    try:
        check_headers(named.items())
    except InvalidHead:
        return None
    return ProxyResponse(status, named, body)
