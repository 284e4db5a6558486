"""What keeps other sites out of the console, and the console's pages to themselves.

https://developer.mozilla.org/en-US/docs/Web/HTTP/CSP
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from local_aws.heads import check_header
from local_aws.hosts import AllowedHosts
from local_aws.web_pages import Purpose, Sent, refusal

Endpoint = Callable[[Request], Awaitable[Response]]


def same_origin(endpoint: Endpoint) -> Endpoint:
    """Answer the console's own pages only: no other site can start or read anything.

    A form of another site can send neither JSON nor the header.
    """

    async def guarded(request: Request) -> Response:
        sent = Sent(request.method, request.headers, request.url.query)
        if (refused := refusal(sent, Purpose.OWN)) is not None:
            return JSONResponse({"error": refused}, 403)
        if request.method == "POST" and request.headers.get("x-console") != "1":
            return JSONResponse({"error": "The header X-Console is missing."}, 403)
        return await endpoint(request)

    return guarded


class OwnHosts:
    """Answers requests for the port's own names only."""

    def __init__(self, app: ASGIApp, hosts: AllowedHosts) -> None:
        self.app = app
        self.hosts = hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or refuse it."""
        if scope["type"] == "http":
            sent = Sent(scope["method"], Headers(scope=scope))
            if (refused := self.hosts.host_refusal(sent)) is not None:
                await JSONResponse({"error": refused}, 403)(scope, receive, send)
                return
        await self.app(scope, receive, send)


class SecurityHeaders:
    """Adds the headers that let pages load what is the console's own, and nothing else.

    A header that may not be sent (:mod:`local_aws.heads`) makes the answer a 500.

    Args:
        websocket: the gateway's ``ws://host:port``, which the chat speaks to.
    """

    def __init__(self, app: ASGIApp, websocket: str) -> None:
        self.app = app
        self.policy = "; ".join(
            [
                "default-src 'none'",
                "script-src 'self'",
                # The editor makes its style sheet in the page.
                "style-src 'self' 'unsafe-inline'",
                "img-src 'self' data:",
                "font-src 'self'",
                f"connect-src 'self' {websocket}",
                "base-uri 'none'",
                "form-action 'self'",
                "frame-ancestors 'none'",
            ]
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on; put the headers to its answer."""

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers["Content-Security-Policy"] = self.policy
                headers["X-Content-Type-Options"] = "nosniff"
                headers["Referrer-Policy"] = "no-referrer"
                headers["Cross-Origin-Opener-Policy"] = "same-origin"
                for name, value in headers.items():
                    check_header(name, value)
            await send(message)

        await self.app(scope, receive, with_headers)
