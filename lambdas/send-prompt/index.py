"""Puts the model's question to the user; the workflow waits until ``reply`` brings the answer."""

from typing import Any

from agent_common import analyses, conversation, events
from agent_common.errors import AnalysisCancelled, LlmInvalidResponse
from agent_common.handlers import Payload, workflow_function
from agent_common.tool_specs import ASK_USER, has_words

MAX_TEXT = 4000
MAX_OPTIONS = 50


def read_prompt(message: conversation.Message, turn: int) -> dict[str, Any]:
    """Return the first question of a model's turn: ``promptId``, ``question``, ``options``.

    Raises:
        LlmInvalidResponse: none of its calls is a question.
    """
    asking = (call for call in message["toolCalls"] if call["name"] == ASK_USER and has_words(call))
    if (call := next(asking, None)) is None:
        raise LlmInvalidResponse("The model asked a question without words")
    given = conversation.input_of(call) or {}
    options = given.get("options")
    return {
        "promptId": f"{turn}.{call['id']}"[:200],
        "question": given["question"][:MAX_TEXT],
        "options": [
            str(option)[:200]
            for option in (options if isinstance(options, list) else [])[:MAX_OPTIONS]
        ],
    }


def run(payload: Payload) -> Payload:
    """Open the prompt and push it; ``taskToken`` is kept for the reply."""
    analysis_id, turn = payload["analysisId"], int(payload["turn"])
    message = conversation.get(analysis_id, conversation.model_turn(turn))
    assert message is not None, "invoke-llm stores its turn before its prompt is sent"
    prompt = read_prompt(message, turn)
    if not analyses.open_prompt(analysis_id, prompt, payload["taskToken"]):
        raise AnalysisCancelled("This analysis has ended")
    # A cancel that came between the model's turn and this prompt found no token to use.
    if analyses.get(analysis_id).get("cancelRequested"):
        raise AnalysisCancelled("You cancelled this analysis")
    events.emit(
        analysis_id,
        f"{turn}.prompt",
        "prompt",
        turn=turn,
        **prompt,
        timeoutSeconds=payload["promptTimeoutSeconds"],
    )
    return prompt


handler = workflow_function(run)
