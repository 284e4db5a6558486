"""Anthropic's Messages, as InvokeModel takes and answers them.

https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-anthropic-claude-messages.html
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from local_cloud.engine.model.pieces import ModelFailed

_INFERENCE = {
    "max_tokens": "maxTokens",
    "temperature": "temperature",
    "top_p": "topP",
    "stop_sequences": "stopSequences",
}
#: What Converse has no place for.
_MORE = ("anthropic_beta", "thinking", "top_k")


def to_converse(body: Mapping[str, Any]) -> dict[str, Any]:
    """Return a request as Converse has it.

    Raises:
        ModelFailed: it is none of Anthropic's.
    """
    for name in ("anthropic_version", "max_tokens", "messages"):
        if name not in body:
            raise ModelFailed("ValidationException", f"{name}: Field required")
    system = body.get("system") or []
    converse: dict[str, Any] = {
        "messages": _merged(body["messages"]),
        "system": [{"text": system}] if isinstance(system, str) else _with_points(system, _block),
        "inferenceConfig": {
            ours: body[theirs] for theirs, ours in _INFERENCE.items() if body.get(theirs)
        },
    }
    if tools := body.get("tools"):
        converse["toolConfig"] = {"tools": _with_points(tools, _tool)}
        match body.get("tool_choice") or {}:
            case {"type": "any"}:
                converse["toolConfig"]["toolChoice"] = {"any": {}}
            case {"type": "tool", "name": name}:
                converse["toolConfig"]["toolChoice"] = {"tool": {"name": name}}
    if more := {name: body[name] for name in _MORE if name in body}:
        converse["additionalModelRequestFields"] = more
    return converse


def _with_points(
    said: Any, made: Callable[[Mapping[str, Any]], dict[str, Any]]
) -> list[dict[str, Any]]:
    """Return each thing in Converse's form, and after it the point to which it is to be cached."""
    told: list[dict[str, Any]] = []
    for one in said:
        told.append(made(one))
        if one.get("cache_control"):
            told.append({"cachePoint": {"type": "default"}})
    return told


def _merged(messages: Any) -> list[dict[str, Any]]:
    """Return messages in turn: Anthropic takes several of one role for one."""
    merged: list[dict[str, Any]] = []
    for message in messages:
        said = message.get("content")
        blocks = [{"text": said}] if isinstance(said, str) else _with_points(said or (), _block)
        if merged and merged[-1]["role"] == message.get("role"):
            merged[-1]["content"] += blocks
        else:
            merged.append({"role": message.get("role"), "content": blocks})
    return merged


def _block(said: Mapping[str, Any]) -> dict[str, Any]:
    match said:
        case {"type": "text", "text": text}:
            return {"text": text}
        case {"type": "thinking", "thinking": text, "signature": signature}:
            return {"reasoningContent": {"reasoningText": {"text": text, "signature": signature}}}
        case {"type": "redacted_thinking", "data": data}:
            return {"reasoningContent": {"redactedContent": data}}
        case {"type": "tool_use", "id": name, "name": tool, "input": given}:
            return {"toolUse": {"toolUseId": name, "name": tool, "input": given}}
        case {"type": "tool_result", "tool_use_id": name}:
            told = said.get("content") or ""
            content = [{"text": told}] if isinstance(told, str) else [_block(one) for one in told]
            return {"toolResult": {"toolUseId": name, "content": content}}
        case {"type": "image", "source": {"type": "base64", "media_type": kind, "data": data}}:
            form = str(kind).rpartition("/")[2]
            return {"image": {"format": form, "source": {"bytes": data}}}
    raise ModelFailed(
        "ValidationException",
        f"messages: content of the type {said.get('type')!r} is not taken here (text, image, "
        "thinking, tool_use and tool_result are)",
    )


def _tool(said: Mapping[str, Any]) -> dict[str, Any]:
    tool = {"name": said["name"], "inputSchema": {"json": said.get("input_schema") or {}}}
    if said.get("description"):
        tool["description"] = said["description"]
    return {"toolSpec": tool}


