"""What is particular to a service: what it keeps entry by entry, and what it writes its own way.

Each module has ``prepare``, called before the service is given back what it held, and some have
``resume``, called after.
"""

from __future__ import annotations

import importlib

from localstack.services.plugins import Service

_MODULES = {
    "apigateway": "apigateway",
    "cloudformation": "cloudformation",
    "cloudwatch": "cloudwatch",
    "cognito-idp": "cognito",
    "dynamodb": "dynamodb",
    "logs": "logs",
    "s3": "s3",
    "sqs": "sqs",
    "stepfunctions": "stepfunctions",
}


def prepare(service: Service) -> None:
    """Get ready to keep what a service holds."""
    if module := _MODULES.get(service.name()):
        importlib.import_module(f"{__name__}.{module}").prepare(service)


def resume(service: Service) -> None:
    """Have a service go on with what it did when it held this."""
    if module := _MODULES.get(service.name()):
        go_on = getattr(importlib.import_module(f"{__name__}.{module}"), "resume", None)
        if go_on is not None:
            go_on(service)
