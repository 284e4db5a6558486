"""An API as API Gateway describes it: the attributes of everything that belongs to it.

A resource is a mapping of the attributes that CloudFormation and ``apigatewayv2`` share
(``RouteKey``, ``Target``, ...).

https://docs.aws.amazon.com/apigatewayv2/latest/api-reference/api-reference.html
"""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass, field
from typing import Any

Attributes = dict[str, Any]
Table = dict[str, Attributes]

_ALPHABET = "abcdefghijklmnopqrstuvwxyz0123456789"
#: Which function a Lambda integration or authorizer URI names, as ``name`` and ``qualifier``.
FUNCTION_IN_URI = re.compile(
    r":function:(?P<name>[\w-]+|\$\{stageVariables\.[\w-]+\})(?::(?P<qualifier>[\w$-]+))?"
)


def new_id(length: int = 7) -> str:
    """Return an identifier as API Gateway gives to its resources."""
    return "".join(secrets.choice(_ALPHABET) for _ in range(length))


@dataclass
class ApiRecord:
    """An API with everything that belongs to it, each by its id."""

    attributes: Attributes
    routes: Table = field(default_factory=dict)
    integrations: Table = field(default_factory=dict)
    authorizers: Table = field(default_factory=dict)
    models: Table = field(default_factory=dict)
    #: By route, and by integration.
    route_responses: dict[str, Table] = field(default_factory=dict)
    integration_responses: dict[str, Table] = field(default_factory=dict)
    #: By stage name.
    stages: Table = field(default_factory=dict)
    deployments: Table = field(default_factory=dict)
    #: Whether a template declares it; what was made by the API survives a template's change.
    from_template: bool = False

    @property
    def api_id(self) -> str:
        return str(self.attributes["ApiId"])


@dataclass
class ApiKey:
    """A key of a usage plan. ``stages`` are (API id, stage name)."""

    value: str
    name: str
    stages: frozenset[tuple[str, str]]
    rate: float | None = None
    burst: int | None = None
