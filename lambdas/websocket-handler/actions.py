"""What a client may ask for. A user reaches only their own analyses."""

from __future__ import annotations

import contextlib
import json
import os
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from requests_in import number, text

from agent_common import analyses, datasets, events
from agent_common.aws import s3, step_functions
from agent_common.errors import PromptNotOpen, ResultNotReady
from agent_common.tokens import User

MAX_QUESTION = 4000
MAX_ANSWER = 4000
DEFAULT_TURNS, MOST_TURNS = 20, 50
FEWEST_TOKENS, MOST_TOKENS = 1000, 10_000_000
DEFAULT_PROMPT_SECONDS, MOST_PROMPT_SECONDS = 600, 86_400
RESULT_URL_SECONDS = 900
# Names an analysis after its user and their request id, so that a repeated request finds it.
_NAMESPACE = uuid.UUID("6f3f0a52-61a5-4f0c-9d1f-3d9d6a3f1f43")

Request = dict[str, Any]
Answer = dict[str, Any] | None


@dataclass(frozen=True)
class Caller:
    """Who sends a message, on which connection."""

    connection_id: str
    user: User


def analyze(caller: Caller, request: Request) -> Answer:
    """Start an analysis. The same ``requestId`` again starts nothing new."""
    question = text(request, "question", MAX_QUESTION)
    dataset = text(request, "dataset", 120)
    datasets.locate(dataset, caller.user.user_id)  # a name that cannot be is refused at once
    turns = number(request, "maxTurns", DEFAULT_TURNS, 1, MOST_TURNS)
    tokens = number(request, "maxTokens", analyses.DEFAULT_TOKENS, FEWEST_TOKENS, MOST_TOKENS)
    patience = number(
        request, "promptTimeoutSeconds", DEFAULT_PROMPT_SECONDS, 1, MOST_PROMPT_SECONDS
    )
    if "requestId" in request:
        key = f"{caller.user.user_id} {text(request, 'requestId', 128)}"
        analysis_id = str(uuid.uuid5(_NAMESPACE, key))
    else:
        analysis_id = str(uuid.uuid4())
    is_new = analyses.create(
        analysis_id, caller.user.user_id, caller.connection_id, question, dataset, turns, tokens
    )
    if not is_new:
        analyses.subscribe(analysis_id, caller.connection_id)
    # Accepted is what has been started: whoever dies in between leaves no promise behind.
    # Its name makes a second start of the same execution a repetition of the first.
    client = step_functions()
    with contextlib.suppress(client.exceptions.ExecutionAlreadyExists):
        client.start_execution(
            stateMachineArn=os.environ["STATE_MACHINE_ARN"],
            name=analysis_id,
            input=json.dumps({"analysisId": analysis_id, "promptTimeoutSeconds": patience}),
        )
    events.emit(analysis_id, analyses.ACCEPTED, "accepted", question=question, dataset=dataset)
    if not is_new:
        return {"type": "accepted", "analysisId": analysis_id, "repeated": True}
    return None


def reply(caller: Caller, request: Request) -> Answer:
    """Answer the open prompt; the workflow goes on."""
    analysis_id = text(request, "analysisId", 64)
    prompt_id = text(request, "promptId", 256)
    said = text(request, "answer", MAX_ANSWER)
    analysis = analyses.get_own(analysis_id, caller.user.user_id)
    token = analyses.token_of_prompt(analysis, prompt_id)
    client = step_functions()
    # The task first: a token that was forgotten before could not be used by another try.
    try:
        client.send_task_success(
            taskToken=token, output=json.dumps({"promptId": prompt_id, "answer": said})
        )
    except (client.exceptions.TaskTimedOut, client.exceptions.InvalidToken) as error:
        analyses.close_prompt(analysis_id, prompt_id)
        raise PromptNotOpen(f"Prompt {prompt_id} was answered already, or has timed out") from error
    analyses.close_prompt(analysis_id, prompt_id)
    return None


def cancel(caller: Caller, request: Request) -> Answer:
    """End an analysis: amid the model's words, or at once when it waits for an answer."""
    analysis_id = text(request, "analysisId", 64)
    analyses.get_own(analysis_id, caller.user.user_id)
    analysis = analyses.request_cancel(analysis_id)
    if "prompt" in analysis:
        client = step_functions()
        # Answered or timed out meanwhile: the next turn sees the cancel.
        with contextlib.suppress(client.exceptions.TaskTimedOut, client.exceptions.InvalidToken):
            client.send_task_failure(
                taskToken=str(analysis["taskToken"]),
                error="AnalysisCancelled",
                cause="You cancelled this analysis",
            )
        analyses.close_prompt(analysis_id, str(analysis["prompt"]["promptId"]))
    return {"type": "status", **_status(analyses.get(analysis_id))}


def resume(caller: Caller, request: Request) -> Answer:
    """Send again what the client has missed, and push what follows to this connection."""
    analysis_id = text(request, "analysisId", 64)
    last = number(request, "lastSeq", 0, 0, 2**31)
    analyses.get_own(analysis_id, caller.user.user_id)
    analyses.subscribe(analysis_id, caller.connection_id)
    for event in events.since(analysis_id, last):
        events.push(caller.connection_id, event)
    return None


def status(caller: Caller, request: Request) -> Answer:
    """Return the state of one analysis, or of the user's latest ones."""
    if "analysisId" in request:
        analysis = analyses.get_own(text(request, "analysisId", 64), caller.user.user_id)
        return {"type": "status", **_status(analysis)}
    latest = analyses.latest_of(caller.user.user_id)
    return {"type": "status", "analyses": [_status(analysis) for analysis in latest]}


def result(caller: Caller, request: Request) -> Answer:
    """Return a finished analysis' outcome and a link to all of it."""
    analysis_id = text(request, "analysisId", 64)
    analysis = analyses.get_own(analysis_id, caller.user.user_id)
    if "outcome" not in analysis:
        raise ResultNotReady(
            f"Analysis {analysis_id} is {analysis['status']}; it has no result yet"
        )
    uri = str(analysis["outcome"]["resultUri"])
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    url = s3().generate_presigned_url(
        "get_object", Params={"Bucket": bucket, "Key": key}, ExpiresIn=RESULT_URL_SECONDS
    )
    return {
        "type": "result",
        "analysisId": analysis_id,
        "resultUri": uri,
        "resultUrl": url,
        **json.loads(str(analysis["outcome"]["json"])),
    }


def ping(caller: Caller, request: Request) -> Answer:
    """Keep the connection from being idle."""
    return {"type": "pong"}


def _status(analysis: analyses.Analysis) -> dict[str, Any]:
    shown = {
        "analysisId": analysis["analysisId"],
        "status": analysis["status"],
        "question": analysis["question"],
        "dataset": analysis["dataset"],
        "createdAt": int(analysis["createdAt"]),
        "lastSeq": int(analysis["eventSeq"]),
    }
    if "prompt" in analysis:
        shown["prompt"] = analysis["prompt"]
    return shown


ACTIONS: dict[str, Callable[[Caller, Request], Answer]] = {
    action.__name__: action for action in (analyze, reply, cancel, resume, status, result, ping)
}
