"""What DynamoDB refuses and moto takes, in DynamoDB's words.

https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_Query.html
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from moto.dynamodb.models.table import Table

Request = Mapping[str, Any]
_WORDS = re.compile(r"[#:]?[A-Za-z_][\w.-]*")
_MAX_BATCH = 25


class InvalidRequest(ValueError):
    """A request that DynamoDB refuses with a ValidationException."""


def check(operation: str, request: Request, table: Table | None) -> None:
    """Refuse what moto would take.

    Args:
        table: the one that the request names, if it names one that is there.

    Raises:
        InvalidRequest: carries DynamoDB's words.
    """
    match operation:
        case "Query" | "Scan":
            if table is not None:
                _check_index(request, table)
            if operation == "Query":
                _check_key_condition(request)
                if table is not None:
                    _check_filter(request, table)
        case "BatchWriteItem":
            count = sum(map(len, request.get("RequestItems", {}).values()))
            if not 0 < count <= _MAX_BATCH:
                raise InvalidRequest(
                    "1 validation error detected: Value at 'requestItems' failed to satisfy "
                    "constraint: Map value must satisfy constraint: [Member must have length less "
                    f"than or equal to {_MAX_BATCH}, Member must have length greater than or "
                    "equal to 1]"
                )


def _check_index(request: Request, table: Table) -> None:
    name = request.get("IndexName")
    if name is None:
        return
    if name not in {index.name for index in table.all_indexes()}:
        raise InvalidRequest(f"The table does not have the specified index: {name}")
    projection = next((i.projection for i in table.global_indexes if i.name == name), None)
    kind = (projection or {}).get("ProjectionType")
    if request.get("Select") == "ALL_ATTRIBUTES" and projection is not None and kind != "ALL":
        raise InvalidRequest(
            "One or more parameter values were invalid: Select type ALL_ATTRIBUTES is not "
            f"supported for global secondary index {name} because its projection type is not ALL"
        )


def _check_key_condition(request: Request) -> None:
    condition = request.get("KeyConditionExpression") or ""
    if "<>" in condition:
        raise InvalidRequest("Unsupported operator on KeyCondition: operator: <>")
    if word := re.search(r"\b(OR|NOT|IN)\b", condition, re.IGNORECASE):
        raise InvalidRequest(f"Invalid operator used in KeyConditionExpression: {word[1].upper()}")


def _check_filter(request: Request, table: Table) -> None:
    """A filter is for what the key condition cannot say."""
    names = request.get("ExpressionAttributeNames") or {}
    index = request.get("IndexName")
    schema = next((i.schema for i in table.all_indexes() if i.name == index), table.schema)
    keys = {element["AttributeName"] for element in schema}
    for word in _WORDS.findall(request.get("FilterExpression") or ""):
        name = names.get(word, word)
        if not word.startswith(":") and name in keys:
            raise InvalidRequest(
                "Filter Expression can only contain non-primary key attributes: "
                f"Primary key attribute: {name}"
            )
