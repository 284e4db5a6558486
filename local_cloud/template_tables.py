"""Creates the DynamoDB tables that a template declares, so that its functions find them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from local_aws.template import Template
from local_cloud.client import client_at

# What CreateTable takes of a table's properties; backups, streams and the like are AWS's.
_TAKEN = {
    *("TableName", "AttributeDefinitions", "KeySchema", "GlobalSecondaryIndexes"),
    *("LocalSecondaryIndexes", "BillingMode", "ProvisionedThroughput"),
}
_TYPES = {"String": "S", "Number": "N", "Binary": "B"}


def create_tables(template: Template, endpoint: str) -> list[str]:
    """Create the tables that are not there; return their names.

    Args:
        endpoint: ``http://host:port`` of the engine.
    """
    client = client_at("dynamodb", endpoint)
    made = []
    for table in _tables(template):
        try:
            client.create_table(**table)
        except client.exceptions.ResourceInUseException:
            continue
        client.get_waiter("table_exists").wait(TableName=table["TableName"])
        made.append(table["TableName"])
    return made


def _tables(template: Template) -> Iterator[dict[str, Any]]:
    for resource in template.resources("AWS::DynamoDB::Table", "AWS::Serverless::SimpleTable"):
        properties = resource.properties
        name = template.physical_name(resource.logical_id)
        if resource.type == "AWS::Serverless::SimpleTable":
            key = properties.get("PrimaryKey") or {"Name": "id", "Type": "String"}
            properties = {
                "AttributeDefinitions": [
                    {"AttributeName": key["Name"], "AttributeType": _TYPES[key["Type"]]}
                ],
                "KeySchema": [{"AttributeName": key["Name"], "KeyType": "HASH"}],
            }
        table = {key: value for key, value in properties.items() if key in _TAKEN}
        if "ProvisionedThroughput" not in table:
            table["BillingMode"] = "PAY_PER_REQUEST"
        yield {**table, "TableName": name}
