"""A model at a server that speaks OpenAI's chat completions: Ollama, llama.cpp, vLLM, …

https://platform.openai.com/docs/api-reference/chat

It is asked by ``http.client``: a word is there in half of the time that httpx takes for it.
"""

from __future__ import annotations

import base64
import json
import socket
from collections.abc import Iterator, Mapping
from contextlib import closing, suppress
from http.client import HTTPException, HTTPResponse
from typing import Any

from local_aws.json_text import loads
from local_cloud.engine.caller import Caller
from local_cloud.engine.model.pieces import (
    Asked,
    Begun,
    Heard,
    ModelFailed,
    Piece,
    Stop,
    Text,
    Thought,
    ToolInput,
    ToolUse,
)
from local_cloud.engine.model.way import Way

CONNECT_SECONDS = 5.0
_REASONS = {"length": "max_tokens", "tool_calls": "tool_use", "content_filter": "content_filtered"}
_CODES = {
    400: "ValidationException",
    401: "AccessDeniedException",
    403: "AccessDeniedException",
    404: "ResourceNotFoundException",
    408: "ModelTimeoutException",
    429: "ThrottlingException",
    503: "ServiceUnavailableException",
}


class OpenAiCompatible:
    """Asks such a server.

    Args:
        base_url: up to ``/v1``.
        model: as the server names it.
        api_key: what it wants to know; ``None`` for one that asks for nothing.
        timeout: how long it may be silent, in seconds.
    """

    def __init__(
        self, base_url: str, model: str, api_key: str | None = None, timeout: float = 60.0
    ) -> None:
        base, mark, query = base_url.partition("?")  # some servers want a version there
        self.url = f"{base.rstrip('/')}/chat/completions{mark}{query}"
        self.model = model
        self.headers = {"Content-Type": "application/json"}
        if api_key:
            self.headers["Authorization"] = f"Bearer {api_key}"
        self.timeout = timeout
        self.way = Way.to(self.url)

    def answer(self, asked: Asked, caller: Caller) -> Iterator[Heard]:
        """Yield what the server streams; see :class:`.pieces.Model`."""
        request = {
            "model": self.model,
            "messages": messages_of(asked),
            "stream": True,
            "stream_options": {"include_usage": True},
            **_settings(asked),
        }
        headers = {**self.headers, **self.way.headers}
        try:
            with closing(self.way.connected(CONNECT_SECONDS)) as connection:
                own = connection.sock
                own.settimeout(self.timeout)
                with caller.ending(lambda: _cut(own)):
                    connection.request("POST", self.way.target, json.dumps(request), headers)
                    with connection.getresponse() as response:
                        if response.status != 200:
                            words = response.read(500).decode(errors="replace")
                            raise ModelFailed(
                                _CODES.get(response.status, "ModelErrorException"),
                                f"{self.url}: {response.status} {words}",
                            )
                        yield Begun()
                        yield from _pieces(_lines(response))
        except TimeoutError as error:
            raise ModelFailed("ModelTimeoutException", f"{self.url} takes too long") from error
        except (OSError, HTTPException) as error:
            raise ModelFailed(
                "ServiceUnavailableException", f"{self.url} does not answer: {error}"
            ) from error


def _cut(connection: socket.socket) -> None:
    """Have whoever reads from a connection hear that there is no more."""
    with suppress(OSError):  # it has ended by itself
        connection.shutdown(socket.SHUT_RDWR)


def _lines(response: HTTPResponse) -> Iterator[bytes]:
    """Yield lines as soon as they are there."""
    rest = b""
    while data := response.read1(65536):
        *lines, rest = (rest + data).split(b"\n")
        yield from lines
    if rest:
        yield rest


def _settings(asked: Asked) -> dict[str, Any]:
    names = {"maxTokens": "max_tokens", "topP": "top_p", "stopSequences": "stop"}
    settings: dict[str, Any] = {
        names.get(name, name): value for name, value in asked.inference.items() if value is not None
    }
    if asked.tools:
        settings["tools"] = [
            {
                "type": "function",
                "function": {
                    "name": tool["name"],
                    "description": tool.get("description", ""),
                    "parameters": tool["inputSchema"]["json"],
                },
            }
            for tool in asked.tools
        ]
    match asked.choice:
        case {"any": _}:
            settings["tool_choice"] = "required"
        case {"tool": {"name": name}}:
            settings["tool_choice"] = {"type": "function", "function": {"name": name}}
    return settings


