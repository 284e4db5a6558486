"""What Twisted does for each request to no avail, what it breaks off, and what it does not tell."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

from h2.connection import H2Connection
from h2.errors import ErrorCodes
from localstack.runtime import hooks
from rolo.serving import twisted as serving
from twisted.web import http

from local_cloud.engine.caller import ENVIRON, Caller

MOST_KEPT = 256


@hooks.on_infra_start()
def do_without() -> None:
    """Parse each Content-Type once, and write no access log, which goes nowhere.

    Twisted parses it as that of an e-mail; clients send a handful of them, again and again.
    """
    http._parseContentType = lru_cache(MOST_KEPT)(http._parseContentType)
    http.HTTPFactory.log = lambda self, request: None
    connection: Any = H2Connection
    connection._receive_goaway_frame = _going_on(connection._receive_goaway_frame)
    serving.update_wsgi_environment = _with_caller(serving.update_wsgi_environment)


def _with_caller(theirs: Callable[..., None]) -> Callable[..., None]:
    """Tell whoever answers a request when its client leaves."""

    def update(environ: dict[str, Any], request: Any) -> None:
        theirs(environ, request)
        caller = environ[ENVIRON] = Caller()
        request.notifyFinish().addErrback(lambda _: caller.leave())

    return update


def _going_on(theirs: Callable[..., Any]) -> Any:
    """Answer what a client has asked before it says that it asks no more.

    Twisted drops the connection there, and with it what is not sent yet: the AWS SDK for JavaScript
    says so right after each request for a stream. The client closes it when it has all.
    https://www.rfc-editor.org/rfc/rfc9113#section-6.8
    """

    def receive(self: H2Connection, frame: Any) -> Any:
        if frame.error_code == ErrorCodes.NO_ERROR and self.open_inbound_streams:
            return [], []
        return theirs(self, frame)

    return receive
