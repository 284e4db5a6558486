"""Requests and their answers, kept as lines of JSON: played again without a model.

An entry is found by what matters in a request: ids of tool calls, UUIDs and times are numbered in
the order in which they come. Where none fits, the nearest is told with what differs.
"""

from __future__ import annotations

import difflib
import json
import re
import threading
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from hashlib import sha256
from typing import Any

from local_aws.redaction import without_secrets
from local_cloud.engine.caller import Caller
from local_cloud.engine.model.pieces import (
    STATUSES,
    Asked,
    Begun,
    Heard,
    Model,
    ModelFailed,
    Piece,
    Stop,
    Text,
    Thought,
    ToolInput,
    ToolUse,
    replaced,
)

#: A piece, or what broke an answer off, with its milliseconds.
Timed = tuple[int, Piece | ModelFailed]
#: Lines of a difference that are told.
MOST_LINES = 40
_VOLATILE = re.compile(
    r"(?P<uuid>[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})"
    r"|(?P<time>\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:?\d\d)?)",
    re.IGNORECASE,
)
_NAMES: dict[type[Piece], str] = {
    Text: "text",
    Thought: "thought",
    ToolUse: "tool",
    ToolInput: "input",
    Stop: "stop",
}


class NoCassette(ValueError):
    """Something that is no cassette; the message says in which line, and why."""


def normal(asked: Asked) -> dict[str, Any]:
    """Return what matters of a request, without secrets."""
    numbers: dict[str, str] = {}

    def numbered(kind: str, value: str) -> str:
        count = sum(1 for one in numbers.values() if one.startswith(f"<{kind}-"))
        return numbers.setdefault(f"{kind} {value}", f"<{kind}-{count + 1}>")

    def plain(value: Any, name: str = "") -> Any:
        if isinstance(value, Mapping):
            return {key: plain(inner, key) for key, inner in value.items()}
        if isinstance(value, list):
            return [plain(inner) for inner in value]
        if not isinstance(value, str):
            return value
        if name == "toolUseId":
            return numbered("call", value)
        if name == "bytes":
            return digest(value)
        return _VOLATILE.sub(lambda match: numbered(str(match.lastgroup), match[0].lower()), value)

    told = {name: value for name, value in asdict(asked).items() if value not in (None, [], {})}
    found: dict[str, Any] = plain(without_secrets(told))
    return found


def digest(data: str) -> str:
    """Return what stands for an image or a document: its size and its hash.

    Args:
        data: in base64; what stands for one already stays as it is.
    """
    if data.startswith("("):
        return data
    return f"({len(data) * 3 // 4} bytes, SHA-256 {sha256(data.encode()).hexdigest()[:16]})"


class Cassette:
    """The entries of a cassette.

    Args:
        entries: as its lines have them, already checked.
    """

    def __init__(self, entries: Iterable[Mapping[str, Any]] = ()) -> None:
        self.entries = [dict(entry) for entry in entries]
        self._lock = threading.Lock()
        self._played: Counter[str] = Counter()

    def add(self, request: Mapping[str, Any], answer: Sequence[Mapping[str, Any]]) -> None:
        """Keep an answer."""
        with self._lock:
            self.entries.append({"request": dict(request), "answer": list(answer)})

    def find(self, request: Mapping[str, Any]) -> Sequence[Mapping[str, Any]] | None:
        """Return the answer to a request: that of the first time, then of the second, …"""
        key = json.dumps(request, sort_keys=True)
        with self._lock:
            fits = [
                one["answer"]
                for one in self.entries
                if json.dumps(one["request"], sort_keys=True) == key
            ]
            if not fits:
                return None
            number = self._played[key]
            self._played[key] += 1
        found: Sequence[Mapping[str, Any]] = fits[min(number, len(fits) - 1)]
        return found

    def difference(self, request: Mapping[str, Any]) -> str:
        """Return how a request differs from the entry that is nearest to it."""
        if not self.entries:
            return "it has no entries"
        asked = _lines(request)
        matcher = difflib.SequenceMatcher(autojunk=False)
        matcher.set_seq2(asked)

        def likeness(number: int) -> float:
            matcher.set_seq1(_lines(self.entries[number]["request"]))
            return matcher.ratio()

        nearest = max(range(len(self.entries)), key=likeness)
        recorded = _lines(self.entries[nearest]["request"])
        lines = list(
            difflib.unified_diff(
                *(recorded, asked), f"entry {nearest + 1}", "asked", lineterm="", n=2
            )
        )
        more = [f"… {len(lines) - MOST_LINES} lines more"] if len(lines) > MOST_LINES else []
        return "\n".join([*lines[:MOST_LINES], *more])


def _lines(request: Mapping[str, Any]) -> list[str]:
    return json.dumps(request, indent=1, sort_keys=True, ensure_ascii=False).splitlines()


