"""APIs that were made by the API, kept in a file: they are there at the next start."""

from __future__ import annotations

import logging
from dataclasses import asdict
from pathlib import Path
from typing import Any

import orjson

from websocket_gateway.core.record import ApiRecord
from websocket_gateway.core.registry import Registry
from websocket_gateway.core.validation import InvalidApi

LOG = logging.getLogger(__name__)


class UnreadableApis(ValueError):
    """The file holds something else; the message says what to do."""


class KeptApis:
    """Writes a registry's APIs, domain names and mappings that no template declares.

    Args:
        path: of the file, as JSON; it is made where there is none.
    """

    def __init__(self, registry: Registry, path: Path) -> None:
        self.registry = registry
        self.path = path
        self._written = b""

    def load(self) -> None:
        """Take what the file holds, and write each change from now on.

        Raises:
            UnreadableApis: it is no file of this kind.
        """
        if self.path.exists():
            try:
                kept = orjson.loads(self.path.read_bytes())
                self._take(kept)
            except (ValueError, KeyError, TypeError, AttributeError) as error:
                raise UnreadableApis(
                    f"{self.path} does not hold WebSocket APIs ({error}): "
                    "mend it, or remove it to do without them"
                ) from error
        self.registry.on_change.append(self.save)

    def _take(self, kept: dict[str, Any]) -> None:
        # The file may be somebody's snapshot: what the template declares is the template's.
        declared = {name for name, one in self.registry.apis.items() if one.from_template}
        domains = self.registry.domain_names.keys() - self.registry.made_domains().keys()
        for values in kept["apis"]:
            record = ApiRecord(**{**values, "from_template": False})
            if record.api_id in declared:
                LOG.warning("API %s is the template's, and stays", record.api_id)
                continue
            try:
                self.registry.put(record)
            except InvalidApi as error:
                LOG.warning("API %s is not served: %s", record.api_id, error)
        for name, values in kept["domainNames"].items():
            if name not in domains:
                self.registry.domain_names[name] = values
                self.registry.mappings[name] = dict(kept["mappings"].get(name, {}))
        self.registry.changed()

    def save(self) -> None:
        """Write the file anew if something has changed; a reader sees the old or the new one."""
        registry = self.registry
        domains = registry.made_domains()
        kept = {
            "apis": [
                asdict(record) for record in registry.apis.values() if not record.from_template
            ],
            "domainNames": domains,
            "mappings": {name: registry.mappings.get(name, {}) for name in domains},
        }
        data = orjson.dumps(kept, option=orjson.OPT_INDENT_2)
        if data == self._written:
            return
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            new = self.path.with_suffix(".new")
            new.write_bytes(data)
            new.replace(self.path)
        except OSError as error:
            LOG.warning("APIs are not kept: %s; the next change tries again", error)
            return
        self._written = data
