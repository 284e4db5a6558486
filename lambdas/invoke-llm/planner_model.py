"""``python planner_model.py``: the planner as a model behind Bedrock's API.

It reads requests as lines of JSON and writes the pieces of its answers (docs/models.md of the kit).
"""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path += [str(HERE), str(HERE.parent / "agent_common")]

from providers.planner import plan  # noqa: E402

#: Of a tool's input, the characters of a piece.
INPUT_PIECE = 512


def main() -> None:
    """Answer requests until there are none."""
    for line in sys.stdin:
        request = json.loads(line)
        try:
            pieces = list(answer(request))
        except (KeyError, StopIteration, TypeError, ValueError) as error:
            message = f"The planner makes nothing of this conversation: {error!r}"
            pieces = [{"error": {"code": "ModelErrorException", "message": message}}]
        # In one: it has thought all of it already.
        print(*(json.dumps({"id": request["id"], **p}) for p in pieces), sep="\n", flush=True)


def answer(request: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the pieces of the next step."""
    step = plan(list(messages_of(request["messages"])))
    for word in step.text.split(" "):
        yield {"text": f"{word} "}
    for call in step.calls:
        said = call.as_dict()
        yield {"tool": {"id": said["id"], "name": said["name"]}}
        given = said["arguments"]
        for at in range(0, len(given), INPUT_PIECE):
            yield {"input": given[at : at + INPUT_PIECE]}
    yield {"stop": {"reason": "tool_use" if step.calls else "end_turn"}}


def messages_of(converse: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Yield a conversation of Converse's as the planner reads it."""
    for message in converse:
        for block in message["content"]:
            if "toolResult" in block:
                result = block["toolResult"]
                text = "".join(one.get("text", "") for one in result["content"])
                yield {"role": "tool", "toolCallId": result["toolUseId"], "content": text}
            elif "text" in block:
                # What the agent tells of the dataset follows the question.
                question, _, _ = block["text"].partition("\n\n{")
                yield {"role": message["role"], "content": question}


if __name__ == "__main__":
    main()