class Replayed:
    """A model that says what a cassette has.

    Args:
        speed: how many times as fast as it was; 0 without any wait.
    """

    def __init__(self, cassette: Cassette, speed: float = 0.0) -> None:
        self.cassette = cassette
        self.speed = speed

    def answer(self, asked: Asked, caller: Caller) -> Iterator[Heard]:
        """Yield a recorded answer; see :class:`.pieces.Model`."""
        request = normal(asked)
        found = self.cassette.find(request)
        if found is None:
            raise ModelFailed(
                "ModelErrorException",
                "No entry of the cassette fits this request; from the nearest it differs in:\n"
                f"{self.cassette.difference(request)}",
            )
        return _played(found, self.speed, caller)


def _played(told: Sequence[Mapping[str, Any]], speed: float, caller: Caller) -> Iterator[Heard]:
    began = time.monotonic()
    if speed and "error" not in told[0]:
        yield Begun()
    for one in told:
        if speed:
            wait = began + one["ms"] / 1000 / speed - time.monotonic()
            caller.wait(wait)  # it took its time then, too
        if "error" in one:
            raise ModelFailed(one["error"]["code"], one["error"]["message"])
        yield piece_of(one)


class Recording:
    """A model whose answers are kept.

    Args:
        replays: whether what is there already is not asked again.
    """

    def __init__(self, model: Model, cassette: Cassette, *, replays: bool = False) -> None:
        self.model = model
        self.cassette = cassette
        self.replays = replays

    def answer(self, asked: Asked, caller: Caller) -> Iterator[Heard]:
        """Yield its answer, and keep it when it has ended; see :class:`.pieces.Model`."""
        request = normal(asked)
        if self.replays and (found := self.cassette.find(request)) is not None:
            yield from _played(found, 0.0, caller)
            return
        began, kept = time.monotonic(), list[Timed]()
        try:
            for piece in self.model.answer(asked, caller):
                if not isinstance(piece, Begun):
                    kept.append(timed(piece, began))
                yield piece
        except ModelFailed as failed:
            caller.check()
            kept.append(timed(failed, began))
            self.cassette.add(**entry_of(request, kept))
            raise
        # Not of one that the client has left: it is no whole answer.
        self.cassette.add(**entry_of(request, kept))


def timed(piece: Piece | ModelFailed, began: float) -> Timed:
    """Return a piece with the milliseconds since a time of the steady clock."""
    return round((time.monotonic() - began) * 1000), piece


def entry_of(request: Mapping[str, Any], pieces: Iterable[Timed]) -> dict[str, Any]:
    """Return an entry of a request, as :func:`normal` has it, and its answer."""
    return {"request": dict(request), "answer": [_line(ms, piece) for ms, piece in pieces]}


def _line(ms: int, piece: Piece | ModelFailed) -> dict[str, Any]:
    if isinstance(piece, ModelFailed):
        return {"ms": ms, "error": {"code": piece.code, "message": str(piece)}}
    if isinstance(piece, Text | ToolInput):
        return {"ms": ms, _NAMES[type(piece)]: piece.text}
    said = {name: value for name, value in asdict(piece).items() if value not in (None, "")}
    return {"ms": ms, _NAMES[type(piece)]: said}


def piece_of(said: Mapping[str, Any]) -> Piece:
    """Return a piece that an entry has.

    Raises:
        NoCassette: it is none.
    """
    match said:
        case {"text": str(text)}:
            return Text(text)
        case {"thought": dict() as thought}:
            return Thought(**thought)
        case {"input": str(text)}:
            return ToolInput(text)
        case {"tool": {"id": name, "name": tool}}:
            return ToolUse(name, tool)
        case {"stop": dict() as stop}:
            return Stop(**stop)
    raise NoCassette(f"{said} is no piece of an answer")


def read(text: str) -> list[dict[str, Any]]:
    """Return the entries of a cassette.

    Raises:
        NoCassette: it is none.
    """
    entries = []
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        try:
            entry = json.loads(line)
            _check(entry)
        except (ValueError, KeyError, TypeError) as error:
            raise NoCassette(f"line {number}: {error}") from error
        # One that was recorded with its images in whole, or by other rules of what is secret, is
        # found, too.
        request = without_secrets(replaced(entry["request"], ("bytes",), digest))
        entries.append(entry | {"request": request})
    return entries


def _check(entry: Any) -> None:
    if not isinstance(entry, dict) or not isinstance(entry.get("request"), dict):
        raise NoCassette("an entry has a request and an answer")
    if not isinstance(entry["request"].get("messages"), list):
        raise NoCassette("its request has no messages")
    answer = entry.get("answer")
    if not isinstance(answer, list) or not answer:
        raise NoCassette("its answer has no pieces")
    for one in answer:
        if not isinstance(one.get("ms"), int | float):
            raise NoCassette(f"{one} does not say when: ms")
        if "error" in one:
            if one["error"].get("code") not in STATUSES:
                raise NoCassette(f"{one['error'].get('code')} is no error of Bedrock's")
        else:
            piece_of(one)
    if "error" not in answer[-1] and "stop" not in answer[-1]:
        raise NoCassette("its answer does not end")


def written(entries: Iterable[Mapping[str, Any]]) -> str:
    """Return the lines of a cassette."""
    return "".join(json.dumps(entry, ensure_ascii=False) + "\n" for entry in entries)
