"""The ``@connections`` API: post to a client, describe it, close it.

https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-how-to-call-websocket-api-connections.html
"""

from __future__ import annotations

import hashlib

from local_aws.account import ACCOUNT_ID, REGION
from local_aws.credentials import SignedRequest, session_key
from local_aws.http_message import Request, Response
from local_aws.redaction import shown
from local_aws.traces import header_in
from websocket_gateway.core.address import Address
from websocket_gateway.core.backend import IntegrationFailed
from websocket_gateway.core.connection import is_connection_id
from websocket_gateway.core.gateway import Client, Gateway, PostFailed
from websocket_gateway.core.replies import error, json_reply
from websocket_gateway.core.signature import as_signed, is_signed

PREFIX = "@connections/"


async def answer(gateway: Gateway, request: Request, address: Address, name: str) -> Response:
    """Answer a request for a connection.

    Args:
        name: the connection's id, as the path says it.
    """
    if not is_signed(request.headers):
        return error(403, "MissingAuthenticationTokenException", "Missing Authentication Token")
    if gateway.backend.enforces:
        refused = await _refusal(gateway, request, address, name)
        if refused is not None:
            return refused
    if not is_connection_id(name):
        return error(400, "BadRequestException", f"Invalid connectionId: {name}")
    if request.method == "POST" and len(request.body) > gateway.limits.message:
        return error(413, "PayloadTooLargeException", "Payload too large")
    client = gateway.clients.get(name)
    here = (address.api.api_id, address.stage.name)
    if client is not None and (client.connection.api_id, client.connection.stage) != here:
        client = None
    if request.method == "POST":
        return await _post(gateway, client, address, name, request)
    if client is None:
        return error(410, "GoneException", "Gone")
    match request.method:
        case "GET":
            return json_reply(200, client.connection.describe())
        case "DELETE":
            client.close(1000, "Connection Closed Normally")
            return Response(204)
    return error(403, "ForbiddenException", "Forbidden")


async def _refusal(
    gateway: Gateway, request: Request, address: Address, name: str
) -> Response | None:
    """Return the answer to somebody who may not do that.

    https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-websocket-control-access-iam.html
    """
    method = request.method
    target, headers = as_signed(request, address.api.api_id)
    place = f"{address.api.api_id}/{address.stage.name}/{method}/{PREFIX}{name}"
    asked = SignedRequest(
        method,
        target,
        headers,
        hashlib.sha256(request.body).hexdigest(),
        action="execute-api:ManageConnections",
        resource=f"arn:aws:execute-api:{REGION}:{ACCOUNT_ID}:{place}",
    )
    try:
        words = await gateway.backend.refusal(asked)
    except IntegrationFailed as failed:
        return error(500, "InternalServerErrorException", str(failed))
    return error(403, "ForbiddenException", words) if words is not None else None


async def _post(
    gateway: Gateway, client: Client | None, address: Address, name: str, request: Request
) -> Response:
    text = request.body.decode("utf-8", "replace")
    span = None
    header, key = header_in(request.headers), session_key(request.headers)
    if gateway.traces is not None and (header or key):
        span = gateway.traces.begin(
            *("post", name, header),
            connection=name,
            api=address.api.api_id,
            stage=address.stage.name,
            access_key=key,
        )
    status = 200 if client is not None else 410
    if client is not None:
        try:
            await gateway.post(client, text)
        except PostFailed as failed:
            status = failed.status
    if span is not None:
        span.end(None if status == 200 else str(status), status=status, request=shown(text))
    match status:
        case 200:
            return Response(200)
        case 410:
            return error(410, "GoneException", "Gone")
    return error(status, "InternalServerError", "Internal server error")
