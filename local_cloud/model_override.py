"""A model in the place of those that a cloud has: by rules, or by what was recorded."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from local_cloud.ask import NoAnswer, ask

SECONDS = 10.0
#: What an error says that nobody has foreseen.
UNFORESEEN = ("ModelErrorException: No rule fits", "ModelErrorException: No entry of the cassette")


class ModelsAway(RuntimeError):
    """The engine does not take a model, or does not answer; the message says why."""


class ModelOverride:
    """The model of a cloud, as long as it is put there.

    Args:
        engine: ``http://host:port`` of the AWS APIs.
    """

    def __init__(self, engine: str) -> None:
        self.url = f"{engine}/_models"
        self._recorded: Path | None = None

    def script(self, *rules: Mapping[str, Any]) -> None:
        """Have it answer by rules, as ``config/models.yaml`` has them (docs/models.md).

        Raises:
            ModelsAway: they are none.
        """
        self._put(None, answer="scripted", rules=list(rules))

    def replay(self, file: str | Path, speed: float = 0) -> None:
        """Have it say what was recorded, and nothing else.

        Args:
            speed: how many times as fast as it was; 0 without any wait.

        Raises:
            ModelsAway: it is no cassette.
            OSError: it cannot be read.
        """
        self._put(None, answer="replay", cassette=Path(file).read_text(), speed=speed)

    def record(self, file: str | Path, *, anew: bool = False) -> None:
        """Have it say what was recorded, and record what was not, of the model that there is.

        The file is written by :meth:`end`.

        Args:
            anew: begin with nothing.

        Raises:
            ModelsAway: it is no cassette.
            OSError: it cannot be read.
        """
        path = Path(file)
        there = path.read_text() if path.exists() and not anew else ""
        self._put(path, answer="record" if anew else "auto", cassette=there)

    def calls(self) -> list[dict[str, Any]]:
        """Return what it was asked: each ``request``, the ``tools`` it called, its ``error``.

        Raises:
            ModelsAway: the engine does not tell.
        """
        found: list[dict[str, Any]] = self._ask("GET").get("calls", [])
        return found

    def tools(self) -> list[tuple[str, Any]]:
        """Return the tools that it called, in order, each with its input.

        Raises:
            ModelsAway: the engine does not tell.
        """
        return [(tool["name"], tool["input"]) for call in self.calls() for tool in call["tools"]]

    def end(self) -> list[str]:
        """Take it away, and write what was recorded; return what it was asked and had no answer to.

        Raises:
            ModelsAway: the engine does not answer.
            OSError: the file cannot be written.
        """
        told = self._ask("DELETE")
        if self._recorded is not None:
            self._recorded.parent.mkdir(parents=True, exist_ok=True)
            self._recorded.write_text(told.get("cassette", ""))
            self._recorded = None
        errors = [call["error"] or "" for call in told.get("calls", ())]
        return [error for error in errors if error.startswith(UNFORESEEN)]

    def _put(self, recorded: Path | None, **said: Any) -> None:
        self._ask("POST", said)
        self._recorded = recorded

    def _ask(self, method: str, body: Any = None) -> dict[str, Any]:
        try:
            told: dict[str, Any] = ask(self.url, method, body, SECONDS)
        except NoAnswer as error:
            raise ModelsAway(str(error)) from error
        return told
