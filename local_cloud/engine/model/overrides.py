"""A model in the place of those that the models file has, for a test or a recording.

``POST /_models`` puts one there, ``GET`` tells what it was asked, ``DELETE`` takes it away and
tells that once more, with what was recorded.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any

from localstack.http import Request, Response

from local_aws.json_text import loads
from local_cloud.engine.model.answers import Limited
from local_cloud.engine.model.calls import Call
from local_cloud.engine.model.cassette import (
    Cassette,
    NoCassette,
    Recording,
    Replayed,
    normal,
    read,
    written,
)
from local_cloud.engine.model.models_file import WrongModels, checked_rules
from local_cloud.engine.model.pieces import Model
from local_cloud.engine.model.scripted import Scripted

#: Requests that are told.
MOST_TOLD = 1000
ANSWERS = ("scripted", "replay", "record", "auto")


class Override:
    """A model that answers in the place of all others, and what it was asked.

    Args:
        said: ``answer``, with ``rules``, or ``cassette`` (its lines) and ``speed``.

    Raises:
        WrongModels: it is none.
    """

    def __init__(self, said: Mapping[str, Any]) -> None:
        self.answer_kind = said.get("answer")
        self.calls: deque[Call] = deque(maxlen=MOST_TOLD)
        self.cassette = Cassette()
        if self.answer_kind not in ANSWERS:
            raise WrongModels(f"answer: one of {', '.join(ANSWERS)}")
        if self.answer_kind == "scripted":
            self.own: Model | None = Limited(Scripted(checked_rules(said.get("rules"))))
            return
        try:
            self.cassette = Cassette(read(str(said.get("cassette") or "")))
        except NoCassette as error:
            raise WrongModels(f"cassette: {error}") from error
        speed = said.get("speed", 0)
        self.own = Replayed(self.cassette, float(speed)) if self.answer_kind == "replay" else None

    def model(self, other: Callable[[], Model]) -> Model:
        """Return what answers.

        Args:
            other: returns what would, if this were not there.

        Raises:
            ModelFailed: it records, and nobody answers.
        """
        replays = self.answer_kind == "auto"
        return self.own or Recording(other(), self.cassette, replays=replays)

    def as_json(self) -> dict[str, Any]:
        """Return what it was asked, and its cassette."""
        return {
            "answer": self.answer_kind,
            "calls": [
                {"request": normal(call.asked), "tools": call.tools, "error": call.error}
                for call in self.calls
            ],
            "cassette": written(self.cassette.entries),
        }


class Overrides:
    """The one that is there, if one is."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.now: Override | None = None

    def on_request(self, request: Request) -> Response:
        """Answer ``/_models``."""
        with self._lock:
            match request.method:
                case "POST":
                    try:
                        said = loads(request.get_data())
                        if not isinstance(said, dict):
                            raise WrongModels("an object is expected")
                        self.now = Override(said)
                    except ValueError as error:
                        return Response.for_json({"error": str(error)}, status=400)
                    return Response.for_json({"answer": self.now.answer_kind})
                case "DELETE":
                    told = self.now.as_json() if self.now is not None else {"answer": None}
                    self.now = None
                    return Response.for_json(told)
            return Response.for_json(
                self.now.as_json() if self.now is not None else {"answer": None}
            )


OVERRIDES = Overrides()