def message_of(model: str, answer: Mapping[str, Any]) -> dict[str, Any]:
    """Return the answer of Converse as Anthropic's message."""
    content = [_content(one) for one in answer["output"]["message"]["content"]]
    usage = answer["usage"]
    return {
        **_message(model),
        "content": content,
        "stop_reason": answer["stopReason"],
        "usage": {"input_tokens": usage["inputTokens"], "output_tokens": usage["outputTokens"]},
    }


def _content(block: Mapping[str, Any]) -> dict[str, Any]:
    match block:
        case {"toolUse": {"toolUseId": name, "name": tool, "input": given}}:
            return {"type": "tool_use", "id": name, "name": tool, "input": given}
        case {"reasoningContent": {"redactedContent": data}}:
            return {"type": "redacted_thinking", "data": data}
        case {"reasoningContent": {"reasoningText": thought}}:
            signature = thought.get("signature", "")
            return {"type": "thinking", "thinking": thought["text"], "signature": signature}
    return {"type": "text", "text": block["text"]}


def _message(model: str) -> dict[str, Any]:
    return {
        "id": f"msg_bdrk_{uuid.uuid4().hex[:24]}",
        "type": "message",
        "role": "assistant",
        "model": model.partition(".")[2].partition("-v")[0],
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
    }


class Chunks:
    """A stream of Converse's events as Anthropic's.

    Args:
        input_tokens: about how long the request is: its first event says so.
        first_ms: how long the first word took, in milliseconds.
    """

    def __init__(self, model: str, input_tokens: int, first_ms: int) -> None:
        self.model = model
        self.input_tokens = input_tokens
        self.first_ms = first_ms
        self._opened = -1
        self._stop: dict[str, Any] = {}

    def of(self, name: str, event: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
        """Yield what an event is here."""
        index = event.get("contentBlockIndex", 0)
        match name:
            case "messageStart":
                usage = {"input_tokens": self.input_tokens, "output_tokens": 0}
                yield {"type": "message_start", "message": {**_message(self.model), "usage": usage}}
            case "contentBlockStart":
                self._opened, use = index, event["start"]["toolUse"]
                block = {"type": "tool_use", "id": use["toolUseId"], "name": use["name"]}
                yield _start(index, {**block, "input": {}})
            case "contentBlockDelta" if "text" in event["delta"]:
                if self._opened != index:
                    self._opened = index
                    yield _start(index, {"type": "text", "text": ""})
                delta = {"type": "text_delta", "text": event["delta"]["text"]}
                yield {"type": "content_block_delta", "index": index, "delta": delta}
            case "contentBlockDelta" if thought := event["delta"].get("reasoningContent"):
                if "redactedContent" in thought:
                    self._opened = index
                    block = {"type": "redacted_thinking", "data": thought["redactedContent"]}
                    yield _start(index, block)
                    return
                if self._opened != index:
                    self._opened = index
                    yield _start(index, {"type": "thinking", "thinking": "", "signature": ""})
                kind, value = next(iter(thought.items()))
                name = "thinking" if kind == "text" else kind
                delta = {"type": f"{name}_delta", name: value}
                yield {"type": "content_block_delta", "index": index, "delta": delta}
            case "contentBlockDelta":
                text = event["delta"]["toolUse"]["input"]
                delta = {"type": "input_json_delta", "partial_json": text}
                yield {"type": "content_block_delta", "index": index, "delta": delta}
            case "contentBlockStop":
                yield {"type": "content_block_stop", "index": index}
            case "messageStop":
                self._stop = {"stop_reason": event["stopReason"], "stop_sequence": None}
            case "metadata":
                usage = event["usage"]
                tokens = {"output_tokens": usage["outputTokens"]}
                yield {"type": "message_delta", "delta": self._stop, "usage": tokens}
                latency = event["metrics"]["latencyMs"]
                yield {
                    "type": "message_stop",
                    "amazon-bedrock-invocationMetrics": {
                        "inputTokenCount": usage["inputTokens"],
                        "outputTokenCount": usage["outputTokens"],
                        "invocationLatency": latency,
                        "firstByteLatency": self.first_ms,
                    },
                }


def _start(index: int, block: dict[str, Any]) -> dict[str, Any]:
    return {"type": "content_block_start", "index": index, "content_block": block}