def messages_of(asked: Asked) -> list[dict[str, Any]]:
    """Return a conversation in OpenAI's form."""
    told: list[dict[str, Any]] = [{"role": "system", "content": text} for text in asked.system]
    for message in asked.messages:
        blocks = message["content"]
        if message["role"] == "assistant":
            told.append(_assistant(blocks))
            continue
        for block in blocks:
            if "toolResult" in block:
                told.append(_tool(block["toolResult"]))
        if parts := [part for block in blocks if (part := _part(block)) is not None]:
            texts = [part["text"] for part in parts if part["type"] == "text"]
            plain = "\n".join(texts) if len(texts) == len(parts) else parts
            told.append({"role": "user", "content": plain})
    return told


def _assistant(blocks: list[dict[str, Any]]) -> dict[str, Any]:
    text = "".join(block["text"] for block in blocks if "text" in block)
    calls = [
        {
            "id": block["toolUse"]["toolUseId"],
            "type": "function",
            "function": {
                "name": block["toolUse"]["name"],
                "arguments": json.dumps(block["toolUse"]["input"]),
            },
        }
        for block in blocks
        if "toolUse" in block
    ]
    return {
        "role": "assistant",
        "content": text or None,
        **({"tool_calls": calls} if calls else {}),
    }


def _tool(result: Mapping[str, Any]) -> dict[str, Any]:
    texts = [
        one["text"] if "text" in one else json.dumps(one.get("json"))
        for one in result.get("content") or ()
    ]
    return {"role": "tool", "tool_call_id": result["toolUseId"], "content": "\n".join(texts)}


def _part(block: Mapping[str, Any]) -> dict[str, Any] | None:
    if "text" in block:
        return {"type": "text", "text": block["text"]}
    if "image" in block:
        image = block["image"]
        data = image["source"]["bytes"]
        text = data if isinstance(data, str) else base64.b64encode(data).decode()
        url = f"data:image/{image['format']};base64,{text}"
        return {"type": "image_url", "image_url": {"url": url}}
    if "toolResult" in block or "cachePoint" in block:
        return None
    raise ModelFailed(
        "ValidationException",
        f"This model takes no content of the kind {next(iter(block))}: its server has no form for "
        "it",
    )


def _pieces(lines: Iterator[bytes]) -> Iterator[Piece]:
    open_call: int | None = None
    reason: str | None = None
    taken: dict[str, Any] = {}
    for line in lines:
        if not line.startswith(b"data:"):
            continue
        data = line.removeprefix(b"data:").strip()
        if data == b"[DONE]":
            break
        try:
            chunk: dict[str, Any] = loads(data)
        except ValueError as error:
            raise ModelFailed("ModelStreamErrorException", f"No JSON: {data[:200]!r}") from error
        taken = chunk.get("usage") or taken
        if "error" in chunk:
            raise ModelFailed("ModelStreamErrorException", str(chunk["error"])[:500])
        for choice in chunk.get("choices") or ():
            delta = choice.get("delta") or {}
            # No part of OpenAI's API: servers of models that think have one of the two.
            if thought := delta.get("reasoning_content") or delta.get("reasoning"):
                yield Thought(thought)
            if delta.get("content"):
                yield Text(delta["content"])
            for call in delta.get("tool_calls") or ():
                function = call.get("function") or {}
                if call.get("index", 0) != open_call:
                    open_call = call.get("index", 0)
                    name = str(function.get("name") or "")
                    yield ToolUse(call.get("id") or f"tooluse_{open_call}", name)
                if function.get("arguments"):
                    yield ToolInput(function["arguments"])
            reason = choice.get("finish_reason") or reason
    if reason is None:
        raise ModelFailed("ModelStreamErrorException", "The server's answer broke off.")
    # Some servers end with "stop" after they have called a tool.
    ended = "tool_use" if open_call is not None else _REASONS.get(reason, "end_turn")
    yield Stop(ended, taken.get("prompt_tokens"), taken.get("completion_tokens"))
