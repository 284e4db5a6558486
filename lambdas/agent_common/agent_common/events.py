"""An analysis' events: numbered, stored, and only then pushed to its clients."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from aws_lambda_powertools import Logger
from boto3.dynamodb.conditions import Key
from botocore.exceptions import BotoCoreError, ClientError

from agent_common import analyses
from agent_common.aws import management_api, table

logger = Logger(child=True)

# Of a WebSocket message API Gateway takes 128 KB, of which a frame holds 32.
MAX_PUSH_BYTES = 120 * 1024


def emit(analysis_id: str, key: str, type_: str, **fields: Any) -> int:
    """Store an event and push it to the analysis' connections; return its sequence number.

    Args:
        key: names the event within its analysis. A second emit with the same key, as a retried
            task makes it, keeps the number and the words of the first. It is pushed again, since
            the first try may have died before its push; clients know an event by its number.
    """
    seq, connections, is_new = _number(analysis_id, key)
    message = {
        "type": type_,
        "analysisId": analysis_id,
        "seq": seq,
        "ts": datetime.now(UTC).isoformat(timespec="milliseconds"),
        **fields,
    }
    stored = None if is_new else _stored(analysis_id, seq)
    if stored is None:
        table("EVENTS_TABLE").put_item(
            Item={
                "analysisId": analysis_id,
                "seq": seq,
                "message": json.dumps(message),
                "expiresAt": int(time.time()) + analyses.KEEP_SECONDS,
            }
        )
    for connection_id in connections:
        if not push(connection_id, stored or message):
            analyses.unsubscribe(analysis_id, connection_id)
    return seq


def since(analysis_id: str, seq: int) -> Iterator[dict[str, Any]]:
    """Yield the stored events that follow ``seq``, in order."""
    more: dict[str, Any] = {}
    while True:
        answer = table("EVENTS_TABLE").query(
            KeyConditionExpression=Key("analysisId").eq(analysis_id) & Key("seq").gt(seq),
            ConsistentRead=True,
            **more,
        )
        for item in answer["Items"]:
            yield json.loads(str(item["message"]))
        if "LastEvaluatedKey" not in answer:
            return
        more = {"ExclusiveStartKey": answer["LastEvaluatedKey"]}


def push(connection_id: str, message: Mapping[str, Any]) -> bool:
    """Send a message to a connection; return ``False`` when that connection is gone."""
    client = management_api()
    try:
        client.post_to_connection(ConnectionId=connection_id, Data=json.dumps(message).encode())
    except client.exceptions.GoneException:
        return False
    except (ClientError, BotoCoreError) as error:
        logger.warning("push failed; the client can resume", exc_info=error)
    return True


def _number(analysis_id: str, key: str) -> tuple[int, list[str], bool]:
    """Give ``key`` the next number, once: number, connections, whether it is new."""
    try:
        answer = table("ANALYSES_TABLE").update_item(
            Key={"analysisId": analysis_id},
            UpdateExpression="SET eventSeq = eventSeq + :one, emitted.#k = eventSeq + :one",
            ConditionExpression="attribute_exists(analysisId) AND attribute_not_exists(emitted.#k)",
            ExpressionAttributeNames={"#k": key},
            ExpressionAttributeValues={":one": 1},
            ReturnValues="ALL_NEW",
        )
        item: Mapping[str, Any] = answer["Attributes"]
        is_new = True
    except ClientError as error:
        if not analyses.condition_failed(error):
            raise
        item = analyses.get(analysis_id)
        is_new = False
    return int(item["emitted"][key]), sorted(item.get("connectionIds", ())), is_new


def _stored(analysis_id: str, seq: int) -> dict[str, Any] | None:
    answer = table("EVENTS_TABLE").get_item(
        Key={"analysisId": analysis_id, "seq": seq}, ConsistentRead=True
    )
    message: dict[str, Any] | None = None
    if "Item" in answer:
        message = json.loads(str(answer["Item"]["message"]))
    return message
