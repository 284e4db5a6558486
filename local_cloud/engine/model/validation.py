"""Whether a conversation is one that Bedrock takes, in Bedrock's words where it is not.

https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Message.html
https://docs.aws.amazon.com/bedrock/latest/userguide/tool-use-inference-call.html
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

from local_cloud.engine.model.pieces import Asked, ModelFailed

#: What of a body is read one by one.
_READ = ("messages", "system", "toolConfig", "inferenceConfig")
ROLES = ("user", "assistant")
#: https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Message.html
MOST_IMAGES, MOST_DOCUMENTS = 20, 5
IMAGE_BYTES, DOCUMENT_BYTES = 3_932_160, 4_718_592


def asked_of(model: str, body: Mapping[str, Any]) -> Asked:
    """Return the request of a Converse body.

    Raises:
        ModelFailed: it is none that Bedrock takes.
    """
    messages = body.get("messages")
    if not isinstance(messages, list) or not messages:
        raise _wrong(
            "A conversation must start with a user message. Try again with a conversation that "
            "starts with a user message."
        )
    config, system = body.get("toolConfig") or {}, body.get("system") or []
    tools = [one["toolSpec"] for one in config.get("tools") or () if "toolSpec" in one]
    _check_tools(config, tools)
    for number, message in enumerate(messages):
        _check_message(number, message)
    _check_roles(messages)
    _check_uses(messages, has_tools=bool(tools))
    _check_sizes(messages)
    return Asked(
        model,
        messages,
        [one["text"] for one in system if "text" in one],
        tools,
        config.get("toolChoice"),
        body.get("inferenceConfig") or {},
        {
            name: value
            for name, value in body.items()
            if name not in _READ
            or (name == "system" and any("text" not in one for one in system))
            or (name == "toolConfig" and any("toolSpec" not in one for one in config["tools"]))
        },
    )


def _wrong(words: str) -> ModelFailed:
    return ModelFailed("ValidationException", words)


def _check_tools(config: Mapping[str, Any], tools: Sequence[Mapping[str, Any]]) -> None:
    if "tools" in config and not config["tools"]:
        raise _wrong(
            "1 validation error detected: Value at 'toolConfig.tools' failed to satisfy "
            "constraint: Member must have length greater than or equal to 1"
        )
    for number, tool in enumerate(tools):
        schema = (tool.get("inputSchema") or {}).get("json")
        if not isinstance(schema, dict) or schema.get("type") != "object":
            raise _wrong(
                f"The value at toolConfig.tools.{number}.toolSpec.inputSchema.json.type must be "
                "one of the following: object."
            )


def _check_message(number: int, message: Any) -> None:
    if message.get("role") not in ROLES:
        raise _wrong(
            f"1 validation error detected: Value '{message.get('role')}' at "
            f"'messages.{number + 1}.member.role' failed to satisfy constraint: Member must "
            "satisfy enum value set: [user, assistant]"
        )
    blocks = message.get("content")
    if not blocks:
        raise _wrong(
            f"The content field in the Message object at messages.{number} is empty. Add a "
            "ContentBlock object to the content field and try again."
        )
    for place, block in enumerate(blocks):
        if "text" in block and not str(block["text"]).strip():
            raise _wrong(
                f"The text field in the ContentBlock object at messages.{number}.content.{place} "
                "is blank. Add text to the text field, and try again."
            )


def _check_roles(messages: Sequence[Mapping[str, Any]]) -> None:
    if messages[0]["role"] != "user":
        raise _wrong(
            "A conversation must start with a user message. Try again with a conversation that "
            "starts with a user message."
        )
    for before, after in pairwise(messages):
        if before["role"] == after["role"]:
            raise _wrong(
                "A conversation must alternate between user and assistant roles. Make sure the "
                "conversation alternates between user and assistant roles and try again."
            )


def _check_uses(messages: Sequence[Mapping[str, Any]], *, has_tools: bool) -> None:
    """Check that each call of a tool is answered in the next message, and nothing else is."""
    asked: list[str] = []
    for number, message in enumerate(messages):
        place = f"messages.{number}.content"
        uses = [one["toolUse"]["toolUseId"] for one in message["content"] if "toolUse" in one]
        results = [
            one["toolResult"]["toolUseId"] for one in message["content"] if "toolResult" in one
        ]
        if (uses or results) and not has_tools:
            raise _wrong(
                "The toolConfig field must be defined when using toolUse and toolResult content "
                "blocks."
            )
        for kind, names in (("toolUse", uses), ("toolResult", results)):
            if twice := [name for name, count in Counter(names).items() if count > 1]:
                raise _wrong(
                    f"The {kind} blocks at {place} contain duplicate Ids: {', '.join(twice)}"
                )
        if missing := [name for name in asked if name not in results]:
            raise _wrong(
                f"Expected toolResult blocks at {place} for the following Ids: {', '.join(missing)}"
            )
        if len(results) > len(asked):
            raise _wrong(
                f"The number of toolResult blocks at {place} exceeds the number of toolUse blocks "
                "of previous turn."
            )
        asked = uses
    if asked:
        raise _wrong(
            f"Expected toolResult blocks at messages.{len(messages)}.content for the following "
            f"Ids: {', '.join(asked)}"
        )


def _check_sizes(messages: Sequence[Mapping[str, Any]]) -> None:
    for kind, most, size in (
        ("image", MOST_IMAGES, IMAGE_BYTES),
        ("document", MOST_DOCUMENTS, DOCUMENT_BYTES),
    ):
        for message in messages:
            found = [one[kind] for one in message["content"] if kind in one]
            if len(found) > most:
                raise _wrong(f"The number of {kind}s in a message exceeds the limit of {most}.")
            for one in found:
                data = str((one.get("source") or {}).get("bytes") or "")
                if len(data) * 3 // 4 > size:
                    raise _wrong(f"The {kind} exceeds the size limit of {size} bytes.")
