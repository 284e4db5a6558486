"""Opens the conversation: checks that the dataset is there, says who asks what of which data."""

from opening import opening_messages

from agent_common import analyses, conversation, datasets, events
from agent_common.handlers import Payload, workflow_function


def run(payload: Payload) -> Payload:
    """Write the conversation's opening messages."""
    analysis_id = payload["analysisId"]
    analysis = analyses.get(analysis_id)
    location = datasets.locate(analysis["dataset"], analysis["userId"])
    header = datasets.read(location).partition(b"\n")[0]
    messages = opening_messages(analysis["question"], analysis["dataset"], header)
    for number, message in enumerate(messages):
        conversation.put(analysis_id, conversation.opening(number), message)
    events.emit(
        analysis_id,
        "parsed",
        "progress",
        step="ParseInitialQuery",
        text=f"Read the question; dataset {analysis['dataset']} is there.",
    )
    return {**payload, "turn": 1}


handler = workflow_function(run)
