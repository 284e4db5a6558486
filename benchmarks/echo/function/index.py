"""Answers a message with itself."""

from typing import Any


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Return the message's body as the route's response."""
    return {"statusCode": 200, "body": event["body"]}
