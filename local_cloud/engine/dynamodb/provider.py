"""The DynamoDB and DynamoDB Streams services."""

from __future__ import annotations

import hashlib
import json
import threading
import time
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from localstack.aws.api import CommonServiceException, RequestContext
from localstack.aws.api.core import ServiceRequest, ServiceResponse
from localstack.http import Response
from localstack.services.moto import call_moto
from localstack.services.plugins import Service
from moto.dynamodb import comparisons
from moto.dynamodb.exceptions import IncorrectDataType
from moto.dynamodb.models import dynamodb_backends
from moto.dynamodb.models.dynamo_type import DynamoType
from moto.dynamodb.models.table import Table

from local_cloud.engine.dynamodb import rules
from local_cloud.engine.dynamodb.expiry import start_sweeping
from local_cloud.engine.dynamodb.item_calls import answered, asked, call
from local_cloud.engine.dynamodb.lean_moto import lighten
from local_cloud.engine.dynamodb.places import named
from local_cloud.engine.dynamodb.statements import Statements
from local_cloud.engine.dynamodb.streams import tell_as_dynamodb
from local_cloud.engine.dynamodb.transactions import keep_only_what_changes
from local_cloud.engine.dynamodb.values import InvalidValue, normalized, number_text
from local_cloud.engine.service import service_of

# moto checks a condition and writes in two steps; LocalStack serves requests on threads.
# DynamoDB's conditional writes are atomic, so one request at a time.
_one_at_a_time = threading.Lock()
#: What is asked and answered in attribute values.
_CARRY_ITEMS = frozenset(
    {
        *("GetItem", "PutItem", "UpdateItem", "DeleteItem", "Query", "Scan"),
        *("BatchGetItem", "BatchWriteItem", "TransactGetItems", "TransactWriteItems"),
        *("ExecuteStatement", "BatchExecuteStatement", "ExecuteTransaction"),
    }
)
#: How long a transaction's token names it, in seconds.
TOKEN_SECONDS = 600.0


class DynamoDb:
    """Answers with moto's answers, and otherwise where those are not DynamoDB's."""

    def __init__(self) -> None:
        #: By account, region and token: when it was used, for what, and with which answer.
        self._transactions: dict[tuple[str, str, str], tuple[float, str, Any]] = {}

    def __call__(
        self, context: RequestContext, request: ServiceRequest
    ) -> ServiceResponse | Response:
        assert context.operation is not None
        operation = context.operation.name
        try:
            with _one_at_a_time:
                if operation in _CARRY_ITEMS:
                    return answered(context, self._answer(context, operation, asked(context)))
                return call_moto(context)
        except (InvalidValue, rules.InvalidRequest) as error:
            raise CommonServiceException("ValidationException", str(error)) from error

    def _answer(self, context: RequestContext, operation: str, said: Any) -> Any:
        request: dict[str, Any] = normalized(said)
        rules.check(operation, request, _table(context, request.get("TableName")))

        def make(name: str, parameters: dict[str, Any]) -> Any:
            if name == "TransactWriteItems":
                return self._transact(context, parameters)
            return call(context, name, parameters)

        match operation:
            case "ExecuteStatement":
                return Statements(make).execute(request)
            case "BatchExecuteStatement":
                return Statements(make).execute_batch(request)
            case "ExecuteTransaction":
                return Statements(make).execute_transaction(request)
            case "TransactWriteItems":
                answer = self._transact(context, request)
            case "TransactGetItems":
                answer = _transact_get(context, request)
            case _:
                answer = call(context, operation, request)
        return _completed(context, operation, request, answer)

    def _transact(self, context: RequestContext, request: dict[str, Any]) -> Any:
        """Write, once for each token."""
        token = request.get("ClientRequestToken")
        if not token:
            return call(context, "TransactWriteItems", request)
        now = time.monotonic()
        self._transactions = {
            key: kept for key, kept in self._transactions.items() if now - kept[0] < TOKEN_SECONDS
        }
        written = json.dumps(request, sort_keys=True).encode()
        digest = hashlib.sha256(written).hexdigest()
        key = (context.account_id, context.region, token)
        if key in self._transactions:
            _, before, answer = self._transactions[key]
            if before != digest:
                raise CommonServiceException(
                    "IdempotentParameterMismatchException",
                    "The provided client token is already in use by another transaction",
                )
            return answer
        answer = call(context, "TransactWriteItems", request)
        self._transactions[key] = (now, digest, answer)
        return answer


