"""An analysis and its state: the analyses table.

Every write is safe to repeat, because Step Functions retries tasks.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from boto3.dynamodb.conditions import Key
from botocore.exceptions import ClientError

from agent_common.aws import table
from agent_common.errors import AnalysisNotFound, PromptNotOpen

KEEP_SECONDS = 30 * 24 * 60 * 60
DEFAULT_TOKENS = 500_000

RUNNING, AWAITING_REPLY = "RUNNING", "AWAITING_REPLY"
SUCCEEDED, FAILED, CANCELLED = "SUCCEEDED", "FAILED", "CANCELLED"
ACCEPTED = "accepted"

Analysis = Mapping[str, Any]


def _table() -> Any:
    return table("ANALYSES_TABLE")


def condition_failed(error: ClientError) -> bool:
    """Return whether DynamoDB refused a write because its condition did not hold."""
    return error.response["Error"]["Code"] == "ConditionalCheckFailedException"


def create(
    analysis_id: str,
    user_id: str,
    connection_id: str,
    question: str,
    dataset: str,
    max_turns: int,
    max_tokens: int = DEFAULT_TOKENS,
) -> bool:
    """Create an analysis; return whether it is new."""
    now = int(time.time())
    try:
        _table().put_item(
            Item={
                "analysisId": analysis_id,
                "userId": user_id,
                "createdAt": now,
                "expiresAt": now + KEEP_SECONDS,
                "question": question,
                "dataset": dataset,
                "maxTurns": max_turns,
                "maxTokens": max_tokens,
                "status": RUNNING,
                # "accepted" is the first event, whatever the workflow says before it is pushed.
                "eventSeq": 1,
                "emitted": {ACCEPTED: 1},
                # By turn: how often the model was asked.
                "attempts": {},
                "connectionIds": {connection_id},
            },
            ConditionExpression="attribute_not_exists(analysisId)",
        )
    except ClientError as error:
        if not condition_failed(error):
            raise
        return False
    return True


def get(analysis_id: str) -> Analysis:
    """Return an analysis.

    Raises:
        AnalysisNotFound: there is none of this id.
    """
    answer = _table().get_item(Key={"analysisId": analysis_id}, ConsistentRead=True)
    if "Item" not in answer:
        raise AnalysisNotFound(f"There is no analysis {analysis_id}")
    item: Analysis = answer["Item"]
    return item


def get_own(analysis_id: str, user_id: str) -> Analysis:
    """Return an analysis of this user.

    Raises:
        AnalysisNotFound: there is none, or it is someone else's: the two look the same.
    """
    analysis = get(analysis_id)
    if analysis["userId"] != user_id:
        raise AnalysisNotFound(f"There is no analysis {analysis_id}")
    return analysis


def latest_of(user_id: str, limit: int = 20) -> list[Analysis]:
    """Return a user's analyses, the newest first."""
    answer = _table().query(
        IndexName="userId-createdAt-index",
        KeyConditionExpression=Key("userId").eq(user_id),
        ScanIndexForward=False,
        Limit=limit,
    )
    items: list[Analysis] = answer["Items"]
    return items


def subscribe(analysis_id: str, connection_id: str) -> None:
    """Have an analysis' events pushed to this connection, too."""
    _table().update_item(
        Key={"analysisId": analysis_id},
        UpdateExpression="ADD connectionIds :c",
        ConditionExpression="attribute_exists(analysisId)",
        ExpressionAttributeValues={":c": {connection_id}},
    )


def unsubscribe(analysis_id: str, connection_id: str) -> None:
    """Push an analysis' events to this connection no more."""
    _table().update_item(
        Key={"analysisId": analysis_id},
        UpdateExpression="DELETE connectionIds :c",
        ConditionExpression="attribute_exists(analysisId)",
        ExpressionAttributeValues={":c": {connection_id}},
    )


