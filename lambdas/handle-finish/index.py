"""Ends an analysis, well or badly: the result to S3, the outcome to the user."""

import json
import os

from files import report_of, script_of
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
    place = f"results/{analysis['userId']}/{analysis_id}"
    script = script_of(outcome.evidence, outcome.estimates)
    body = {
        "analysisId": analysis_id,
        "question": analysis["question"],
        "dataset": analysis["dataset"],
        **outcome.as_dict(),
    }
    files = {"report": _keep(f"{place}.html", report_of({**body, "script": script}), "text/html")}
    if script is not None:
        files["script"] = _keep(f"{place}.py", script, "text/x-python")
    whole = {**body, "files": files, "conversation": messages}
    uri = _keep(f"{place}.json", json.dumps(whole, indent=2), "application/json")
    told = {**outcome.shortened(events.MAX_PUSH_BYTES // 2).as_dict(), "files": files}
    analyses.end(analysis_id, outcome.status, {"json": json.dumps(told), "resultUri": uri})
    events.emit(analysis_id, "finished", "finished", resultUri=uri, **told)
    return {"analysisId": analysis_id, "status": outcome.status, "code": outcome.code}


def _keep(key: str, text: str, kind: str) -> str:
    """Store a file of the result; return where."""
    bucket = os.environ["RESULTS_BUCKET"]
    s3().put_object(
        Bucket=bucket, Key=key, Body=text.encode(), ContentType=f"{kind}; charset=utf-8"
    )
    return f"s3://{bucket}/{key}"


handler = workflow_function(run)
