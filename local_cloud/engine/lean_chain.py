"""What LocalStack does at each request and nobody asks for: left out."""

from __future__ import annotations

import functools
import logging
import random
import uuid
from typing import Any

from localstack.aws.api import RequestContext, core
from localstack.aws.chain import HandlerChain
from localstack.aws.handlers.internal import LocalstackResourceHandler
from localstack.aws.handlers.legacy import EdgeRouterHandler
from localstack.aws.handlers.logging import ResponseLogger
from localstack.http import Response
from localstack.runtime import hooks

# Ids of requests are no secrets, and the system need not be asked for each.
_random = random.Random()  # noqa: S311


@hooks.on_infra_start()
def make_chain_lean() -> None:
    """Put it in place."""
    core.long_uid = _request_id
    for kind in (LocalstackResourceHandler, EdgeRouterHandler):
        _leave_calls_out(kind)
    if all(handler.level > logging.INFO for handler in logging.getLogger().handlers):
        ResponseLogger.__call__ = _say_nothing  # no handler would show what it says


def _request_id() -> str:
    return str(uuid.UUID(int=_random.getrandbits(128), version=4))


def _leave_calls_out(kind: type) -> None:
    """Have a handler of routes leave calls of the AWS APIs be."""
    serve = kind.__call__

    @functools.wraps(serve)
    def serve_others(
        self: Any, chain: HandlerChain, context: RequestContext, response: Response
    ) -> None:
        if not _is_call(context):
            serve(self, chain, context, response)

    kind.__call__ = serve_others  # type: ignore[method-assign]


def _is_call(context: RequestContext) -> bool:
    """Return whether a request is one of the JSON protocols, which no route is for.

    Routes of ``/`` are by host names that tell an API, a function's URL or a bucket: with dots.
    """
    request = context.request
    if "X-Amz-Target" not in request.headers or request.path != "/":
        return False
    host = request.host.partition(":")[0]
    return "." not in host or host == "127.0.0.1"


def _say_nothing(*_: object) -> None:
    pass
