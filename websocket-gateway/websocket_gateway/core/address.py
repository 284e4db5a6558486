"""Which API and stage an address means.

On AWS the API is in the host name and the stage in the path:
``wss://{api-id}.execute-api.{region}.amazonaws.com/{stage}``. One local port serves every API:

- ``Host: {api-id}.anything`` with ``/{stage}``, as on AWS (``{api-id}.localhost`` is loopback),
- a custom domain name in ``Host`` with its mapping key as the path,
- ``/{api-id}/{stage}`` under any host name,
- ``/{stage}`` or ``/`` for the first API; ``/{stage}/@connections/{id}`` for that of the
  connection.

https://docs.aws.amazon.com/apigateway/latest/developerguide/websocket-api-develop-custom-domain-names.html
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from websocket_gateway.core.api import Stage, WebSocketApi
from websocket_gateway.core.record import Table


@dataclass(frozen=True)
class Address:
    """An API's stage, and what of the path comes after it."""

    api: WebSocketApi
    stage: Stage
    rest: str


class AddressBook:
    """Finds the API and stage for a request.

    Args:
        apis: by id; the first is the one that needs no name.
        mappings: API mappings by custom domain name.
    """

    def __init__(self, apis: Mapping[str, WebSocketApi], mappings: Mapping[str, Table]) -> None:
        self.apis = apis
        self.mappings = mappings

    def find(self, host: str, path: str) -> Address | None:
        """Return what an address means, or ``None`` where there is no such stage."""
        name = host.partition(":")[0].lower()
        if name in self.mappings:
            return self._mapped(name, path)
        labels = name.split(".")
        first, _, rest = path.lstrip("/").partition("/")
        if len(labels) > 1 and labels[0] in self.apis:
            return self._stage(self.apis[labels[0]], path)
        if first in self.apis:
            return self._stage(self.apis[first], rest)
        for api in self.apis.values():
            return self._stage(api, path)
        return None

    def _mapped(self, domain: str, path: str) -> Address | None:
        path = path.lstrip("/")
        # The longest key first: "chat/v2" is not "chat".
        for mapping in sorted(
            self.mappings[domain].values(),
            key=lambda m: -len(str(m.get("ApiMappingKey") or "")),
        ):
            key = str(mapping.get("ApiMappingKey") or "")
            if key and path != key and not path.startswith(f"{key}/"):
                continue
            api = self.apis.get(str(mapping.get("ApiId")))
            stage = api.stages.get(str(mapping.get("Stage"))) if api else None
            if api is not None and stage is not None:
                return Address(api, stage, path[len(key) :].lstrip("/"))
        return None

    def _stage(self, api: WebSocketApi, path: str) -> Address | None:
        name, _, rest = path.lstrip("/").partition("/")
        if name in api.stages:
            return Address(api, api.stages[name], rest)
        # "$default" is a stage without a path of its own; and locally an API's first stage
        # answers at the root, so that ws://localhost:8080 is enough.
        if name in ("", "@connections") and api.stages:
            stage = api.stages.get("$default") or next(iter(api.stages.values()))
            return Address(api, stage, path.lstrip("/"))
        return None
