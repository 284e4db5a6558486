"""Completes a turn: every call of the model has its answer in the conversation."""

from answers import missing_answers

from agent_common import conversation, events
from agent_common.handlers import Payload, workflow_function


def run(payload: Payload) -> Payload:
    """Answer the calls that no tool has answered; count the turn."""
    analysis_id, turn = payload["analysisId"], int(payload["turn"])
    message = conversation.get(analysis_id, conversation.model_turn(turn))
    assert message is not None, "invoke-llm stores its turn before its outputs are appended"
    calls = message["toolCalls"]
    answered = {
        index
        for index in range(len(calls))
        if conversation.get(analysis_id, conversation.tool_output(turn, index)) is not None
    }
    for index, answer in missing_answers(calls, answered, payload.get("reply")):
        conversation.put(analysis_id, conversation.tool_output(turn, index), answer)
    events.emit(
        analysis_id,
        f"{turn}.appended",
        "progress",
        turn=turn,
        step="AppendToolOutput",
        text=f"Turn {turn} is complete.",
    )
    kept = ("analysisId", "promptTimeoutSeconds")
    return {**{key: payload[key] for key in kept}, "turn": turn + 1}


handler = workflow_function(run)
