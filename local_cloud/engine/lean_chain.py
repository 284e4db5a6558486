"""What LocalStack does at each request and nobody asks for: left out."""

from __future__ import annotations

import functools
import logging
import random
import uuid
from collections.abc import Callable
from typing import Any

from localstack.aws.api import RequestContext, core
from localstack.aws.chain import HandlerChain
from localstack.aws.handlers.internal import LocalstackResourceHandler
from localstack.aws.handlers.legacy import EdgeRouterHandler
from localstack.aws.handlers.logging import ResponseLogger
from localstack.constants import INTERNAL_RESOURCE_PATH
from localstack.http import Request, Response
from localstack.runtime import hooks

# Ids of requests are no secrets, and the system need not be asked for each.
_random = random.Random()  # noqa: S311


@hooks.on_infra_start()
def make_chain_lean() -> None:
    """Put it in place."""
    core.long_uid = _request_id
    _serve_only(LocalstackResourceHandler, _is_internal)
    _serve_only(EdgeRouterHandler, _may_have_a_route)
    if all(handler.level > logging.INFO for handler in logging.getLogger().handlers):
        ResponseLogger.__call__ = _say_nothing  # no handler would show what it says


def _request_id() -> str:
    return str(uuid.UUID(int=_random.getrandbits(128), version=4))


def _serve_only(kind: type, is_for: Callable[[Request], bool]) -> None:
    """Have a handler of routes look at these requests only."""
    serve = kind.__call__

    @functools.wraps(serve)
    def serve_those(
        self: Any, chain: HandlerChain, context: RequestContext, response: Response
    ) -> None:
        if is_for(context.request):
            serve(self, chain, context, response)

    kind.__call__ = serve_those  # type: ignore[method-assign]


def _is_internal(request: Request) -> bool:
    return bool(request.path.startswith(INTERNAL_RESOURCE_PATH))


def _may_have_a_route(request: Request) -> bool:
    """Return whether a request is other than a call of an API of a JSON protocol.

    Routes of ``/`` are by host names that tell an API, a function's URL or a bucket: with dots.
    """
    if "X-Amz-Target" not in request.headers or request.path != "/":
        return True
    host = request.host.partition(":")[0]
    return "." in host and host != "127.0.0.1"


def _say_nothing(*_: object) -> None:
    pass
