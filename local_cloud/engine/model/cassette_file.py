"""A cassette in a file, to which each answer is added when it has ended."""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from local_cloud.engine.model.cassette import Cassette, NoCassette, read, written

LOG = logging.getLogger(__name__)


class CassetteFile(Cassette):
    """The entries of a file, and those to come.

    Args:
        path: the file; made with its first entry.
        must_exist: whether it has to be there.

    Raises:
        NoCassette: it is something else.
        OSError: it cannot be read.
    """

    def __init__(self, path: Path, *, must_exist: bool = False) -> None:
        try:
            super().__init__(read(path.read_text() if must_exist or path.exists() else ""))
        except (NoCassette, UnicodeDecodeError) as error:
            raise NoCassette(f"{path}: {error}") from error
        self.path = path
        self._writing = threading.Lock()

    def add(self, request: Mapping[str, Any], answer: Sequence[Mapping[str, Any]]) -> None:
        """Keep an answer, in the file, too; where that cannot be written, the log says so."""
        super().add(request, answer)
        try:
            with self._writing:
                self.path.parent.mkdir(parents=True, exist_ok=True)
                with self.path.open("a") as file:
                    file.write(written([{"request": dict(request), "answer": list(answer)}]))
        except OSError as error:
            LOG.error("An answer is not recorded: %s", error)
