"""One turn of the model: the conversation in, the next step out, its words streamed."""

import guard
from asking import ask
from next_step import next_step
from providers import configured_provider
from streaming import DeltaStream

from agent_common import analyses, conversation, events
from agent_common.errors import AnalysisCancelled
from agent_common.handlers import Payload, workflow_function


def run(payload: Payload) -> Payload:
    """Ask the model for its next step, once a turn."""
    analysis_id, turn = payload["analysisId"], int(payload["turn"])
    analysis = analyses.get(analysis_id)
    if analysis.get("cancelRequested"):
        raise AnalysisCancelled("You cancelled this analysis")
    position = conversation.model_turn(turn)
    # A retried task finds the answer of the first try, and does not ask the model again.
    message = conversation.get(analysis_id, position)
    if message is None:
        messages = conversation.read(analysis_id)
        guard.check(analysis, turn, messages)
        attempt = analyses.begin_attempt(analysis_id, turn)
        if attempt > 1:
            events.restart_text(analysis_id, turn, attempt)
        stream = DeltaStream(
            lambda previous, text: events.emit_next(
                *(analysis_id, f"{turn}.{attempt}.delta", previous, "llm.delta"),
                turn=turn,
                attempt=attempt,
                text=text,
            )
        )
        message = ask(
            configured_provider(),
            guard.with_remarks(messages),
            guard.within(analysis, messages, stream.add),
            lambda: analyses.cancel_requested(analysis_id),
        )
        stream.end()
        conversation.put(analysis_id, position, message)
    return {**payload, **next_step(message)}


handler = workflow_function(run)
