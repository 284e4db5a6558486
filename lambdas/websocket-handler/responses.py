"""The answers that go straight back to the caller, as the route's response."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from agent_common.errors import UserError

Fields = dict[str, Any]


def answer(fields: Fields | None, request: Fields) -> dict[str, Any]:
    """Return a route response with these fields, or one without a body for ``None``."""
    if fields is None:
        return {"statusCode": 200}
    return {"statusCode": 200, "body": json.dumps(_stamped(fields, request), default=_plain)}


def error_answer(error: UserError, request: Fields) -> dict[str, Any]:
    """Return a route response that tells the caller what was wrong."""
    fields: Fields = {"type": "error", "code": error.code, "message": error.message}
    if isinstance(request.get("analysisId"), str):
        fields["analysisId"] = request["analysisId"]
    return {"statusCode": 400, "body": json.dumps(_stamped(fields, request))}


def _stamped(fields: Fields, request: Fields) -> Fields:
    stamped = {**fields, "ts": datetime.now(UTC).isoformat(timespec="milliseconds")}
    if isinstance(request.get("requestId"), str):
        stamped["requestId"] = request["requestId"]
    return stamped


def _plain(value: object) -> object:
    return int(value)  # type: ignore[call-overload]  # DynamoDB's numbers are Decimals
