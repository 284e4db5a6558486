"""The answers that a turn's calls get from elsewhere than a tool.

A model's API refuses a conversation in which a call has no answer; so a call that was not run is
told why.
"""

import json
from collections.abc import Iterator, Set
from typing import Any

from agent_common.conversation import Message
from agent_common.tool_specs import ASK_USER, has_words

Call = dict[str, Any]
_NOT_RUN = {"error": "Not run: ask the user one question at a time, and call it alone"}


def answers_to_tools(calls: list[Call], answered: Set[int]) -> Iterator[tuple[int, Message]]:
    """Yield the index and message of every call that no tool has answered."""
    for index, call in enumerate(calls):
        if index not in answered:
            yield index, _answer(call, _NOT_RUN)


def answers_to_prompt(calls: list[Call], reply: str) -> Iterator[tuple[int, Message]]:
    """Yield the index and message of every call of a turn that asked the user."""
    asked = next(
        index for index, call in enumerate(calls) if call["name"] == ASK_USER and has_words(call)
    )
    for index, call in enumerate(calls):
        yield index, _answer(call, {"answer": reply} if index == asked else _NOT_RUN)


def _answer(call: Call, content: dict[str, str]) -> Message:
    return {
        "role": "tool",
        "toolCallId": call["id"],
        "name": call["name"],
        "content": json.dumps(content),
    }
