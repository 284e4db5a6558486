"""The connection of one worker, by which it takes invocations and answers them.

https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html
https://docs.aws.amazon.com/lambda/latest/dg/runtimes-custom.html#runtimes-custom-response-streaming
"""

from __future__ import annotations

from collections.abc import Callable

from local_aws.hosts import AllowedHosts
from local_aws.http1 import Handler, HttpServerProtocol
from local_aws.web_pages import Purpose

MAX_PAYLOAD_BYTES = 6 * 1024 * 1024
_MODE = "lambda-runtime-function-response-mode"
# A worker asks by address; no web page may take an invocation from it.
_OWN_HOSTS = AllowedHosts()


class RuntimeApiProtocol(HttpServerProtocol):
    """Passes a streamed response on as it comes.

    Args:
        take: is given a request's path and a piece of its body; returns whether it was taken.
    """

    purpose = Purpose.PROGRAMS

    def __init__(self, handler: Handler, take: Callable[[str, bytes], bool]) -> None:
        super().__init__(handler, 2 * MAX_PAYLOAD_BYTES, _OWN_HOSTS)
        self.take = take
        self._streams = False

    def on_headers_complete(self) -> None:
        """See which way the body goes."""
        self._streams = any(
            name.lower() == _MODE and value == "streaming" for name, value in self.header_list
        )

    def on_body(self, body: bytes) -> None:
        if self._streams and self.take(self.url.decode("latin-1"), body):
            return
        super().on_body(body)
