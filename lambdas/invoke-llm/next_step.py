"""What the workflow does after a model's turn."""

import uuid

from agent_common.conversation import Message
from agent_common.errors import LlmInvalidResponse
from agent_common.tool_specs import ASK_USER, FINISH, has_words

MAX_CALLS_IN_A_TURN = 16


def next_step(message: Message) -> dict[str, object]:
    """Return ``next`` (``tools``, ``prompt`` or ``finish``) and what that step needs.

    Raises:
        LlmInvalidResponse: the model neither called a tool nor said anything.
    """
    calls = message.get("toolCalls") or []
    said = bool(message.get("content", "").strip())
    # A control tool without its words goes the way of the others, where the model is told so.
    names = [call["name"] for call in calls if has_words(call) or (said and call["name"] == FINISH)]
    if len(calls) > MAX_CALLS_IN_A_TURN:
        raise LlmInvalidResponse(
            f"The model called {len(calls)} tools at once; at most {MAX_CALLS_IN_A_TURN} are run"
        )
    if FINISH in names or (not calls and said):
        return {"next": "finish", "toolCalls": []}
    if ASK_USER in names:
        return {"next": "prompt", "toolCalls": []}
    if calls:
        return {"next": "tools", "toolCalls": [{"index": index} for index in range(len(calls))]}
    raise LlmInvalidResponse("The model's answer is empty: no words, no tool call")


def checked(content: str, calls: list[dict[str, object]], tokens: int = 0) -> Message:
    """Return an assistant message whose tool calls all have a name and an id of their own.

    Args:
        tokens: what the model has read and written, by its own count.

    Raises:
        LlmInvalidResponse: a tool call has no name.
    """
    ids: set[str] = set()
    for call in calls:
        if not isinstance(call.get("name"), str) or not call["name"]:
            raise LlmInvalidResponse("The model called a tool without a name")
        # Two calls with one id could not be answered apart, and Bedrock refuses them.
        if not call.get("id") or call["id"] in ids:
            call["id"] = f"call_{uuid.uuid4().hex[:12]}"
        ids.add(str(call["id"]))
    return {"role": "assistant", "content": content, "toolCalls": calls, "tokens": tokens}