def _table(context: RequestContext, name: Any) -> Table | None:
    """Return a table by its name or ARN, ``None`` where there is none."""
    if not isinstance(name, str):
        return None
    return named(dynamodb_backends[context.account_id][context.region].tables, name)


def _transact_get(context: RequestContext, request: Mapping[str, Any]) -> Any:
    """moto reads whole items here: each is read by itself, with what it is to show."""
    for item in request["TransactItems"]:
        if _table(context, item["Get"]["TableName"]) is None:
            return call(context, "TransactGetItems", request)  # it says what is wrong
    answers = [call(context, "GetItem", item["Get"]) for item in request["TransactItems"]]
    return {"Responses": [{"Item": a["Item"]} if a.get("Item") else {} for a in answers]}


def _completed(
    context: RequestContext, operation: str, request: Mapping[str, Any], answer: Any
) -> Any:
    if request.get("ReturnConsumedCapacity", "NONE") == "NONE":
        answer.pop("ConsumedCapacity", None)
    if request.get("ReturnItemCollectionMetrics", "NONE") == "NONE":
        answer.pop("ItemCollectionMetrics", None)
    if operation == "Query" and _reads_whole_items(context, request):
        _read_whole(context, request, answer)
    if operation == "UpdateItem" and request.get("ReturnValues") == "UPDATED_NEW":
        for name in request["Key"]:  # new in an item that was not there, but never updated
            answer.get("Attributes", {}).pop(name, None)
    if operation in ("Scan", "Query") and request.get("Select") == "COUNT":
        answer.pop("Items", None)
    if answer.get("Attributes") == {}:
        del answer["Attributes"]  # there are none: AWS leaves them out
    return answer


def _reads_whole_items(context: RequestContext, request: Mapping[str, Any]) -> bool:
    table = _table(context, request.get("TableName"))
    local = {index.name for index in table.indexes} if table is not None else set()
    return request.get("Select") == "ALL_ATTRIBUTES" and request.get("IndexName") in local


def _read_whole(context: RequestContext, request: Mapping[str, Any], answer: Any) -> None:
    """A local index' query may ask for what is not projected: it is fetched from the table."""
    table = _table(context, request["TableName"])
    assert table is not None
    names = [element["AttributeName"] for element in table.schema]
    for number, item in enumerate(answer["Items"]):
        key = {name: item[name] for name in names}
        found = call(context, "GetItem", {"TableName": request["TableName"], "Key": key})
        answer["Items"][number] = found["Item"]


def _mend_moto() -> None:
    """Arithmetic without rounding; the size of what is missing is no size, and no error."""

    def arithmetic(sign: int) -> Any:
        def compute(self: DynamoType, other: DynamoType) -> DynamoType:
            if self.type != "N" or other.type != "N":
                raise IncorrectDataType
            total = Decimal(self.value) + sign * Decimal(other.value)
            return DynamoType({"N": number_text(str(total))})

        return compute

    DynamoType.__add__ = arithmetic(1)
    DynamoType.__sub__ = arithmetic(-1)
    size = comparisons.FuncSize.expr

    def size_or_none(self: Any, item: Any) -> Any:
        return None if self.attr.get_type(item) is None else size(self, item)

    comparisons.FuncSize.expr = size_or_none


def dynamodb() -> Service:
    """Return the DynamoDB service."""
    _mend_moto()
    lighten()
    keep_only_what_changes()
    tell_as_dynamodb()
    start_sweeping(_one_at_a_time)
    return service_of("dynamodb", DynamoDb())


def dynamodbstreams() -> Service:
    """Return the DynamoDB Streams service, which reads what the other one has written."""

    def answer(context: RequestContext, request: ServiceRequest) -> ServiceResponse:
        with _one_at_a_time:
            return call_moto(context)

    return service_of("dynamodbstreams", answer)
