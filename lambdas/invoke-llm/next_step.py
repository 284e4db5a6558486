"""What the workflow does after a model's turn."""

import uuid

from agent_common.conversation import Message
from agent_common.errors import LlmInvalidResponse
from agent_common.tool_specs import ASK_USER, FINISH

MAX_CALLS_IN_A_TURN = 16


def next_step(message: Message) -> dict[str, object]:
    """Return ``next`` (``tools``, ``prompt`` or ``finish``) and what that step needs.

    Raises:
        LlmInvalidResponse: the model neither called a tool nor said anything.
    """
    calls = message.get("toolCalls") or []
    names = [call["name"] for call in calls]
    if len(calls) > MAX_CALLS_IN_A_TURN:
        raise LlmInvalidResponse(
            f"The model called {len(calls)} tools at once; at most {MAX_CALLS_IN_A_TURN} are run"
        )
    if FINISH in names or (not calls and message.get("content", "").strip()):
        return {"next": "finish", "toolCalls": []}
    if ASK_USER in names:
        return {"next": "prompt", "toolCalls": []}
    if calls:
        return {"next": "tools", "toolCalls": [{"index": index} for index in range(len(calls))]}
    raise LlmInvalidResponse("The model's answer is empty: no words, no tool call")


def checked(content: str, calls: list[dict[str, object]]) -> Message:
    """Return an assistant message whose tool calls all have an id and a name.

    Raises:
        LlmInvalidResponse: a tool call has no name.
    """
    for call in calls:
        if not isinstance(call.get("name"), str) or not call["name"]:
            raise LlmInvalidResponse("The model called a tool without a name")
        call["id"] = call.get("id") or f"call_{uuid.uuid4().hex[:12]}"
    return {"role": "assistant", "content": content, "toolCalls": calls}
