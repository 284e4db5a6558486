"""Ends an analysis, well or badly: the result to S3, the outcome to the user."""

import json
import os

from outcome import outcome_of_conversation, outcome_of_error

from agent_common import analyses, conversation, events
from agent_common.aws import s3
from agent_common.handlers import Payload, workflow_function


def run(payload: Payload) -> Payload:
    """Store the result, set the final status, tell the user."""
    analysis_id = payload["analysisId"]
    analysis = analyses.get(analysis_id)
    messages = conversation.read(analysis_id)
    if "error" in payload:
        outcome = outcome_of_error(payload["error"], messages)
    else:
        outcome = outcome_of_conversation(messages)
    key = f"results/{analysis['userId']}/{analysis_id}.json"
    uri = f"s3://{os.environ['RESULTS_BUCKET']}/{key}"
    body = {
        "analysisId": analysis_id,
        "question": analysis["question"],
        "dataset": analysis["dataset"],
        **outcome.as_dict(),
        "conversation": messages,
    }
    s3().put_object(
        Bucket=os.environ["RESULTS_BUCKET"],
        Key=key,
        Body=json.dumps(body, indent=2).encode(),
        ContentType="application/json",
    )
    told = outcome.shortened(events.MAX_PUSH_BYTES // 2).as_dict()
    analyses.end(analysis_id, outcome.status, {"json": json.dumps(told), "resultUri": uri})
    events.emit(analysis_id, "finished", "finished", resultUri=uri, **told)
    return {"analysisId": analysis_id, "status": outcome.status, "code": outcome.code}


handler = workflow_function(run)
