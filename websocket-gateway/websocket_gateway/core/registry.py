"""The APIs that exist, each with what serves it: nothing is kept that does not compile."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from websocket_gateway.core.api import WebSocketApi, compile_api
from websocket_gateway.core.record import ApiKey, ApiRecord, Table


class Registry:
    """Every API, the custom domain names that map to them, and the API keys.

    ``on_change`` callbacks run after each change, so that it serves at once.

    Args:
        clock: returns the time in milliseconds since 1970.
    """

    def __init__(self, clock: Callable[[], int] = lambda: 0) -> None:
        self.clock = clock
        self.apis: dict[str, ApiRecord] = {}
        #: What serves, by API id.
        self.served: dict[str, WebSocketApi] = {}
        self.domain_names: Table = {}
        #: By domain name.
        self.mappings: dict[str, Table] = {}
        self.keys: dict[str, ApiKey] = {}
        self.on_change: list[Callable[[], None]] = []
        self._template_domains: set[str] = set()

    def changed(self) -> None:
        """Tell everyone who serves what is registered."""
        for callback in self.on_change:
            callback()

    def made_domains(self) -> Table:
        """Return the domain names that no template declares."""
        return {k: v for k, v in self.domain_names.items() if k not in self._template_domains}

    def put(self, record: ApiRecord) -> None:
        """Keep an API in place of the one of the same id, and serve it.

        Raises:
            InvalidApi: it cannot be served; nothing is changed then.
        """
        served = compile_api(record)
        self.apis[record.api_id] = record
        self.served[record.api_id] = served
        self.changed()

    def remove(self, api_id: str) -> None:
        """Serve an API no more."""
        del self.apis[api_id], self.served[api_id]
        self.changed()

    def replace_template(
        self,
        records: Iterable[ApiRecord],
        domain_names: Table,
        mappings: dict[str, Table],
        keys: Iterable[ApiKey],
    ) -> None:
        """Take a template's resources in place of those it declared before.

        Raises:
            InvalidApi: one of them cannot be served; nothing is changed then.
        """
        new = {record.api_id: record for record in records}
        # What has not changed keeps its throttles as they are.
        served = {
            api_id: self.served[api_id] if self.apis.get(api_id) == record else compile_api(record)
            for api_id, record in new.items()
        }
        made_by_api = {k: r for k, r in self.apis.items() if not r.from_template and k not in new}
        self.served = served | {k: self.served[k] for k in made_by_api}
        self.apis = new | made_by_api
        for name in self._template_domains - domain_names.keys():
            self.domain_names.pop(name, None)
            self.mappings.pop(name, None)
        self.domain_names.update(domain_names)
        self.mappings.update(mappings)
        self._template_domains = set(domain_names)
        self.keys = {key.value: key for key in keys}
        self.changed()
