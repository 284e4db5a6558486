"""Runs PartiQL statements as calls of DynamoDB's other API.

https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_ExecuteStatement.html
https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_ExecuteTransaction.html
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from localstack.aws.api import CommonServiceException

from local_aws.json_text import loads
from local_cloud.engine.dynamodb.partiql import (
    Condition,
    Delete,
    Exists,
    Expressions,
    Insert,
    Path,
    Select,
    Statement,
    StatementError,
    Update,
    joined,
    read,
)

Request = Mapping[str, Any]
Answer = dict[str, Any]
#: Makes a call: its operation and its parameters.
Call = Callable[[str, dict[str, Any]], Answer]

_SORT_KEY_OPERATORS = {"=", "<", "<=", ">", ">=", "between", "begins_with"}
_DUPLICATE = "Duplicate primary key exists in table"
#: Codes in a batch's answer are those of exceptions, shorter.
_BATCH_CODES = {
    "ConditionalCheckFailedException": "ConditionalCheckFailed",
    "DuplicateItemException": "DuplicateItem",
    "ResourceNotFoundException": "ResourceNotFound",
    "ValidationException": "ValidationError",
    "ProvisionedThroughputExceededException": "ProvisionedThroughputExceeded",
}


@dataclass(frozen=True)
class Keys:
    """The names of a table's or an index' key attributes."""

    hash: str
    sort: str | None

    def __iter__(self):  # type: ignore[no-untyped-def]
        return iter(filter(None, (self.hash, self.sort)))


class Statements:
    """Runs statements.

    Args:
        call: makes a call of DynamoDB's other API.
    """

    def __init__(self, call: Call) -> None:
        self.call = call

    def execute(self, request: Request) -> Answer:
        """Answer ExecuteStatement."""
        statement = _read(request)
        match statement:
            case Select():
                return self._select(statement, request)
            case Insert():
                return self._insert(statement)
            case Update() | Delete():
                operation = "UpdateItem" if isinstance(statement, Update) else "DeleteItem"
                answer = self.call(operation, self._write(statement))
                attributes = answer.get("Attributes")
                return {"Items": [attributes] if attributes else []}
        raise _invalid("EXISTS is for transactions only")

    def execute_batch(self, request: Request) -> Answer:
        """Answer BatchExecuteStatement: a statement that fails leaves the others be."""
        statements = request["Statements"]
        if not 0 < len(statements) <= 25:
            raise _invalid(
                f"1 validation error detected: Value at 'statements' failed to satisfy constraint: "
                f"Member must have length less than or equal to 25, and has {len(statements)}"
            )
        return {"Responses": [self._one_of_batch(one) for one in statements]}

    def _one_of_batch(self, request: Request) -> Answer:
        try:
            items = self.execute(request).get("Items") or []
            table = _read(request).table  # type: ignore[union-attr]
        except CommonServiceException as error:
            if error.code not in _BATCH_CODES:
                raise
            return {"Error": {"Code": _BATCH_CODES[error.code], "Message": error.message}}
        return {"TableName": table, **({"Item": items[0]} if items else {})}

    def execute_transaction(self, request: Request) -> Answer:
        """Answer ExecuteTransaction: all of its statements, or none."""
        statements = [_read(one) for one in request["TransactStatements"]]
        if all(isinstance(statement, Select) for statement in statements):
            gets = [{"Get": self._get(one)} for one in statements if isinstance(one, Select)]
            answer = self.call("TransactGetItems", {"TransactItems": gets})
            return {"Responses": answer["Responses"]}
        if any(isinstance(statement, Select) for statement in statements):
            raise _invalid("Reads and writes cannot be in one transaction")
        parameters: dict[str, Any] = {"TransactItems": [self._part(one) for one in statements]}
        if token := request.get("ClientRequestToken"):
            parameters["ClientRequestToken"] = token
        try:
            self.call("TransactWriteItems", parameters)
        except CommonServiceException as error:
            if error.code == "TransactionCanceledException":
                _tell_duplicates(error, statements)
            raise
        return {"Responses": [{} for _ in statements]}

    def _part(self, statement: Statement) -> dict[str, Any]:
        match statement:
            case Insert():
                return {"Put": self._put(statement)}
            case Update():
                return {"Update": _without(self._write(statement), "ReturnValues")}
            case Delete():
                return {"Delete": _without(self._write(statement), "ReturnValues")}
            case Exists(select):
                keys = self._keys(select.table)
                key, others = _key_of(select.where, keys)
                text = joined([_exists(keys, select.expressions), *others])
                check = {"TableName": select.table, "Key": key, "ConditionExpression": text}
                return {"ConditionCheck": {**check, **select.expressions.used(text)}}
        raise _invalid("A transaction takes INSERT, UPDATE, DELETE and EXISTS, or SELECT alone")

    # Each kind

    def _select(self, select: Select, request: Request) -> Answer:
        keys = self._keys(select.table, select.index)
        hashes = [c for c in select.where if c.path == (keys.hash,) and c.operator == "="]
        parameters: dict[str, Any] = {"TableName": select.table}
        if select.index:
            parameters["IndexName"] = select.index
        rest = select.where
        key_text = None
        if hashes:
            ranges = [
                condition
                for condition in select.where
                if condition.path == (keys.sort,) and condition.operator in _SORT_KEY_OPERATORS
            ]
            used = [hashes[0], *ranges[:1]]
            rest = [condition for condition in select.where if condition not in used]
            key_text = parameters["KeyConditionExpression"] = joined(used)
            parameters["ScanIndexForward"] = not select.descending
        if (filter_text := joined(rest)) is not None:
            parameters["FilterExpression"] = filter_text
        parameters |= select.expressions.used(key_text, filter_text)
        for name in ("Limit", "ConsistentRead", "ReturnConsumedCapacity"):
            if name in request:
                parameters[name] = request[name]
        if token := request.get("NextToken"):
            parameters["ExclusiveStartKey"] = _read_token(token)
        answer = self.call("Query" if hashes else "Scan", parameters)
        items = [_projected(item, select.columns) for item in answer["Items"]]
        selected: Answer = {"Items": items}
        if last := answer.get("LastEvaluatedKey"):
            selected |= {"LastEvaluatedKey": last, "NextToken": _token(last)}
        if capacity := answer.get("ConsumedCapacity"):
            selected["ConsumedCapacity"] = capacity
        return selected

    def _get(self, select: Select) -> dict[str, Any]:
        key, others = _key_of(select.where, self._keys(select.table))
        if others:
            raise _invalid("In a transaction SELECT takes the item's key alone")
        get: dict[str, Any] = {"TableName": select.table, "Key": key}
        if select.columns:
            expressions = Expressions()
            text = ", ".join(map(expressions.path, select.columns))
            get |= {"ProjectionExpression": text, **expressions.used(text)}
        return get

    def _insert(self, insert: Insert) -> Answer:
        try:
            self.call("PutItem", self._put(insert))
        except CommonServiceException as error:
            if error.code != "ConditionalCheckFailedException":
                raise
            if not insert.quiet:
                raise CommonServiceException("DuplicateItemException", _DUPLICATE) from error
        return {"Items": []}

    def _put(self, insert: Insert) -> dict[str, Any]:
        name = self._keys(insert.table).hash
        return {
            "TableName": insert.table,
            "Item": insert.item,
            "ConditionExpression": "attribute_not_exists(#n0)",
            "ExpressionAttributeNames": {"#n0": name},
        }

    def _write(self, statement: Update | Delete) -> dict[str, Any]:
        keys = self._keys(statement.table)
        key, others = _key_of(statement.where, keys)
        expressions = statement.expressions
        changes = statement.changes if isinstance(statement, Update) else None
        if changes is not None:  # UPDATE makes no item
            others = [_exists(keys, expressions), *others]
        parameters: dict[str, Any] = {"TableName": statement.table, "Key": key}
        if changes is not None:
            parameters["UpdateExpression"] = changes
        if (text := joined(others)) is not None:
            parameters["ConditionExpression"] = text
        if statement.returning:
            parameters["ReturnValues"] = statement.returning
        return parameters | expressions.used(changes, text)

    def _keys(self, table: str, index: str | None = None) -> Keys:
        description = self.call("DescribeTable", {"TableName": table})["Table"]
        schema = description["KeySchema"]
        if index is not None:
            indexes = [
                *description.get("GlobalSecondaryIndexes", []),
                *description.get("LocalSecondaryIndexes", []),
            ]
            found = [one for one in indexes if one["IndexName"] == index]
            if not found:
                raise _invalid(f"The table does not have the specified index: {index}")
            schema = found[0]["KeySchema"]
        names = {element["KeyType"]: element["AttributeName"] for element in schema}
        return Keys(names["HASH"], names.get("RANGE"))


def _read(request: Request) -> Statement:
    try:
        return read(request["Statement"], request.get("Parameters"))
    except StatementError as error:
        words = str(error)
        if not words.startswith("Number of parameters"):
            words = f"Statement wasn't well formed, can't be processed: {words}"
        raise _invalid(words) from error


def _exists(keys: Keys, expressions: Expressions) -> Condition:
    return Condition(f"attribute_exists({expressions.path((keys.hash,))})")


def _key_of(where: list[Condition], keys: Keys) -> tuple[dict[str, Any], list[Condition]]:
    """Return the key that a WHERE clause names, and its other conditions."""
    key: dict[str, Any] = {}
    others = []
    for condition in where:
        name = str(condition.path[0]) if condition.path and len(condition.path) == 1 else ""
        if condition.operator == "=" and name in tuple(keys) and name not in key:
            key[name] = condition.values[0]
        else:
            others.append(condition)
    if set(key) != set(keys):
        raise _invalid("Where clause does not contain a mandatory equality on all key attributes")
    return key, others


def _projected(item: dict[str, Any], columns: list[Path]) -> dict[str, Any]:
    if not columns:
        return item
    projected = {}
    for path in columns:
        value: Any = {"M": item}
        for step in path:
            inner = value.get("L") if isinstance(step, int) else value.get("M")
            try:
                value = inner[step]
            except (KeyError, IndexError, TypeError):
                break
        else:
            name = next(step for step in reversed(path) if isinstance(step, str))
            projected[name if isinstance(path[-1], str) else f"{name}[{path[-1]}]"] = value
    return projected


def _token(key: dict[str, Any]) -> str:
    return base64.b64encode(json.dumps(key).encode()).decode()


def _read_token(token: str) -> Any:
    try:
        return loads(base64.b64decode(token, validate=True))
    except ValueError as error:
        raise _invalid("Invalid NextToken") from error


def _without(parameters: dict[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in parameters.items() if key != name}


def _tell_duplicates(cancelled: CommonServiceException, statements: list[Statement]) -> None:
    """An INSERT of an item that is there has a reason of its own."""
    reasons: list[Any] = cancelled.CancellationReasons
    for reason, statement in zip(reasons, statements, strict=False):
        if isinstance(statement, Insert) and reason["Code"] == "ConditionalCheckFailed":
            reason |= {"Code": "DuplicateItem", "Message": _DUPLICATE}
    codes = ", ".join(str(reason["Code"]) for reason in reasons)
    words = "Transaction cancelled, please refer cancellation reasons for specific reasons"
    cancelled.message = f"{words} [{codes}]"


def _invalid(message: str) -> CommonServiceException:
    return CommonServiceException("ValidationException", message)
