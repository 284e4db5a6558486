"""The answers that a turn's calls get from elsewhere than a tool."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from agent_common.conversation import Message
from agent_common.tool_specs import ASK_USER


def missing_answers(
    calls: list[dict[str, Any]], answered: set[int], reply: Mapping[str, str] | None
) -> Iterator[tuple[int, Message]]:
    """Yield the index and message of every call that no tool has answered.

    A model's API refuses a conversation in which a call has no answer; so a call that was not
    run is told why.
    """
    replied = False
    for index, call in enumerate(calls):
        if index in answered:
            continue
        content: dict[str, str]
        if call["name"] == ASK_USER and reply is not None and not replied:
            content, replied = {"answer": reply["answer"]}, True
        else:
            content = {"error": "Not run: ask the user one question at a time, and call it alone"}
        yield (
            index,
            {
                "role": "tool",
                "toolCallId": call["id"],
                "name": call["name"],
                "content": json.dumps(content),
            },
        )
