"""An analysis' events: numbered, stored, and only then pushed to its clients."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
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
RESTARTED = "llm.restarted"


def emit(analysis_id: str, key: str, type_: str, **fields: Any) -> int:
    """Store an event and push it to the analysis' connections; return its sequence number.

    Args:
        key: names the event within its analysis. A second emit with the same key, as a retried
            task makes it, keeps the number and the words of the first. It is pushed again, since
            the first try may have died before its push; clients know an event by its number.
            Keys are kept for ever: what has no bound takes :func:`emit_next`.
    """
    return _publish(_number(analysis_id, key, None), type_, fields)


def emit_next(analysis_id: str, chain: str, previous: int | None, type_: str, **fields: Any) -> int:
    """Emit an event of a chain, of which only the last is remembered, however long it gets.

    Args:
        chain: names the chain within its analysis; one caller alone adds to it.
        previous: the number of the event before it in the chain, ``None`` for the first.
    """
    return _publish(_number(analysis_id, chain, previous), type_, fields)


def restart_text(analysis_id: str, turn: int, attempt: int) -> None:
    """Tell the clients that what the model has said of a turn so far is void.

    The attempt before may have died with a number that no event has: this one takes it, so that
    clients, who wait for every number, go on.
    """
    message = {"turn": turn, "attempt": attempt}
    analysis = analyses.get(analysis_id)
    emitted: Mapping[str, Any] = analysis["emitted"]
    numbers = [int(emitted[k]) for k in emitted if k.startswith(f"{turn}.{attempt - 1}.")]
    orphans = [seq for seq in sorted(numbers) if _stored(analysis_id, seq) is None]
    for seq in orphans:
        _publish(_Numbered(analysis_id, seq, _connections(analysis), False), RESTARTED, message)
    if numbers and not orphans:
        emit(analysis_id, f"{turn}.{attempt}.restarted", RESTARTED, **message)


@dataclass(frozen=True)
class _Numbered:
    """An event's number, and whom it is pushed to."""

    analysis_id: str
    seq: int
    connections: list[str]
    is_new: bool


def _publish(event: _Numbered, type_: str, fields: Mapping[str, Any]) -> int:
    message = {
        "type": type_,
        "analysisId": event.analysis_id,
        "seq": event.seq,
        "ts": datetime.now(UTC).isoformat(timespec="milliseconds"),
        **fields,
    }
    stored = None if event.is_new else _stored(event.analysis_id, event.seq)
    if stored is None:
        table("EVENTS_TABLE").put_item(
            Item={
                "analysisId": event.analysis_id,
                "seq": event.seq,
                "message": json.dumps(message),
                "expiresAt": int(time.time()) + analyses.KEEP_SECONDS,
            }
        )
    for connection_id in event.connections:
        if not push(connection_id, stored or message):
            analyses.unsubscribe(event.analysis_id, connection_id)
    return event.seq


def fits(value: object) -> bool:
    """Return whether a value is small enough for a message, with what else that carries."""
    return len(json.dumps(value)) <= MAX_PUSH_BYTES // 2


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


def _number(analysis_id: str, key: str, previous: int | None) -> _Numbered:
    """Give ``key`` the next number, once for each ``previous`` number of it."""
    unchanged = "attribute_not_exists(emitted.#k)" if previous is None else "emitted.#k = :previous"
    values: dict[str, Any] = {":one": 1}
    if previous is not None:
        values[":previous"] = previous
    try:
        answer = table("ANALYSES_TABLE").update_item(
            Key={"analysisId": analysis_id},
            UpdateExpression="SET eventSeq = eventSeq + :one, emitted.#k = eventSeq + :one",
            ConditionExpression=f"attribute_exists(analysisId) AND {unchanged}",
            ExpressionAttributeNames={"#k": key},
            ExpressionAttributeValues=values,
            ReturnValues="ALL_NEW",
        )
        item: Mapping[str, Any] = answer["Attributes"]
        is_new = True
    except ClientError as error:
        if not analyses.condition_failed(error):
            raise
        item = analyses.get(analysis_id)
        is_new = False
    return _Numbered(analysis_id, int(item["emitted"][key]), _connections(item), is_new)


def _connections(analysis: Mapping[str, Any]) -> list[str]:
    return sorted(analysis.get("connectionIds", ()))


def _stored(analysis_id: str, seq: int) -> dict[str, Any] | None:
    answer = table("EVENTS_TABLE").get_item(
        Key={"analysisId": analysis_id, "seq": seq}, ConsistentRead=True
    )
    message: dict[str, Any] | None = None
    if "Item" in answer:
        message = json.loads(str(answer["Item"]["message"]))
    return message
