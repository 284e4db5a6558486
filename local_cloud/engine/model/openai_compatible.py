"""A model at a server that speaks OpenAI's chat completions: Ollama, llama.cpp, vLLM, …

https://platform.openai.com/docs/api-reference/chat
"""

from __future__ import annotations

import base64
import json
import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit

import httpx

from local_cloud.engine.caller import Caller
from local_cloud.engine.model.pieces import (
    Asked,
    ModelFailed,
    Piece,
    Stop,
    Text,
    Thought,
    ToolInput,
    ToolUse,
)

CONNECT_SECONDS = 5.0
_HERE = ("localhost", "127.0.0.1", "::1", "host.docker.internal")
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
        self.url = f"{base_url.rstrip('/')}/chat/completions"
        self.model = model
        self.headers = {"Authorization": f"Bearer {api_key}"} if api_key else {}
        self.client = httpx.Client(
            timeout=httpx.Timeout(timeout, connect=CONNECT_SECONDS),
            # Each answer has a connection of its own, which ends with it.
            limits=httpx.Limits(max_connections=None, max_keepalive_connections=0),
            trust_env=urlsplit(base_url).hostname not in _HERE,  # no proxy leads here
        )

    def answer(self, asked: Asked, caller: Caller) -> Iterator[Piece]:
        """Yield what the server streams; see :class:`.pieces.Model`."""
        request = {
            "model": self.model,
            "messages": messages_of(asked),
            "stream": True,
            "stream_options": {"include_usage": True},
            **_settings(asked),
        }
        connection = Connection()
        try:
            with (
                caller.ending(connection.cut),
                self.client.stream(
                    "POST",
                    self.url,
                    json=request,
                    headers=self.headers,
                    extensions={"trace": connection.trace},
                ) as response,
            ):
                if response.status_code != 200:
                    response.read()
                    raise ModelFailed(
                        _CODES.get(response.status_code, "ModelErrorException"),
                        f"{self.url}: {response.status_code} {response.text[:500]}",
                    )
                yield from _pieces(response.iter_lines())
        except httpx.TimeoutException as error:
            raise ModelFailed("ModelTimeoutException", f"{self.url} takes too long") from error
        except httpx.HTTPError as error:
            raise ModelFailed(
                "ServiceUnavailableException", f"{self.url} does not answer: {error}"
            ) from error


class Connection:
    """The connection of a request that httpx makes, and that another thread may cut.

    https://www.python-httpx.org/advanced/extensions/#trace
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._stream: Any = None
        self._is_cut = False

    def trace(self, name: str, told: Mapping[str, Any]) -> None:
        """Hear what httpx does for the request: whether it has connected."""
        if name in ("connection.connect_tcp.complete", "connection.start_tls.complete"):
            with self._lock:
                self._stream = told["return_value"]
                is_cut = self._is_cut
            if is_cut:
                self.cut()

    def cut(self) -> None:
        """End it: whoever waits for more of the answer hears that there is none."""
        with self._lock:
            self._is_cut = True
            stream = self._stream
        if stream is not None:
            with suppress(OSError):  # it has ended by itself
                stream.get_extra_info("socket").shutdown(socket.SHUT_RDWR)


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


def _pieces(lines: Iterator[str]) -> Iterator[Piece]:
    open_call: int | None = None
    reason: str | None = None
    taken: dict[str, Any] = {}
    for line in lines:
        if not line.startswith("data:"):
            continue
        data = line.removeprefix("data:").strip()
        if data == "[DONE]":
            break
        try:
            chunk: dict[str, Any] = json.loads(data)
        except ValueError as error:
            raise ModelFailed("ModelStreamErrorException", f"No JSON: {data[:200]}") from error
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
