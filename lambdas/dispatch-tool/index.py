"""Runs one tool call of a model's turn and keeps its output for the conversation."""

import json
from itertools import count
from typing import Any

from progress import Progress
from tools import Dataset, run_tool

from agent_common import analyses, conversation, datasets, events
from agent_common.handlers import Payload, workflow_function


def run(payload: Payload) -> Payload:
    """Run the call that ``index`` names; a retried task finds the stored output."""
    analysis_id, turn, index = payload["analysisId"], int(payload["turn"]), int(payload["index"])
    message = conversation.get(analysis_id, conversation.model_turn(turn))
    assert message is not None, "invoke-llm stores its turn before its tools are called"
    call = message["toolCalls"][index]
    events.emit(
        analysis_id,
        f"{turn}.tool.{index}.started",
        "tool.started",
        turn=turn,
        toolCallId=call["id"],
        tool=call["name"],
        arguments=_arguments(call["arguments"]),
    )
    position = conversation.tool_output(turn, index)
    stored = conversation.get(analysis_id, position)
    output: Any
    if stored is None:
        analysis = analyses.get(analysis_id)
        location = datasets.locate(analysis["dataset"], analysis["userId"])
        numbers = count()

        def say(text: str) -> None:
            key = f"{turn}.tool.{index}.progress.{next(numbers)}"
            events.emit(analysis_id, key, "progress", step="DispatchTool", text=text)

        with Progress(say) as progress:
            output = run_tool(
                call["name"], call["arguments"], lambda: _load(location), progress.tell
            )
        conversation.put(
            analysis_id,
            position,
            {
                "role": "tool",
                "toolCallId": call["id"],
                "name": call["name"],
                "content": json.dumps(output),
            },
        )
    else:
        output = json.loads(stored["content"])
    events.emit(
        analysis_id,
        f"{turn}.tool.{index}.finished",
        "tool.finished",
        turn=turn,
        toolCallId=call["id"],
        tool=call["name"],
        ok="error" not in output,
        output=output if events.fits(output) else None,
    )
    return {"index": index}


def _load(location: datasets.Location) -> Dataset:
    return Dataset.parse(datasets.read(location), datasets.read_dictionary(location))


def _arguments(text: str) -> object:
    """Return what the model wrote; ``None`` where it is too large for a message."""
    try:
        arguments = json.loads(text or "{}")
    except ValueError:
        arguments = text
    return arguments if events.fits(arguments) else None


handler = workflow_function(run)
