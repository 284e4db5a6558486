"""The APIs that exist, as API Gateway describes them: one model for templates and for the API.

A resource is a mapping of the attributes that CloudFormation and ``apigatewayv2`` share
(``RouteKey``, ``Target``, ...). What serves traffic is compiled from it (:mod:`.api`).

https://docs.aws.amazon.com/apigatewayv2/latest/api-reference/api-reference.html
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

Attributes = dict[str, Any]
Table = dict[str, Attributes]

_ALPHABET = "abcdefghijklmnopqrstuvwxyz0123456789"


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


class Registry:
    """Every API, the custom domain names that map to them, and the API keys.

    ``on_change`` callbacks run after each change, so that it serves at once.
    """

    def __init__(self) -> None:
        self.apis: dict[str, ApiRecord] = {}
        self.domain_names: Table = {}
        #: By domain name.
        self.mappings: dict[str, Table] = {}
        self.keys: dict[str, ApiKey] = {}
        self.on_change: list[Callable[[], None]] = []

    def changed(self) -> None:
        """Tell everyone who serves what is registered."""
        for callback in self.on_change:
            callback()

    def replace_template(
        self,
        records: Iterable[ApiRecord],
        domain_names: Table,
        mappings: dict[str, Table],
        keys: Iterable[ApiKey],
    ) -> None:
        """Take a template's resources in place of those it declared before."""
        made_by_api = {k: r for k, r in self.apis.items() if not r.from_template}
        self.apis = {record.api_id: record for record in records} | made_by_api
        self.domain_names.update(domain_names)
        self.mappings.update(mappings)
        self.keys = {key.value: key for key in keys}
        self.changed()
