"""A model's pieces as Bedrock answers them: in one, or as the events of a stream.

https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ConverseStream.html
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Any

from local_aws.json_text import loads
from local_cloud.engine.caller import Caller
from local_cloud.engine.model.pieces import (
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
    tokens_of,
)

Event = tuple[str, dict[str, Any]]


class Limited:
    """A model that heeds ``maxTokens`` and ``stopSequences``, which another does not by itself."""

    def __init__(self, model: Model) -> None:
        self.model = model

    def answer(self, asked: Asked, caller: Caller) -> Iterator[Heard]:
        """Yield its answer up to the first limit; see :class:`.pieces.Model`."""
        return _limited(self.model.answer(asked, caller), asked)


def _limited(pieces: Iterator[Heard], asked: Asked) -> Iterator[Heard]:
    most = asked.inference.get("maxTokens")
    ends = [end for end in asked.inference.get("stopSequences") or () if end]
    said, spent = "", 0
    for piece in pieces:
        if isinstance(piece, Text):
            before = len(said)
            said += piece.text
            if (at := _first(said, ends)) is not None:
                if at > before:
                    yield Text(said[before:at])
                yield Stop("stop_sequence")
                return
        if isinstance(piece, Text | Thought | ToolInput):
            spent += tokens_of(piece.text)
            if most is not None and spent > most:
                yield Stop("max_tokens")
                return
        yield piece


def _first(text: str, ends: Iterable[str]) -> int | None:
    return min((at for end in ends if (at := text.find(end)) >= 0), default=None)


def events(pieces: Iterator[Heard], asked: Asked, began: float) -> Iterator[list[Event]]:
    """Yield the events of a stream, in AWS's order: those of a piece, which go out at once.

    Args:
        began: when the model was asked, by the steady clock.

    Raises:
        ModelFailed: amid it; whoever sends it tells the client.
    """
    told: list[Event] = [("messageStart", {"role": "assistant"})]
    index, spoken = 0, 0
    kind: type[Piece] | None = None
    stop: Stop | None = None
    for piece in pieces:
        if isinstance(piece, Stop):
            stop = piece
            continue
        if isinstance(piece, Begun):
            yield told
            told = []
            continue
        if not isinstance(piece, ToolInput):
            if kind is not None and (kind is not type(piece) or kind is ToolUse):
                told.append(("contentBlockStop", {"contentBlockIndex": index}))
                index += 1
            kind = type(piece)
        if isinstance(piece, ToolUse):
            use = {"toolUse": {"toolUseId": piece.id, "name": piece.name}}
            told.append(("contentBlockStart", {"start": use, "contentBlockIndex": index}))
        else:
            spoken += tokens_of(piece.text)
            for delta in _deltas(piece):
                told.append(("contentBlockDelta", {"delta": delta, "contentBlockIndex": index}))
        yield told
        told = []
    if stop is None:
        raise ModelFailed("ModelStreamErrorException", "The model's answer broke off.")
    if kind is not None:
        told.append(("contentBlockStop", {"contentBlockIndex": index}))
    told.append(("messageStop", {"stopReason": stop.reason}))
    latency = {"latencyMs": round((time.monotonic() - began) * 1000)}
    told.append(("metadata", {"usage": _usage(stop, asked, spoken), "metrics": latency}))
    yield told


def _deltas(piece: Text | Thought | ToolInput) -> Iterator[dict[str, Any]]:
    match piece:
        case Text(text):
            yield {"text": text}
        case ToolInput(text):
            yield {"toolUse": {"input": text}}
        case Thought(text, signature, redacted):
            told = {"text": text, "signature": signature, "redactedContent": redacted}
            for name, value in told.items():
                if value:
                    yield {"reasoningContent": {name: value}}


def _usage(stop: Stop, asked: Asked, spoken: int) -> dict[str, int]:
    taken = stop.input_tokens if stop.input_tokens is not None else asked.tokens
    given = stop.output_tokens if stop.output_tokens is not None else spoken
    cached = {
        name: count
        for name, count in (
            ("cacheReadInputTokens", stop.cache_read_tokens),
            ("cacheWriteInputTokens", stop.cache_write_tokens),
        )
        if count is not None
    }
    total = taken + given + sum(cached.values())
    return {"inputTokens": taken, "outputTokens": given, "totalTokens": total, **cached}


def whole(pieces: Iterator[Heard], asked: Asked) -> dict[str, Any]:
    """Return the answer of Converse, which begins now.

    Raises:
        ModelFailed: there is none, or a tool's input is no JSON.
    """
    content: list[dict[str, Any]] = []
    inputs: dict[int, str] = {}
    answer: dict[str, Any] = {}
    for name, event in chain.from_iterable(events(pieces, asked, time.monotonic())):
        index = event.get("contentBlockIndex", 0)
        match name:
            case "contentBlockStart":
                content.append({"toolUse": {**event["start"]["toolUse"], "input": {}}})
                inputs[index] = ""
            case "contentBlockDelta" if "text" in event["delta"]:
                if len(content) <= index:
                    content.append({"text": ""})
                content[index]["text"] += event["delta"]["text"]
            case "contentBlockDelta" if "reasoningContent" in event["delta"]:
                if len(content) <= index:
                    content.append({"reasoningContent": {}})
                _think(content[index]["reasoningContent"], event["delta"]["reasoningContent"])
            case "contentBlockDelta":
                inputs[index] += event["delta"]["toolUse"]["input"]
            case "messageStop":
                answer |= event
            case "metadata":
                answer |= event
    for index, text in inputs.items():
        try:
            content[index]["toolUse"]["input"] = loads(text or "{}")
        except ValueError as error:
            raise ModelFailed(
                "ModelErrorException", f"The model produced invalid JSON for a tool: {text}"
            ) from error
    return {"output": {"message": {"role": "assistant", "content": content}}, **answer}


def _think(thought: dict[str, Any], delta: dict[str, str]) -> None:
    """Put more of a thought to what there is of it."""
    if "redactedContent" in delta:
        thought |= delta
        return
    told = thought.setdefault("reasoningText", {"text": ""})
    for name, value in delta.items():
        told[name] = told.get(name, "") + value
