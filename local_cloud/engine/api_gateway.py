"""API Gateway's WebSocket APIs on LocalStack: every call goes on to the gateway.

``WEBSOCKET_URL`` names it, ``BROWSER_WEBSOCKET_URL`` as clients reach it, where that differs.
https://docs.aws.amazon.com/apigatewayv2/latest/api-reference/api-reference.html
https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-how-to-call-websocket-api-connections.html
"""

import os
from urllib.parse import urlsplit

from localstack.aws.api import RequestContext
from localstack.aws.api.core import ServiceRequest
from localstack.http import Response
from localstack.services.plugins import Service

from local_cloud.engine.forwarder import Forwarder, to_response
from local_cloud.engine.service import service_of


def gateway_service(name: str) -> Service:
    """Return a service that the gateway answers for."""
    url = os.environ.get("WEBSOCKET_URL", "ws://127.0.0.1:8080")
    published = os.environ.get("BROWSER_WEBSOCKET_URL") or url
    gateway = Forwarder(
        url.replace("ws", "http", 1), "./local-cloud up", host=urlsplit(published).netloc
    )

    def answer(context: RequestContext, request: ServiceRequest) -> Response:
        return to_response(gateway.send(context))

    return service_of(name, answer)