def request_cancel(analysis_id: str) -> Analysis:
    """Note that the user wants it to end; return the analysis as it was then."""
    answer = _table().update_item(
        Key={"analysisId": analysis_id},
        UpdateExpression="SET cancelRequested = :t",
        ConditionExpression="attribute_exists(analysisId)",
        ExpressionAttributeValues={":t": True},
        ReturnValues="ALL_NEW",
    )
    item: Analysis = answer["Attributes"]
    return item


def cancel_requested(analysis_id: str) -> bool:
    """Return whether the user wants it to end."""
    answer = _table().get_item(
        Key={"analysisId": analysis_id},
        ConsistentRead=True,
        ProjectionExpression="cancelRequested",
    )
    return bool(answer.get("Item", {}).get("cancelRequested"))


def begin_attempt(analysis_id: str, turn: int) -> int:
    """Count that the model is asked for a turn; return which attempt this is, from 1."""
    answer = _table().update_item(
        Key={"analysisId": analysis_id},
        UpdateExpression="SET attempts.#t = if_not_exists(attempts.#t, :zero) + :one",
        ConditionExpression="attribute_exists(analysisId)",
        ExpressionAttributeNames={"#t": str(turn)},
        ExpressionAttributeValues={":zero": 0, ":one": 1},
        ReturnValues="UPDATED_NEW",
    )
    return int(answer["Attributes"]["attempts"][str(turn)])


def open_prompt(analysis_id: str, prompt: Mapping[str, Any], task_token: str) -> bool:
    """Wait for the user's answer to ``prompt``; return ``False`` when it has ended meanwhile."""
    try:
        _table().update_item(
            Key={"analysisId": analysis_id},
            UpdateExpression="SET prompt = :p, taskToken = :k, #s = :a",
            ConditionExpression="#s IN (:r, :a)",
            ExpressionAttributeNames={"#s": "status"},
            ExpressionAttributeValues={
                ":p": dict(prompt),
                ":k": task_token,
                ":a": AWAITING_REPLY,
                ":r": RUNNING,
            },
        )
    except ClientError as error:
        if not condition_failed(error):
            raise
        return False
    return True


def token_of_prompt(analysis: Analysis, prompt_id: str) -> str:
    """Return the task token of an analysis' open prompt.

    Raises:
        PromptNotOpen: another prompt is open, none is, or this one has been answered.
    """
    if analysis.get("prompt", {}).get("promptId") != prompt_id:
        raise PromptNotOpen(
            f"Prompt {prompt_id} is not open: it was answered, timed out, or never asked"
        )
    return str(analysis["taskToken"])


def close_prompt(analysis_id: str, prompt_id: str) -> None:
    """Forget a prompt whose task has its answer; another one that is open stays open."""
    try:
        _table().update_item(
            Key={"analysisId": analysis_id},
            UpdateExpression="SET #s = :r REMOVE prompt, taskToken",
            ConditionExpression="prompt.promptId = :p",
            ExpressionAttributeNames={"#s": "status"},
            ExpressionAttributeValues={":p": prompt_id, ":r": RUNNING},
        )
    except ClientError as error:
        if not condition_failed(error):
            raise


def end(analysis_id: str, status: str, outcome: Mapping[str, Any]) -> bool:
    """Set the final status once; return whether this call was the one that did."""
    try:
        _table().update_item(
            Key={"analysisId": analysis_id},
            UpdateExpression="SET #s = :s, outcome = :o, endedAt = :t REMOVE prompt, taskToken",
            ConditionExpression="NOT #s IN (:a, :b, :c)",
            ExpressionAttributeNames={"#s": "status"},
            ExpressionAttributeValues={
                ":s": status,
                ":o": dict(outcome),
                ":t": int(time.time()),
                ":a": SUCCEEDED,
                ":b": FAILED,
                ":c": CANCELLED,
            },
        )
    except ClientError as error:
        if not condition_failed(error):
            raise
        return False
    return True
