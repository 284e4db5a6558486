"""Passes a message on to everyone in the room."""

import json
import os
from typing import Any

import boto3

table = boto3.resource("dynamodb").Table(os.environ["TABLE_NAME"])
room = boto3.client("apigatewaymanagementapi")


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Post the message's ``data`` to each connection; one that is gone is forgotten."""
    data = str(json.loads(event["body"]).get("data", "")).encode()
    for item in table.scan(ProjectionExpression="connectionId")["Items"]:
        name = str(item["connectionId"])
        try:
            room.post_to_connection(ConnectionId=name, Data=data)
        except room.exceptions.GoneException:
            table.delete_item(Key={"connectionId": name})
    return {"statusCode": 200}
