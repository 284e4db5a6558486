"""Twisted, for connections that do not speak HTTP/1.1: TLS, HTTP/2, WebSockets."""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import Any

from h2.connection import H2Connection
from h2.errors import ErrorCodes
from localstack import config
from localstack.aws.serving.twisted import TLSMultiplexerFactory
from rolo.gateway import Gateway
from rolo.gateway.wsgi import WsgiGateway
from rolo.serving import twisted as serving
from twisted.internet import reactor, ssl
from twisted.internet.protocol import Factory
from twisted.web import http

from local_aws.background import start_thread
from local_aws.heads import check_headers, check_status
from local_cloud.engine.caller import ENVIRON, Caller


class Twisted:
    """LocalStack's own server, which is given connections that have begun.

    Args:
        gateway: answers requests.
        credentials: the files of the certificate and of its key; without them there is no TLS.
    """

    def __init__(self, gateway: Gateway, credentials: tuple[str, str] | None) -> None:
        _change()
        site = serving.TwistedGateway(gateway)
        self._factory: Any = site
        if credentials is not None:
            certificate, key = credentials
            context = ssl.DefaultOpenSSLContextFactory(key, certificate)
            context.getContext().use_certificate_chain_file(certificate)
            self._factory = TLSMultiplexerFactory(context, False, site)
        loop: Any = reactor
        loop.suggestThreadPoolSize(config.GATEWAY_WORKER_COUNT)
        self._loop = loop
        start_thread(loop.run, "TLS, HTTP/2 and WebSockets", False, vital=True)

    def take(self, client: socket.socket, read: bytes) -> None:
        """Go on with a connection.

        Args:
            read: what has been read of it.
        """
        self._loop.callFromThread(self._adopt, client, read)

    def _adopt(self, client: socket.socket, read: bytes) -> None:
        given = _Given(self._factory)
        client.setblocking(False)
        with client:  # it takes a descriptor of its own
            self._loop.adoptStreamConnection(client.fileno(), client.family, given)
        if read:
            given.protocol.dataReceived(read)


class _CheckedGateway(WsgiGateway):
    """Refuses a head that may not be sent, before Twisted writes it, which checks nothing."""

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Any:
        """Answer a request (PEP 3333).

        Raises:
            InvalidHead: the head of the answer is none that may be sent.
        """

        def start(status: str, headers: list[tuple[str, str]], *more: Any) -> Any:
            check_status(status)
            check_headers(headers)
            return start_response(status, headers, *more)

        return super().__call__(environ, start)


class _Given(Factory):  # type: ignore[misc]
    """Makes a protocol as another factory does, and keeps it."""

    def __init__(self, factory: Any) -> None:
        self.factory = factory

    def buildProtocol(self, addr: Any) -> Any:  # noqa: N802 - Twisted's name
        self.protocol = self.factory.buildProtocol(addr)
        return self.protocol


def _change() -> None:
    """Have it tell who leaves, break off nothing that it was asked, and write no access log.

    And no head that may not be sent.
    """
    theirs: Any = serving
    theirs.WsgiGateway = _CheckedGateway
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
