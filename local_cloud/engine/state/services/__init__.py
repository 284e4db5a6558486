"""What is particular to a service: what it keeps entry by entry, and what it writes its own way.

Each module may have ``prepare``, called before the service is given back what it held, ``resume``,
called after, and ``quiet``, called in between where nothing of it is to run by itself.
"""

from __future__ import annotations

import contextlib
import importlib
from collections.abc import Iterator

from localstack.services.plugins import Service

_MODULES = {
    "apigateway": "apigateway",
    "cloudformation": "cloudformation",
    "cloudwatch": "cloudwatch",
    "cognito-idp": "cognito",
    "dynamodb": "dynamodb",
    "events": "events",
    "lambda": "functions",
    "logs": "logs",
    "opensearch": "opensearch",
    "s3": "s3",
    "scheduler": "scheduler",
    "sqs": "sqs",
    "stepfunctions": "stepfunctions",
}
#: The services that are given back now what may cause nothing but itself.
_inert: set[str] = set()


def is_inert(name: str) -> bool:
    """Return whether a service is given back what may not run by itself."""
    return name in _inert


@contextlib.contextmanager
def inert(service: Service) -> Iterator[None]:
    """Keep what a service was given back from running by itself, now and later."""
    _call(service, "quiet")
    _inert.add(service.name())
    try:
        yield
    finally:
        _inert.discard(service.name())


def _call(service: Service, what: str) -> None:
    if module := _MODULES.get(service.name()):
        function = getattr(importlib.import_module(f"{__name__}.{module}"), what, None)
        if function is not None:
            function(service)


def prepare(service: Service) -> None:
    """Get ready to keep what a service holds."""
    _call(service, "prepare")


def resume(service: Service) -> None:
    """Have a service go on with what it did when it held this."""
    _call(service, "resume")
