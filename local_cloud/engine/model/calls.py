"""The last calls of models, for whoever looks: requests, and the pieces of their answers.

``GET /_models/calls`` tells them, the newest first; ``/_models/calls/ID`` one of them, also as an
entry of a cassette and as rules of a script. ``ID`` may be that of the call's span.
"""

from __future__ import annotations

import json
import re
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from itertools import count
from typing import Any

import yaml
from localstack.http import Request, Response

from local_aws.json_text import loads
from local_aws.redaction import without_secrets
from local_aws.traces import place_of
from local_cloud.engine.caller import Caller, CallerLeft
from local_cloud.engine.model.cassette import Timed, digest, entry_of, normal, timed
from local_cloud.engine.model.pieces import (
    CHARACTERS,
    Asked,
    Begun,
    Heard,
    ModelFailed,
    Stop,
    Text,
    Thought,
    ToolInput,
    ToolUse,
    replaced,
)

#: Calls that are kept, and about so many characters of them all.
MOST, MOST_CHARACTERS = 200, 20_000_000
#: Of a text, what a list shows.
SHOWN = 200
#: Images and documents from this size on are not kept, in characters of base64.
LARGE = 100_000


class Call:
    """A call of a model.

    Args:
        header: of its trace, if it is of one.
    """

    def __init__(self, number: int, asked: Asked, header: str | None) -> None:
        self.id = str(number)
        self.at = time.time()
        self.asked = asked
        place: tuple[str | None, str | None] = place_of(header) or (None, None)
        self.trace, self.span = place
        self.pieces: list[Timed] = []
        self.error: str | None = None
        self.ms: int | None = None
        self.has_been_left = False
        self._began = time.monotonic()

    def heard(self, answer: Callable[[], Iterator[Heard]], caller: Caller) -> Iterator[Heard]:
        """Yield the pieces of an answer, and keep them; see :class:`.pieces.Model`."""
        try:
            for piece in answer():
                if not isinstance(piece, Begun):
                    self.pieces.append(timed(piece, self._began))
                yield piece
        except (CallerLeft, GeneratorExit):
            self.has_been_left = True
            raise
        except ModelFailed as failed:
            if caller.has_left:
                self.has_been_left = True
                raise CallerLeft from failed
            self.error = f"{failed.code}: {failed}"
            self.pieces.append(timed(failed, self._began))
            raise
        finally:
            self.ms = round((time.monotonic() - self._began) * 1000)

    @property
    def text(self) -> str:
        """What it said."""
        return "".join(piece.text for _, piece in self.pieces if isinstance(piece, Text))

    @property
    def thoughts(self) -> str:
        """What it thought."""
        return "".join(piece.text for _, piece in self.pieces if isinstance(piece, Thought))

    @property
    def tools(self) -> list[dict[str, Any]]:
        """Which tools it called, each with its input: a text, if that is no JSON."""
        found: list[dict[str, Any]] = []
        for _, piece in self.pieces:
            if isinstance(piece, ToolUse):
                found.append({"name": piece.name, "id": piece.id, "input": ""})
            elif isinstance(piece, ToolInput) and found:
                found[-1]["input"] += piece.text
        for tool in found:
            try:
                tool["input"] = loads(tool["input"] or "{}")
            except ValueError:
                continue
        return found

    def as_item(self) -> dict[str, Any]:
        """Return what a list shows of it."""
        stop = next((piece for _, piece in self.pieces if isinstance(piece, Stop)), None)
        given = sum(
            len(p.text) for _, p in self.pieces if isinstance(p, Text | Thought | ToolInput)
        )
        taken = stop.input_tokens if stop is not None else None
        spoken = stop.output_tokens if stop is not None else None
        return {
            "id": self.id,
            "at": self.at,
            "model": self.asked.model,
            "asks": without_secrets(_asks(self.asked))[:SHOWN],
            "says": without_secrets(self.text)[:SHOWN],
            "tools": [tool["name"] for tool in self.tools],
            "inputTokens": taken if taken is not None else self.asked.tokens,
            "outputTokens": spoken if spoken is not None else -(-given // CHARACTERS),
            "firstMs": self.pieces[0][0] if self.pieces else None,
            "ms": self.ms,
            "stop": stop.reason if stop is not None else None,
            "error": without_secrets(self.error),
            "left": self.has_been_left,
            "trace": self.trace,
            "span": self.span,
        }

    def as_json(self) -> dict[str, Any]:
        """Return all of it, without secrets."""
        asked = without_secrets(asdict(self.asked))
        system = [{"text": text} for text in asked["system"]]
        tools: dict[str, Any] = {"tools": [{"toolSpec": one} for one in asked["tools"]]}
        if asked["choice"]:
            tools["toolChoice"] = asked["choice"]
        entry = entry_of(normal(self.asked), self.pieces)
        return {
            **self.as_item(),
            "request": {
                "modelId": asked["model"],
                "messages": asked["messages"],
                **({"system": system} if system else {}),
                **({"toolConfig": tools} if asked["tools"] else {}),
                **({"inferenceConfig": asked["inference"]} if asked["inference"] else {}),
                **asked["more"],
            },
            "pieces": entry["answer"],
            "thoughts": without_secrets(self.thoughts),
            "text": without_secrets(self.text),
            "calls": without_secrets(self.tools),
            "cassette": json.dumps(entry, ensure_ascii=False),
            "script": yaml.safe_dump([self._rule()], allow_unicode=True, sort_keys=False),
        }

    def _rule(self) -> dict[str, Any]:
        """Return the rule of a script that answers a request like this one in the same way."""
        turn = 1 + sum(message["role"] == "assistant" for message in self.asked.messages)
        when: dict[str, Any] = {"turn": turn}
        last = self.asked.messages[-1]["content"]
        if words := without_secrets(_words(last)):
            when["text"] = re.escape(words[:SHOWN]).replace(r"\ ", " ")
        elif answered := _answered(self.asked):
            when["tool"] = answered[0]
        rule: dict[str, Any] = {"when": when}
        if self.thoughts:
            rule["think"] = self.thoughts
        if self.text:
            rule["say"] = self.text
        if tools := self.tools:
            rule["tools"] = [{"name": tool["name"], "input": tool["input"]} for tool in tools]
        if self.error is not None:
            code, _, message = self.error.partition(": ")
            rule["error"] = {"code": code, "message": message}
        return rule


class Calls:
    """The last calls."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._numbers = count(1)
        self._kept: deque[tuple[Call, int]] = deque()
        self._characters = 0

    def begin(self, asked: Asked, header: str | None) -> Call:
        """Keep a call that begins; return it."""
        call = Call(next(self._numbers), _light(asked), header)
        size = asked.tokens * CHARACTERS
        with self._lock:
            self._kept.append((call, size))
            self._characters += size
            while len(self._kept) > MOST or (
                self._characters > MOST_CHARACTERS and len(self._kept) > 1
            ):
                self._characters -= self._kept.popleft()[1]
        return call

    def find(self, name: str) -> Call | None:
        """Return the call of this id, or of this span."""
        with self._lock:
            return next((call for call, _ in self._kept if name in (call.id, call.span)), None)

    def latest(self) -> list[Call]:
        """Return them, the newest first."""
        with self._lock:
            return [call for call, _ in reversed(self._kept)]

    def on_request(self, request: Request, name: str | None = None) -> Response:
        """Answer ``/_models/calls`` and what is below."""
        if name is None:
            return Response.for_json({"calls": [call.as_item() for call in self.latest()]})
        call = self.find(name)
        if call is None:
            why = f"There is no call {name}: of the last calls {MOST} are kept"
            return Response.for_json({"error": why}, status=404)
        return Response.for_json(call.as_json())


def _asks(asked: Asked) -> str:
    """Return the words of the last message, or whose answers it has."""
    words = _words(asked.messages[-1]["content"])
    return words or ", ".join(f"{name} answered" for name in _answered(asked))


def _answered(asked: Asked) -> list[str]:
    """Return the tools whose answers are in the last message."""
    names = {
        block["toolUse"]["toolUseId"]: block["toolUse"]["name"]
        for message in asked.messages
        for block in message["content"]
        if "toolUse" in block
    }
    last = asked.messages[-1]["content"]
    return [names[block["toolResult"]["toolUseId"]] for block in last if "toolResult" in block]


def _words(blocks: Sequence[Mapping[str, Any]]) -> str:
    return "\n".join(block["text"] for block in blocks if "text" in block)


def _light(asked: Asked) -> Asked:
    """Return a request without the bytes of large images and documents."""

    def light(data: str) -> str:
        return digest(data) if len(data) > LARGE else data

    return replace(asked, messages=replaced(asked.messages, ("bytes",), light))


CALLS = Calls()
