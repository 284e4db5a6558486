"""Completes a turn: every call of the model has its answer in the conversation."""

from answers import answers_to_prompt, answers_to_tools

from agent_common import conversation, events
from agent_common.handlers import Payload, workflow_function


def run(payload: Payload) -> Payload:
    """Answer the calls that have no answer yet; count the turn.

    A payload with a ``reply`` comes from the state AppendReply, after a prompt; one without from
    AppendToolOutput, after tools.
    """
    analysis_id, turn = payload["analysisId"], int(payload["turn"])
    message = conversation.get(analysis_id, conversation.model_turn(turn))
    assert message is not None, "invoke-llm stores its turn before its outputs are appended"
    calls = message["toolCalls"]
    if "reply" in payload:
        reply = payload["reply"]
        # Told here and not by who took it, which the workflow may have left behind by then.
        name, text = f"reply.{reply['promptId']}", f"You said: {reply['answer']}"
        events.emit(analysis_id, name, "progress", step="SendPrompt", text=text)
        answers = answers_to_prompt(calls, reply["answer"])
    else:
        answers = answers_to_tools(calls, conversation.answered_calls(analysis_id, turn))
    for index, answer in answers:
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
