"""The ``@connections`` API: post to a client, describe it, close it.

https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-how-to-call-websocket-api-connections.html
"""

from __future__ import annotations

import time

from local_aws.http_message import Request, Response
from websocket_gateway.core.address import Address
from websocket_gateway.core.connection import is_connection_id
from websocket_gateway.core.faults import NONE
from websocket_gateway.core.gateway import Gateway
from websocket_gateway.core.replies import error, json_reply

PREFIX = "@connections/"


async def answer(gateway: Gateway, request: Request, address: Address, name: str) -> Response:
    """Answer a request for a connection.

    Args:
        name: the connection's id, as the path says it.
    """
    if not request.headers.get("authorization", "").startswith("AWS4-HMAC-SHA256 "):
        return error(403, "MissingAuthenticationTokenException", "Missing Authentication Token")
    if not is_connection_id(name):
        return error(400, "BadRequestException", f"Invalid connectionId: {name}")
    if request.method == "POST" and len(request.body) > gateway.limits.message:
        return error(413, "PayloadTooLargeException", "Payload too large")
    strike = NONE
    if gateway.faults is not None and request.method == "POST":
        strike = gateway.faults.strike("post", "@connections")
        if strike.delay:
            await gateway.backend.sleep(strike.delay)
        if strike.fail:
            status = strike.status or 500
            if status == 410:
                return error(410, "GoneException", "Gone")
            return error(status, "InternalServerError", "Internal server error")
    client = gateway.clients.get(name)
    here = (address.api.api_id, address.stage.name)
    if client is None or (client.connection.api_id, client.connection.stage) != here:
        return error(410, "GoneException", "Gone")
    match request.method:
        case "POST":
            text = request.body.decode("utf-8", "replace")
            for _ in range(0 if strike.drop else 2 if strike.duplicate else 1):
                gateway.send(client, text)
            client.connection.last_active_at = time.time_ns() // 1_000_000
            return Response(200)
        case "GET":
            return json_reply(200, client.connection.describe())
        case "DELETE":
            client.close(1000, "Connection Closed Normally")
            return Response(204)
    return error(403, "ForbiddenException", "Forbidden")
