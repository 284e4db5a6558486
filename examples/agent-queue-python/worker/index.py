"""Answers questions from a queue; one that cannot be answered comes back, alone."""

import json
import os
from typing import Any

import boto3

table = boto3.resource("dynamodb").Table(os.environ["TABLE_NAME"])
clients = boto3.client("apigatewaymanagementapi", endpoint_url=os.environ["API_ENDPOINT"])


def answer(question: str) -> str:
    """Count words, which is what this agent can do."""
    if not question.strip():
        raise ValueError("there is no question")
    return f"{len(question.split())} words"


def work(record: dict[str, Any]) -> None:
    """Answer one question, and keep the answer."""
    question = json.loads(record["body"])["question"]
    connection = record["messageAttributes"]["connectionId"]["stringValue"]
    result = {"type": "answer", "id": record["messageId"], "text": answer(question)}
    table.put_item(Item=result)
    try:
        clients.post_to_connection(ConnectionId=connection, Data=json.dumps(result))
    except clients.exceptions.GoneException:
        print("nobody is there any more; the answer is in the table")


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Tell which questions of a batch are to come again."""
    failed = []
    for record in event["Records"]:
        try:
            work(record)
        except Exception as error:  # noqa: BLE001
            print(f"{record['messageId']}: {error!r}")
            failed.append({"itemIdentifier": record["messageId"]})
    return {"batchItemFailures": failed}
