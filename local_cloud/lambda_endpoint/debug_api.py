"""``/_debug``: which functions a debugger can attach to, where, and whether one is.

``GET /_debug`` describes them; ``PUT /_debug/NAME``, ``{"port": 5678, "wait": false}``, adds one.
Whoever bounds the time that a function has asks here before that runs out.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable
from typing import Protocol

from local_aws.http_message import Request, Response
from local_aws.json_text import loads
from local_cloud.lambda_endpoint.debugger import Debugger, Debuggers, NotDebugged, Wanted

PATH = "/_debug"


class Debug(Protocol):
    """Has a function debugged."""

    def __call__(self, wanted: Wanted, *, wait: bool) -> Awaitable[Debugger]: ...


class DebugApi:
    """Answers for the functions that are debugged."""

    def __init__(self, debuggers: Debuggers, debug: Debug) -> None:
        self.debuggers = debuggers
        self.debug = debug

    async def __call__(self, name: str, request: Request) -> Response:
        if request.method == "GET" and not name:
            return _json(200, self.debuggers.described())
        if request.method != "PUT" or not name:
            return _json(405, {"message": "GET /_debug, or PUT /_debug/NAME"})
        try:
            told = loads(request.body or b"{}")
            port = told.get("port")
            wanted = Wanted.read(name if port is None else f"{name}:{int(port)}")
            debugger = await self.debug(wanted, wait=bool(told.get("wait")))
        except NotDebugged as error:
            return _json(400, {"message": str(error)})
        except (ValueError, TypeError, AttributeError) as error:
            return _json(400, {"message": f"That says no port: {error}"})
        return _json(200, {"port": debugger.port})


def _json(status: int, body: object) -> Response:
    return Response(status, json.dumps(body).encode(), {"Content-Type": "application/json"})
