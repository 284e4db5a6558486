"""The conversation between user, model and tools: the messages table, large bodies in S3.

A message is provider-neutral: ``role`` (``system``, ``user``, ``assistant``, ``tool``),
``content``, and for an assistant ``toolCalls`` (``id``, ``name``, ``arguments``) and ``tokens``
(what the model has read and written for it), for a tool ``toolCallId`` and ``name``.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Mapping
from typing import Any

from boto3.dynamodb.conditions import Key

from agent_common.analyses import KEEP_SECONDS
from agent_common.aws import s3, table

Message = dict[str, Any]

# A DynamoDB item holds 400 KB.
MAX_ITEM_BYTES = 200 * 1024


def put(analysis_id: str, position: str, message: Message) -> None:
    """Write a message at its position; writing it again changes nothing."""
    body = json.dumps(message)
    item: dict[str, Any] = {
        "analysisId": analysis_id,
        "position": position,
        "expiresAt": int(time.time()) + KEEP_SECONDS,
    }
    if len(body.encode()) > MAX_ITEM_BYTES:
        item["objectKey"] = f"conversations/{analysis_id}/{position}.json"
        s3().put_object(
            Bucket=os.environ["RESULTS_BUCKET"], Key=item["objectKey"], Body=body.encode()
        )
    else:
        item["body"] = body
    table("MESSAGES_TABLE").put_item(Item=item)


def get(analysis_id: str, position: str) -> Message | None:
    """Return the message at a position, or ``None`` where there is none."""
    answer = table("MESSAGES_TABLE").get_item(
        Key={"analysisId": analysis_id, "position": position}, ConsistentRead=True
    )
    return _read(answer["Item"]) if "Item" in answer else None


def read(analysis_id: str) -> list[Message]:
    """Return the whole conversation in order."""
    messages: list[Message] = []
    more: dict[str, Any] = {}
    while True:
        answer = table("MESSAGES_TABLE").query(
            KeyConditionExpression=Key("analysisId").eq(analysis_id), ConsistentRead=True, **more
        )
        messages += [_read(item) for item in answer["Items"]]
        if "LastEvaluatedKey" not in answer:
            return messages
        more = {"ExclusiveStartKey": answer["LastEvaluatedKey"]}


def input_of(call: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return what a tool is called with; ``None`` where the model wrote no JSON object."""
    try:
        given = json.loads(call["arguments"] or "{}")
    except ValueError:
        return None
    return given if isinstance(given, dict) else None


def answered_calls(analysis_id: str, turn: int) -> set[int]:
    """Return the indexes of a turn's tool calls that have an answer."""
    prefix = f"{turn:04d}#2#"
    answer = table("MESSAGES_TABLE").query(
        KeyConditionExpression=Key("analysisId").eq(analysis_id)
        & Key("position").begins_with(prefix),
        ProjectionExpression="#p",
        ExpressionAttributeNames={"#p": "position"},
        ConsistentRead=True,
    )
    # A turn's calls are few: their positions fit into one page.
    return {int(str(item["position"]).removeprefix(prefix)) for item in answer["Items"]}


def _read(item: Any) -> Message:
    if "objectKey" in item:
        answer = s3().get_object(Bucket=os.environ["RESULTS_BUCKET"], Key=str(item["objectKey"]))
        body = answer["Body"].read().decode()
    else:
        body = str(item["body"])
    message: Message = json.loads(body)
    return message


# Positions sort as the conversation runs: turn, then who speaks, then which call.


def opening(number: int) -> str:
    """Return the position of an opening message, counted from 0."""
    return f"0000#{number}"


def model_turn(turn: int) -> str:
    """Return the position of the model's message of a turn."""
    return f"{turn:04d}#1"


def tool_output(turn: int, index: int) -> str:
    """Return the position of the answer to a turn's tool call, counted from 0."""
    return f"{turn:04d}#2#{index:03d}"
