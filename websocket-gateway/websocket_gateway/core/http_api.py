"""What the port answers to plain HTTP: ``@connections``, the AWS API, and pages about itself."""

from __future__ import annotations

import re
from urllib.parse import parse_qs, unquote

import orjson

from local_aws.faults import Faults
from local_aws.http_message import Request, Response
from websocket_gateway.core import connections_api, control_api
from websocket_gateway.core.address import Address
from websocket_gateway.core.gateway import Gateway
from websocket_gateway.core.replies import error, json_reply

_SLASHES = re.compile("/{2,}")


class HttpApi:
    """Answers HTTP requests for a gateway."""

    def __init__(self, gateway: Gateway) -> None:
        self.gateway = gateway

    async def __call__(self, request: Request) -> Response:
        """Answer one request."""
        gateway = self.gateway
        # An SDK joins an endpoint that ends in a slash to a path that begins with one.
        path = _SLASHES.sub("/", unquote(request.path))
        if path.startswith("/_gateway/"):
            return self._about(path.removeprefix("/_gateway/"), request)
        if path.startswith("/v2/"):
            return control_api.answer(gateway.registry, request)
        address = self._of_connection(path) or gateway.addresses.find(
            request.headers.get("host", ""), path
        )
        if address is None or not address.rest.startswith(connections_api.PREFIX):
            return error(403, "ForbiddenException", "Forbidden")
        name = address.rest.removeprefix(connections_api.PREFIX)
        return await connections_api.answer(gateway, request, address, name)

    def _of_connection(self, path: str) -> Address | None:
        """Return the API of a connection that a path names by stage and id alone.

        Functions make this address of their event's ``domainName`` and ``stage``. On AWS the host
        names the API; here one host serves them all, and the connection is one API's.
        """
        stage, _, rest = path.lstrip("/").partition("/")
        if not rest.startswith(connections_api.PREFIX):
            return None
        client = self.gateway.clients.get(rest.removeprefix(connections_api.PREFIX))
        if client is None or client.connection.stage != stage:
            return None
        api = self.gateway.addresses.apis.get(client.connection.api_id)
        return Address(api, api.stages[stage], rest) if api and stage in api.stages else None

    def _about(self, page: str, request: Request) -> Response:
        gateway = self.gateway
        if page == "health":
            return json_reply(200, {"status": "ok", "connections": len(gateway.clients)})
        if page == "metrics":
            text = gateway.metrics.prometheus(len(gateway.clients))
            kind = "text/plain; version=0.0.4; charset=utf-8"
            return Response(200, text.encode(), {"Content-Type": kind})
        if page == "connections":
            opened = [
                {
                    "connectionId": name,
                    "apiId": client.connection.api_id,
                    "stage": client.connection.stage,
                    **client.connection.describe(),
                }
                for name, client in gateway.clients.items()
            ]
            return json_reply(200, {"connections": opened})
        if page == "messages":
            return self._messages(request)
        if page == "faults":
            return self._faults(request)
        if page == "apis":
            apis = [
                {
                    "apiId": api.api_id,
                    "name": api.name,
                    "stages": list(api.stages),
                    "routes": sorted(api.routes),
                    "problems": api.problems,
                }
                for api in gateway.apis.values()
            ]
            return json_reply(200, {"apis": apis})
        return error(
            404, "NotFoundException", "health, metrics, connections, messages, faults or apis"
        )

    def _messages(self, request: Request) -> Response:
        traffic = self.gateway.traffic
        if traffic is None:
            return error(404, "NotFoundException", "Start the gateway with --recent-messages N")
        after = parse_qs(request.query).get("after", ["0"])[0]
        if not after.isdecimal():
            return error(400, "BadRequestException", "after: the number of a message")
        return json_reply(200, {"messages": traffic.after(int(after)), "last": traffic.number})

    def _faults(self, request: Request) -> Response:
        """Tell the rules by which faults strike, take more of them, or forget them all."""
        faults = getattr(self.gateway, "faults", None)
        if faults is None:
            return error(404, "NotFoundException", "This gateway injects no faults")
        if request.method == "DELETE":
            faults.clear()
        elif request.method == "POST":
            try:
                faults.add(Faults.read(orjson.loads(request.body)))
            except ValueError as wrong:
                return error(400, "BadRequestException", str(wrong))
        return json_reply(200, faults.told())
