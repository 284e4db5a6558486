"""Any server that speaks OpenAI's chat completions, with the ``openai`` package.

https://platform.openai.com/docs/api-reference/chat
"""

import contextlib
import json
import socket
from collections.abc import Callable
from typing import Any

import openai
from next_step import checked

from agent_common.conversation import Message, input_of
from agent_common.errors import LlmInvalidResponse, LlmMisconfigured, LlmUnavailable
from agent_common.tool_specs import TOOLS


class OpenAiProvider:
    """Streams a chat completion with tool calls. ``timeout`` is in seconds."""

    def __init__(self, model: str, api_key: str, base_url: str | None, timeout: float) -> None:
        self.model = model
        self._stream: Any = None
        # The workflow retries, with back-off that the user can see.
        self.client = openai.OpenAI(
            api_key=api_key, base_url=base_url, timeout=timeout, max_retries=0
        )

    def answer(self, messages: list[Message], on_text: Callable[[str], None]) -> Message:
        content = ""
        calls: dict[int, dict[str, Any]] = {}
        begun = finished = False
        tokens = 0
        self._stream = None
        try:
            # Messages and tools as plain dictionaries: the package's types for them are unions
            # over every role.
            request: dict[str, Any] = {
                "model": self.model,
                "messages": [to_openai(message) for message in messages],
                "tools": [
                    {"type": "function", "function": {"name": name, **spec}}
                    for name, spec in TOOLS.items()
                ],
                "stream": True,
                "stream_options": {"include_usage": True},
            }
            with self.client.chat.completions.create(**request) as stream:
                self._stream = stream
                for chunk in stream:
                    begun = True
                    if chunk.usage is not None:
                        tokens = chunk.usage.total_tokens
                    if not chunk.choices:
                        continue
                    finished = finished or chunk.choices[0].finish_reason is not None
                    delta = chunk.choices[0].delta
                    if delta.content:
                        content += delta.content
                        on_text(delta.content)
                    for part in delta.tool_calls or []:
                        call = calls.setdefault(part.index, {"id": "", "name": "", "arguments": ""})
                        call["id"] = part.id or call["id"]
                        if part.function is not None:
                            call["name"] += part.function.name or ""
                            call["arguments"] += part.function.arguments or ""
        except (openai.AuthenticationError, openai.PermissionDeniedError) as error:
            raise LlmMisconfigured("The LLM server refused the configured key") from error
        except (openai.NotFoundError, openai.BadRequestError) as error:
            raise LlmMisconfigured(
                f"The LLM server refused the request ({error.status_code}): is the model name "
                f"{self.model!r} right?"
            ) from error
        except openai.APITimeoutError as error:
            raise LlmUnavailable("The LLM server did not answer in time") from error
        except openai.APIConnectionError as error:
            raise LlmUnavailable("The LLM server cannot be reached") from error
        except openai.APIStatusError as error:
            raise LlmUnavailable(f"The LLM server answered {error.status_code}") from error
        except (openai.APIError, ValueError, AttributeError, TypeError) as error:
            raise LlmInvalidResponse("The LLM server's answer is not a chat completion") from error
        if not begun:
            raise LlmInvalidResponse("The LLM server's answer is not a chat completion")
        if not finished:
            raise LlmUnavailable("The LLM server's answer broke off")
        return checked(content, [calls[index] for index in sorted(calls)], tokens)

    def hang_up(self) -> None:
        if self._stream is not None:
            network = self._stream.response.extensions["network_stream"]
            with contextlib.suppress(OSError):
                network.get_extra_info("socket").shutdown(socket.SHUT_RDWR)


def to_openai(message: Message) -> dict[str, Any]:
    """Return a message in OpenAI's form."""
    match message["role"]:
        case "assistant":
            converted: dict[str, Any] = {"role": "assistant", "content": message["content"] or None}
            if message.get("toolCalls"):
                converted["tool_calls"] = [
                    {
                        "id": call["id"],
                        "type": "function",
                        # Servers refuse a conversation in which a call's input is no JSON.
                        "function": {
                            "name": call["name"],
                            "arguments": json.dumps(input_of(call) or {}),
                        },
                    }
                    for call in message["toolCalls"]
                ]
            return converted
        case "tool":
            return {
                "role": "tool",
                "tool_call_id": message["toolCallId"],
                "content": message["content"],
            }
        case "user":
            return {"role": "user", "content": user_text(message)}
        case role:
            return {"role": role, "content": message["content"]}


def user_text(message: Message) -> str:
    """Return the user's question with the dataset it is about, or a remark as it is."""
    if "dataset" not in message:
        return str(message["content"])
    about = {"dataset": message.get("dataset"), "columns": message.get("columns")}
    return f"{message['content']}\n\n{json.dumps(about)}"
