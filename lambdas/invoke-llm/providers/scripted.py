"""A model that is none: a deterministic planner, for work offline and for tests.

It plans from the question and from what the tools answered, and makes the same tool calls that
a language model would. What it cannot do is understand: it matches words.
"""

from collections.abc import Callable
from typing import Any

from agent_common.conversation import Message
from providers.planner import plan


class ScriptedProvider:
    """Answers with the planner's next step, word by word."""

    def answer(self, messages: list[Message], on_text: Callable[[str], None]) -> Message:
        step = plan(messages)
        for word in step.text.split(" "):
            on_text(f"{word} ")
        calls: list[dict[str, Any]] = [call.as_dict() for call in step.calls]
        return {"role": "assistant", "content": step.text, "toolCalls": calls}

    def hang_up(self) -> None:
        """Nobody is on the line."""
