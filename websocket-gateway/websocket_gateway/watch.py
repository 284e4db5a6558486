"""Reads the template again when it changes; what cannot be read leaves things as they were."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from pathlib import Path

from local_aws.template import Template, TemplateError
from websocket_gateway.core.registry import Registry
from websocket_gateway.template_apis import Declared, read_apis

LOG = logging.getLogger(__name__)
POLL_SECONDS = 0.5


class TemplateFile:
    """A template on disk and its place in a registry."""

    def __init__(self, path: Path, parameters: Mapping[str, str], registry: Registry) -> None:
        self.path = path
        self.parameters = parameters
        self.registry = registry

    def load(self) -> Declared:
        """Read it and serve what it declares.

        Raises:
            TemplateError: says what is wrong, and on which line.
        """
        self.mark = self._modified()
        declared = read_apis(Template.load(self.path, self.parameters))
        declared.register(self.registry)
        for words in declared.unsupported:
            LOG.warning("%s", words)
        return declared

    async def watch(self) -> None:
        """Load it again at each change, until cancelled."""
        while True:
            # A look at one file's time costs less than a watcher's thread.
            await asyncio.sleep(POLL_SECONDS)
            if self._modified() == self.mark:
                continue
            try:
                self.load()
                LOG.info("read again: %s", self.path)
            except TemplateError as error:
                LOG.error("%s (what was served before is kept)", error)
            except Exception:  # a fault of the reader: the next change may mend its cause
                LOG.exception("%s cannot be read (what was served before is kept)", self.path)

    def _modified(self) -> int:
        try:
            return self.path.stat().st_mtime_ns
        except FileNotFoundError:
            return 0
