"""HTTP responses in AWS's JSON forms."""

from __future__ import annotations

import orjson

from local_aws.http_message import Response


def json_reply(status: int, body: object) -> Response:
    """Return a JSON document."""
    return Response(status, orjson.dumps(body), {"Content-Type": "application/json"})


def error(status: int, code: str, message: str) -> Response:
    """Return an error as the AWS SDKs read it."""
    body = orjson.dumps({"message": message})
    return Response(status, body, {"Content-Type": "application/json", "X-Amzn-ErrorType": code})
