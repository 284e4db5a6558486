"""Amazon Bedrock's Converse API.

https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ConverseStream.html
"""

from collections.abc import Callable
from contextlib import closing, suppress
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from next_step import checked

from agent_common.conversation import Message, input_of
from agent_common.errors import LlmInvalidResponse, LlmMisconfigured, LlmUnavailable
from agent_common.tool_specs import TOOLS
from providers.openai_compatible import user_text

_MISCONFIGURED = {
    "AccessDeniedException",
    "ResourceNotFoundException",
    "UnrecognizedClientException",
    "ValidationException",
}


class BedrockProvider:
    """Streams a Converse call with tool use. ``timeout`` is in seconds."""

    def __init__(
        self, model: str, region: str | None, endpoint: str | None, timeout: float
    ) -> None:
        self.model = model
        self._stream: Any = None
        self.client: Any = boto3.client(
            "bedrock-runtime",
            region_name=region,
            endpoint_url=endpoint,
            config=Config(
                connect_timeout=5, read_timeout=timeout, retries={"total_max_attempts": 1}
            ),
        )

    def answer(self, messages: list[Message], on_text: Callable[[str], None]) -> Message:
        content = ""
        calls: list[dict[str, Any]] = []
        tokens = 0
        self._stream = None
        finished = False
        try:
            response = self.client.converse_stream(
                modelId=self.model,
                system=[{"text": m["content"]} for m in messages if m["role"] == "system"],
                messages=to_converse(messages),
                toolConfig={
                    "tools": [
                        {
                            "toolSpec": {
                                "name": name,
                                "description": spec["description"],
                                "inputSchema": {"json": spec["parameters"]},
                            }
                        }
                        for name, spec in TOOLS.items()
                    ]
                },
            )
            with closing(response["stream"]) as stream:
                self._stream = stream
                for event in stream:
                    finished = finished or "messageStop" in event
                    if "contentBlockStart" in event:
                        use = event["contentBlockStart"]["start"].get("toolUse")
                        if use:
                            call = {"id": use["toolUseId"], "name": use["name"], "arguments": ""}
                            calls.append(call)
                    elif "contentBlockDelta" in event:
                        delta = event["contentBlockDelta"]["delta"]
                        if "text" in delta:
                            content += delta["text"]
                            on_text(delta["text"])
                        elif "toolUse" in delta and calls:
                            calls[-1]["arguments"] += delta["toolUse"]["input"]
                    elif "metadata" in event:
                        tokens = event["metadata"]["usage"]["totalTokens"]
        except ClientError as error:
            code, why = (error.response["Error"].get(name, "") for name in ("Code", "Message"))
            if code in _MISCONFIGURED:
                raise LlmMisconfigured(f"Bedrock refused the request: {code}: {why}") from error
            raise LlmUnavailable(f"Bedrock did not answer: {code}: {why}") from error
        except BotoCoreError as error:
            raise LlmUnavailable("Bedrock cannot be reached") from error
        except (KeyError, TypeError) as error:
            raise LlmInvalidResponse("Bedrock's answer is not a Converse stream") from error
        if not finished:
            raise LlmUnavailable("Bedrock's answer broke off")
        return checked(content, calls, tokens)

    def hang_up(self) -> None:
        # botocore has no way to end a read that waits in another thread; urllib3, below it, has.
        shut_down = getattr(getattr(self._stream, "_raw_stream", None), "shutdown", None)
        if shut_down is not None:
            with suppress(OSError, ValueError):  # it has ended by itself
                shut_down()


def to_converse(messages: list[Message]) -> list[dict[str, Any]]:
    """Return the conversation in Converse's form: user and assistant in turn."""
    converted: list[dict[str, Any]] = []
    for message in messages:
        if message["role"] == "system":
            continue
        role = "assistant" if message["role"] == "assistant" else "user"
        blocks = _blocks(message)
        if converted and converted[-1]["role"] == role:
            converted[-1]["content"] += blocks
        else:
            converted.append({"role": role, "content": blocks})
    return converted


def _blocks(message: Message) -> list[dict[str, Any]]:
    if message["role"] == "tool":
        result = {"toolUseId": message["toolCallId"], "content": [{"text": message["content"]}]}
        return [{"toolResult": result}]
    if message["role"] == "user":
        return [{"text": user_text(message)}]
    blocks: list[dict[str, Any]] = [{"text": message["content"]}] if message["content"] else []
    for call in message.get("toolCalls") or []:
        use = {"toolUseId": call["id"], "name": call["name"], "input": input_of(call) or {}}
        blocks.append({"toolUse": use})
    return blocks
