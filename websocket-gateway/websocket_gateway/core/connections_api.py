"""The ``@connections`` API: post to a client, describe it, close it.

https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-how-to-call-websocket-api-connections.html
"""

from __future__ import annotations

from local_aws.http_message import Request, Response
from websocket_gateway.core.address import Address
from websocket_gateway.core.connection import is_connection_id
from websocket_gateway.core.gateway import Gateway, PostFailed
from websocket_gateway.core.replies import error, json_reply
from websocket_gateway.core.signature import is_signed

PREFIX = "@connections/"


async def answer(gateway: Gateway, request: Request, address: Address, name: str) -> Response:
    """Answer a request for a connection.

    Args:
        name: the connection's id, as the path says it.
    """
    if not is_signed(request.headers):
        return error(403, "MissingAuthenticationTokenException", "Missing Authentication Token")
    if not is_connection_id(name):
        return error(400, "BadRequestException", f"Invalid connectionId: {name}")
    if request.method == "POST" and len(request.body) > gateway.limits.message:
        return error(413, "PayloadTooLargeException", "Payload too large")
    client = gateway.clients.get(name)
    here = (address.api.api_id, address.stage.name)
    if client is None or (client.connection.api_id, client.connection.stage) != here:
        return error(410, "GoneException", "Gone")
    match request.method:
        case "POST":
            try:
                await gateway.post(client, request.body.decode("utf-8", "replace"))
            except PostFailed as failed:
                if failed.status == 410:
                    return error(410, "GoneException", "Gone")
                return error(failed.status, "InternalServerError", "Internal server error")
            return Response(200)
        case "GET":
            return json_reply(200, client.connection.describe())
        case "DELETE":
            client.close(1000, "Connection Closed Normally")
            return Response(204)
    return error(403, "ForbiddenException", "Forbidden")
