"""DynamoDB as its documentation has it: PartiQL, transactions, expressions, indexes, streams."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import boto3
import httpx
import pytest
from botocore.exceptions import ClientError

from local_aws.account import REGION
from tests.stack import Stack, until

pytestmark = pytest.mark.same_in_docker("the same engine's DynamoDB")

Attributes = dict[str, Any]


@dataclass
class Tables:
    """A table of things by owner and number, with both kinds of index, and a plain one."""

    client: Any
    streams: Any
    things: str
    plain: str

    def run(self, statement: str, *values: Attributes, **more: Any) -> Any:
        """Execute a PartiQL statement; ``{plain}`` and ``{things}`` stand for the tables."""
        text = statement.replace("{plain}", self.plain).replace("{things}", self.things)
        parameters = {"Parameters": list(values)} if values else {}
        return self.client.execute_statement(Statement=text, **parameters, **more)

    def put(self, **attributes: Attributes) -> None:
        self.client.put_item(TableName=self.plain, Item=attributes)

    def get(self, key: str) -> Attributes | None:
        answer = self.client.get_item(TableName=self.plain, Key={"id": {"S": key}})
        item: Attributes | None = answer.get("Item")
        return item

    def update(self, expression: str, returned: str = "ALL_NEW", **values: Attributes) -> Any:
        named = {f":{name}": value for name, value in values.items()}
        placed = {"ExpressionAttributeValues": named} if named else {}
        answer = self.client.update_item(
            TableName=self.plain,
            Key={"id": {"S": "1"}},
            UpdateExpression=expression,
            ReturnValues=returned,
            **placed,
        )
        return answer.get("Attributes")

    def query(self, condition: str = "owner = :o", **more: Any) -> Any:
        values = {":o": {"S": "ann"}, **more.pop("values", {})}
        return self.client.query(
            TableName=self.things,
            KeyConditionExpression=condition.replace("owner", "#o"),
            ExpressionAttributeNames={"#o": "owner"},
            ExpressionAttributeValues=values,
            **more,
        )


@pytest.fixture
def tables(stack: Stack) -> Iterator[Tables]:
    client = stack.aws("dynamodb")
    streams = boto3.client(
        "dynamodbstreams",
        endpoint_url=stack.ports.engine_url,
        region_name=REGION,
        aws_access_key_id="test",
        aws_secret_access_key="test",
    )
    mark = uuid.uuid4().hex[:10]
    made = Tables(client, streams, f"things-{mark}", f"plain-{mark}")
    client.create_table(
        TableName=made.things,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[
            {"AttributeName": n, "AttributeType": t}
            for n, t in (("owner", "S"), ("nr", "N"), ("kind", "S"), ("label", "S"))
        ],
        KeySchema=_schema("owner", "nr"),
        GlobalSecondaryIndexes=[
            {
                "IndexName": "by-kind",
                "KeySchema": _schema("kind", "nr"),
                "Projection": {"ProjectionType": "INCLUDE", "NonKeyAttributes": ["size"]},
            }
        ],
        LocalSecondaryIndexes=[
            {
                "IndexName": "by-label",
                "KeySchema": _schema("owner", "label"),
                "Projection": {"ProjectionType": "KEYS_ONLY"},
            }
        ],
        StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
    )
    client.create_table(
        TableName=made.plain,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        KeySchema=_schema("id"),
    )
    for number in range(10):
        item = {
            "owner": {"S": "ann"},
            "nr": {"N": str(number)},
            "kind": {"S": "odd" if number % 2 else "even"},
            "label": {"S": f"l{9 - number}"},
            "size": {"N": str(number * 10)},
            "deep": {"M": {"list": {"L": [{"N": "1"}, {"N": "2"}]}}},
        }
        client.put_item(TableName=made.things, Item=item)
    made.put(id={"S": "1"}, v={"N": "1"}, name={"S": "ann"}, tags={"SS": ["a", "b"]})
    made.put(id={"S": "2"}, v={"N": "2"}, name={"S": "bob"})
    yield made
    for name in (made.things, made.plain):
        client.delete_table(TableName=name)


def _schema(*names: str) -> list[dict[str, str]]:
    kinds = ("HASH", "RANGE")
    return [{"AttributeName": n, "KeyType": k} for n, k in zip(names, kinds, strict=False)]


def refused(error: pytest.ExceptionInfo[ClientError]) -> tuple[str, str]:
    described = error.value.response["Error"]
    return described["Code"], described["Message"]


def told(error: pytest.ExceptionInfo[ClientError]) -> dict[str, Any]:
    return dict(error.value.response)


# PartiQL


@pytest.mark.parametrize(
    ("statement", "values", "found"),
    [
        ("SELECT * FROM \"{plain}\" WHERE id='1'", [], ["1"]),
        ('select id from "{plain}" where id = ?', [{"S": "2"}], ["2"]),
        ('SELECT * FROM "{plain}"', [], ["1", "2"]),
        ('SELECT id FROM "{plain}" WHERE v > 1', [], ["2"]),
        ("SELECT id FROM \"{plain}\" WHERE v >= 1 AND name = 'bob'", [], ["2"]),
        ("SELECT id FROM \"{plain}\" WHERE v = 1 OR name = 'bob'", [], ["1", "2"]),
        ("SELECT id FROM \"{plain}\" WHERE NOT (name = 'bob')", [], ["1"]),
        ("SELECT id FROM \"{plain}\" WHERE id IN ['1', '2', '3']", [], ["1", "2"]),
        ("SELECT id FROM \"{plain}\" WHERE begins_with(name, 'a')", [], ["1"]),
        ("SELECT id FROM \"{plain}\" WHERE contains(tags, 'b')", [], ["1"]),
        ('SELECT id FROM "{plain}" WHERE tags IS MISSING', [], ["2"]),
        ('SELECT id FROM "{plain}" WHERE tags IS NOT MISSING', [], ["1"]),
        ('SELECT id FROM "{plain}" WHERE size(name) = 3 AND v BETWEEN 2 AND 9', [], ["2"]),
        ("SELECT id FROM \"{plain}\" WHERE name <> 'it''s'", [], ["1", "2"]),
    ],
)
def test_partiql_selects(
    tables: Tables, statement: str, values: list[Attributes], found: list[str]
) -> None:
    items = tables.run(statement, *values)["Items"]
    assert sorted(item["id"]["S"] for item in items) == found


def test_partiql_selects_by_key_in_order_and_in_pages(tables: Tables) -> None:
    statement = 'SELECT nr FROM "{things}" WHERE owner=? AND nr BETWEEN 2 AND 6 ORDER BY nr DESC'
    first = tables.run(statement, {"S": "ann"}, Limit=3)
    rest = tables.run(statement, {"S": "ann"}, Limit=3, NextToken=first["NextToken"])
    numbers = [item["nr"]["N"] for item in [*first["Items"], *rest["Items"]]]
    assert numbers == ["6", "5", "4", "3", "2"]
    assert "NextToken" not in rest


def test_partiql_selects_through_an_index_and_from_inside_of_an_item(tables: Tables) -> None:
    odd = tables.run('SELECT * FROM "{things}"."by-kind" WHERE kind=\'odd\'')["Items"]
    assert [item["nr"]["N"] for item in odd] == ["1", "3", "5", "7", "9"]
    assert set(odd[0]) == {"owner", "nr", "kind", "size"}
    inside = tables.run("SELECT deep.list[1] FROM \"{things}\" WHERE owner='ann' AND nr=1")["Items"]
    assert inside == [{"list[1]": {"N": "2"}}]


def test_partiql_writes(tables: Tables) -> None:
    tables.run(
        "INSERT INTO \"{plain}\" VALUE {'id': '3', 'v': ?, 'm': {'a': [1, true]}}", {"N": "3"}
    )
    assert tables.get("3") == {
        "id": {"S": "3"},
        "v": {"N": "3"},
        "m": {"M": {"a": {"L": [{"N": "1"}, {"BOOL": True}]}}},
    }
    changed = tables.run(
        "UPDATE \"{plain}\" SET v = v + 1 SET m.a = list_append(m.a, ['x']) WHERE id='3' "
        "RETURNING ALL NEW *"
    )["Items"]
    assert changed[0]["v"] == {"N": "4"}
    assert len(changed[0]["m"]["M"]["a"]["L"]) == 3
    tables.run("UPDATE \"{plain}\" REMOVE m SET tags = <<'z'>> WHERE id='3' AND v = 4")
    tables.run("UPDATE \"{plain}\" SET tags = set_add(tags, <<'y'>>) WHERE id='3'")
    item = tables.get("3")
    assert item is not None
    assert ("m" in item, sorted(item["tags"]["SS"])) == (False, ["y", "z"])
    gone = tables.run("DELETE FROM \"{plain}\" WHERE id='3' RETURNING ALL OLD *")["Items"]
    assert gone[0]["id"] == {"S": "3"}
    assert tables.get("3") is None


@pytest.mark.parametrize(
    ("statement", "code", "words"),
    [
        ("INSERT INTO \"{plain}\" VALUE {'id': '1'}", "DuplicateItemException", "Duplicate"),
        ("UPDATE \"{plain}\" SET v=1 WHERE id='no'", "ConditionalCheckFailedException", "failed"),
        ("UPDATE \"{plain}\" SET v=1 WHERE id='1' AND v=9", "ConditionalCheckFailedException", ""),
        ('UPDATE "{plain}" SET v=1 WHERE v=1', "ValidationException", "mandatory equality"),
        ("SELEKT * FROM x", "ValidationException", "wasn't well formed"),
        ('SELECT * FROM "{plain}" WHERE id=\'1', "ValidationException", "wasn't well formed"),
        ('SELECT * FROM "{plain}" WHERE id=?', "ValidationException", "Number of parameters"),
        ("SELECT * FROM \"no-such\" WHERE id='1'", "ResourceNotFoundException", ""),
        ('SELECT * FROM "{plain}"."no" WHERE id=\'1\'', "ValidationException", "specified index"),
    ],
)
def test_partiql_that_cannot_be_is_said(
    tables: Tables, statement: str, code: str, words: str
) -> None:
    with pytest.raises(ClientError) as error:
        tables.run(statement)
    assert refused(error)[0] == code
    assert words in refused(error)[1]


def test_partiql_in_a_batch_and_in_a_transaction(tables: Tables) -> None:
    one = f"SELECT * FROM \"{tables.plain}\" WHERE id='1'"
    batch = tables.client.batch_execute_statement(
        Statements=[{"Statement": one}, {"Statement": "SELECT * FROM \"no-such\" WHERE id='1'"}]
    )["Responses"]
    assert batch[0]["Item"]["id"] == {"S": "1"}
    assert batch[1]["Error"]["Code"] == "ResourceNotFound"

    tables.client.execute_transaction(
        TransactStatements=[
            {"Statement": f"INSERT INTO \"{tables.plain}\" VALUE {{'id': 't1'}}"},
            {"Statement": f"UPDATE \"{tables.plain}\" SET v=5 WHERE id='1'"},
            {"Statement": f"EXISTS(SELECT * FROM \"{tables.plain}\" WHERE id='2' AND v=2)"},
        ]
    )
    assert tables.get("t1") is not None
    with pytest.raises(ClientError) as error:
        tables.client.execute_transaction(
            TransactStatements=[
                {"Statement": f"INSERT INTO \"{tables.plain}\" VALUE {{'id': 't2'}}"},
                {"Statement": f"INSERT INTO \"{tables.plain}\" VALUE {{'id': 't1'}}"},
            ]
        )
    reasons = told(error)["CancellationReasons"]
    assert [reason["Code"] for reason in reasons] == ["None", "DuplicateItem"]
    assert tables.get("t2") is None
    read = tables.client.execute_transaction(TransactStatements=[{"Statement": one}])
    assert read["Responses"][0]["Item"]["v"] == {"N": "5"}


# Transactions


def write(tables: Tables, *items: Attributes, **more: Any) -> None:
    named = [
        {kind: {"TableName": tables.plain, **what}} for item in items for kind, what in item.items()
    ]
    tables.client.transact_write_items(TransactItems=named, **more)


def test_a_transaction_is_all_or_nothing_and_gives_its_reasons(tables: Tables) -> None:
    taken = {
        "Item": {"id": {"S": "1"}},
        "ConditionExpression": "attribute_not_exists(id)",
        "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
    }
    with pytest.raises(ClientError) as error:
        write(tables, {"Put": {"Item": {"id": {"S": "new"}}}}, {"Put": taken})
    assert refused(error)[0] == "TransactionCanceledException"
    assert "[None, ConditionalCheckFailed]" in refused(error)[1]
    none, failed = told(error)["CancellationReasons"]
    assert none == {"Code": "None"}
    assert failed["Item"]["name"] == {"S": "ann"}
    assert tables.get("new") is None


def test_a_transaction_that_fails_has_changed_nothing(tables: Tables) -> None:
    def everything() -> tuple[list[Attributes], int]:
        items = tables.client.scan(TableName=tables.things)["Items"]
        items.sort(key=lambda item: int(item["nr"]["N"]))
        return items, len(records(tables, tables.things))

    before = everything()
    places = [{"owner": {"S": "ann"}, "nr": {"N": str(number)}} for number in (0, 1, 77, 3)]
    named = {"TableName": tables.things}
    one = {":one": {"N": "1"}}
    with pytest.raises(ClientError) as error:
        tables.client.transact_write_items(
            TransactItems=[
                {"Put": {**named, "Item": {**places[0], "size": {"N": "1"}}}},
                {"Delete": {**named, "Key": places[1]}},
                {
                    "Update": {
                        **named,
                        "Key": places[2],
                        "UpdateExpression": "SET made = :one",
                        "ExpressionAttributeValues": one,
                    }
                },
                {
                    "ConditionCheck": {
                        **named,
                        "Key": places[3],
                        "ConditionExpression": "nr = :one",
                        "ExpressionAttributeValues": one,
                    }
                },
            ]
        )
    codes = [reason["Code"] for reason in told(error)["CancellationReasons"]]
    assert codes == ["None", "None", "None", "ConditionalCheckFailed"]
    assert everything() == before


def test_a_transactions_token_makes_it_happen_once(tables: Tables) -> None:
    more = {
        "Key": {"id": {"S": "1"}},
        "UpdateExpression": "SET v = v + :one",
        "ExpressionAttributeValues": {":one": {"N": "1"}},
    }
    token = uuid.uuid4().hex
    for _ in range(2):
        write(tables, {"Update": more}, ClientRequestToken=token)
    item = tables.get("1")
    assert item is not None
    assert item["v"] == {"N": "2"}
    with pytest.raises(ClientError) as error:
        write(tables, {"Put": {"Item": {"id": {"S": "x"}}}}, ClientRequestToken=token)
    assert refused(error)[0] == "IdempotentParameterMismatchException"


def test_a_transaction_reads_what_it_is_asked_for(tables: Tables) -> None:
    gets = [
        {"TableName": tables.plain, "Key": {"id": {"S": "1"}}, "ProjectionExpression": "v"},
        {"TableName": tables.plain, "Key": {"id": {"S": "no"}}},
    ]
    answer = tables.client.transact_get_items(TransactItems=[{"Get": get} for get in gets])
    assert answer["Responses"] == [{"Item": {"v": {"N": "1"}}}, {}]


@pytest.mark.parametrize("operation", ["put_item", "update_item", "delete_item"])
def test_a_condition_that_fails_can_return_the_item(tables: Tables, operation: str) -> None:
    key = {"id": {"S": "1"}}
    cases: dict[str, dict[str, Any]] = {
        "put_item": {"Item": key},
        "update_item": {"Key": key, "UpdateExpression": "REMOVE v"},
        "delete_item": {"Key": key},
    }
    with pytest.raises(ClientError) as error:
        getattr(tables.client, operation)(
            TableName=tables.plain,
            ConditionExpression="attribute_not_exists(id)",
            ReturnValuesOnConditionCheckFailure="ALL_OLD",
            **cases[operation],
        )
    assert refused(error)[0] == "ConditionalCheckFailedException"
    assert told(error)["Item"]["name"] == {"S": "ann"}


# Update expressions


@pytest.mark.parametrize(
    ("expression", "values", "changed"),
    [
        (
            "SET c = if_not_exists(c, :z) + :o",
            {"z": {"N": "0"}, "o": {"N": "1"}},
            {"c": {"N": "1"}},
        ),
        ("SET v = v - :o", {"o": {"N": "0.9"}}, {"v": {"N": "0.1"}}),
        ("SET v = v + :o", {"o": {"N": "1e20"}}, {"v": {"N": "100000000000000000001"}}),
        ("SET v = :o, w = v", {"o": {"N": "7"}}, {"v": {"N": "7"}, "w": {"N": "1"}}),
        ("ADD hits :o", {"o": {"N": "5"}}, {"hits": {"N": "5"}}),
        ("ADD tags :o", {"o": {"SS": ["c"]}}, {"tags": {"SS": ["a", "b", "c"]}}),
        ("DELETE tags :o", {"o": {"SS": ["a"]}}, {"tags": {"SS": ["b"]}}),
        ("SET l = :l", {"l": {"L": [{"N": "01.50"}]}}, {"l": {"L": [{"N": "1.5"}]}}),
    ],
)
def test_an_update_expression(
    tables: Tables, expression: str, values: Attributes, changed: Attributes
) -> None:
    found = tables.update(expression, "UPDATED_NEW", **values)
    if "tags" in found:
        found["tags"]["SS"].sort()
    assert found == changed


def test_lists_are_changed_by_index_as_they_were_before(tables: Tables) -> None:
    tables.update("SET l = :l", l={"L": [{"N": str(n)} for n in range(4)]})
    assert tables.update("REMOVE l[0], l[2]")["l"] == {"L": [{"N": "1"}, {"N": "3"}]}
    assert tables.update("SET l[9] = :x", x={"S": "end"})["l"]["L"][-1] == {"S": "end"}
    assert "tags" not in tables.update("DELETE tags :t", t={"SS": ["a", "b"]}), (
        "an empty set is none"
    )


@pytest.mark.parametrize(
    ("expression", "values", "words"),
    [
        ("SET id = :o", {"o": {"S": "1"}}, "part of the key"),
        ("SET nope.x = :o", {"o": {"N": "1"}}, "document path"),
        ("SET m = :o, m.k = :o", {"o": {"N": "1"}}, "overlap"),
        ("SET z = :o", {"o": {"N": "1"}, "u": {"N": "1"}}, "unused"),
        ("SET z = :undefined", {}, "not defined"),
        ("SET name = :o", {"o": {"S": "1"}}, "reserved keyword"),
        ("ADD tags :o", {"o": {"N": "1"}}, "incorrect data type"),
        ("SET z = :o", {"o": {"SS": []}}, "may not be empty"),
        ("SET z = :o", {"o": {"N": "1" * 39}}, "38 significant digits"),
    ],
)
def test_an_update_expression_that_cannot_be_is_said(
    tables: Tables, expression: str, values: Attributes, words: str
) -> None:
    with pytest.raises(ClientError) as error:
        tables.update(expression, **values)
    assert refused(error)[0] == "ValidationException"
    assert words in refused(error)[1]


# Queries


def test_a_global_index_is_queried_in_pages_backwards(tables: Tables) -> None:
    numbers: list[str] = []
    start: Attributes = {}
    while True:
        page = tables.client.query(
            TableName=tables.things,
            IndexName="by-kind",
            KeyConditionExpression="kind = :k",
            ExpressionAttributeValues={":k": {"S": "odd"}},
            ScanIndexForward=False,
            Limit=2,
            **start,
        )
        numbers += [item["nr"]["N"] for item in page["Items"]]
        if "LastEvaluatedKey" not in page:
            break
        assert set(page["LastEvaluatedKey"]) == {"owner", "nr", "kind"}
        start = {"ExclusiveStartKey": page["LastEvaluatedKey"]}
    assert numbers == ["9", "7", "5", "3", "1"]


def test_a_local_index_shows_its_projection_or_the_whole_item(tables: Tables) -> None:
    page = tables.query(IndexName="by-label", Limit=1)
    assert page["Items"] == [{"owner": {"S": "ann"}, "nr": {"N": "9"}, "label": {"S": "l0"}}]
    page = tables.query(IndexName="by-label", Limit=1, Select="ALL_ATTRIBUTES")
    assert page["Items"][0]["size"] == {"N": "90"}


def test_a_filter_is_applied_after_the_limit(tables: Tables) -> None:
    page = tables.client.query(
        TableName=tables.things,
        KeyConditionExpression="#o = :o",
        FilterExpression="#s > :n",
        ExpressionAttributeNames={"#o": "owner", "#s": "size"},
        ExpressionAttributeValues={":o": {"S": "ann"}, ":n": {"N": "40"}},
        Limit=3,
    )
    assert (page["Count"], page["ScannedCount"]) == (0, 3)
    assert page["LastEvaluatedKey"]["nr"] == {"N": "2"}


def test_counts_have_no_items_and_capacity_is_told_when_asked_for(tables: Tables) -> None:
    page = tables.query(Select="COUNT")
    assert ("Items" in page and page["Items"] != [], page["Count"]) == (False, 10)
    assert "ConsumedCapacity" not in page
    assert tables.query(ReturnConsumedCapacity="TOTAL")["ConsumedCapacity"]["CapacityUnits"] > 0
    scanned = tables.client.scan(TableName=tables.plain, Select="COUNT")
    assert (scanned["Count"], scanned.get("Items", [])) == (2, [])


def test_the_segments_of_a_scan_are_the_whole_and_share_nothing(tables: Tables) -> None:
    for number in range(20):
        tables.put(id={"S": f"s{number}"})
    parts = [
        tables.client.scan(TableName=tables.plain, Segment=number, TotalSegments=3)["Items"]
        for number in range(3)
    ]
    found = [item["id"]["S"] for part in parts for item in part]
    assert len(found) == len(set(found)) == 22
    assert all(parts)


@pytest.mark.parametrize(
    ("condition", "more", "words"),
    [
        ("nr = :n", {"values": {":n": {"N": "1"}}}, "missed key schema element"),
        ("owner = :o AND nr <> :n", {"values": {":n": {"N": "1"}}}, "<>"),
        ("owner = :o", {"IndexName": "no-such"}, "specified index"),
        (
            "owner = :o",
            {"FilterExpression": "nr > :n", "values": {":n": {"N": "1"}}},
            "Primary key attribute: nr",
        ),
    ],
)
def test_a_query_that_cannot_be_is_said(
    tables: Tables, condition: str, more: dict[str, Any], words: str
) -> None:
    with pytest.raises(ClientError) as error:
        tables.query(condition, **more)
    assert refused(error)[0] == "ValidationException"
    assert words in refused(error)[1]


def test_a_global_index_has_no_more_than_it_projects(tables: Tables) -> None:
    asked = {
        "TableName": tables.things,
        "IndexName": "by-kind",
        "KeyConditionExpression": "kind = :k",
        "ExpressionAttributeValues": {":k": {"S": "odd"}},
    }
    for more, words in (
        ({"Select": "ALL_ATTRIBUTES"}, "projection type is not ALL"),
        ({"ConsistentRead": True}, "Consistent reads are not supported"),
    ):
        with pytest.raises(ClientError) as error:
            tables.client.query(**asked, **more)
        assert words in refused(error)[1]


def test_a_batch_takes_25_writes(tables: Tables) -> None:
    puts = [{"PutRequest": {"Item": {"id": {"S": f"b{n}"}}}} for n in range(26)]
    with pytest.raises(ClientError) as error:
        tables.client.batch_write_item(RequestItems={tables.plain: puts})
    assert refused(error)[0] == "ValidationException"
    assert tables.get("b0") is None


# Streams and expiry


def records(tables: Tables, name: str) -> list[Any]:
    (stream,) = tables.streams.list_streams(TableName=name)["Streams"]
    arn = stream["StreamArn"]
    (shard,) = tables.streams.describe_stream(StreamArn=arn)["StreamDescription"]["Shards"]
    start = tables.streams.get_shard_iterator(
        StreamArn=arn, ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON"
    )["ShardIterator"]
    found: list[Any] = tables.streams.get_records(ShardIterator=start)["Records"]
    return found


def test_what_has_no_attributes_to_return_returns_none(tables: Tables) -> None:
    key = {"owner": {"S": "nobody"}, "nr": {"N": "1"}}
    for more in ({}, {"ReturnValues": "ALL_OLD"}):
        assert "Attributes" not in tables.client.delete_item(
            TableName=tables.things, Key=key, **more
        )
        assert "Attributes" not in tables.client.put_item(TableName=tables.things, Item=key, **more)
        tables.client.delete_item(TableName=tables.things, Key=key)


def test_an_update_that_makes_an_item_returns_what_it_set(tables: Tables) -> None:
    updated = tables.client.update_item(
        TableName=tables.things,
        Key={"owner": {"S": "new"}, "nr": {"N": "1"}},
        UpdateExpression="ADD visits :one",
        ExpressionAttributeValues={":one": {"N": "1"}},
        ReturnValues="UPDATED_NEW",
    )
    assert updated["Attributes"] == {"visits": {"N": "1"}}, "its key was not updated"


def test_a_stream_tells_every_change_with_both_images(tables: Tables) -> None:
    key = {"owner": {"S": "ann"}, "nr": {"N": "1"}}
    tables.client.update_item(
        TableName=tables.things,
        Key=key,
        UpdateExpression="SET kind = :k",
        ExpressionAttributeValues={":k": {"S": "new"}},
    )
    tables.client.delete_item(TableName=tables.things, Key=key)
    *inserted, modified, removed = records(tables, tables.things)
    assert {record["eventName"] for record in inserted} == {"INSERT"}
    assert (modified["eventName"], removed["eventName"]) == ("MODIFY", "REMOVE")
    assert modified["dynamodb"]["OldImage"]["kind"] == {"S": "odd"}
    assert modified["dynamodb"]["NewImage"]["kind"] == {"S": "new"}
    assert removed["dynamodb"]["Keys"] == key


def test_a_stream_tells_a_change_once_and_only_if_there_is_one(tables: Tables) -> None:
    key = {"owner": {"S": "ann"}, "nr": {"N": "50"}}
    told_before = len(records(tables, tables.things))
    for value in ("a", "a", "b"):
        tables.client.update_item(
            TableName=tables.things,
            Key=key,
            UpdateExpression="SET v = :v",
            ExpressionAttributeValues={":v": {"S": value}},
        )
    tables.client.put_item(TableName=tables.things, Item={**key, "v": {"S": "b"}})
    tables.client.delete_item(TableName=tables.things, Key=key)
    inserted, modified, removed = records(tables, tables.things)[told_before:]
    assert [r["eventName"] for r in (inserted, modified, removed)] == ["INSERT", "MODIFY", "REMOVE"]
    assert inserted["dynamodb"]["NewImage"] == {**key, "v": {"S": "a"}}
    assert "OldImage" not in inserted["dynamodb"]
    assert removed["dynamodb"]["OldImage"] == {**key, "v": {"S": "b"}}
    assert "NewImage" not in removed["dynamodb"]


def test_an_update_that_fails_makes_no_item(tables: Tables) -> None:
    large = {"S": "x" * 300_000}
    with pytest.raises(ClientError) as error:
        tables.client.update_item(
            TableName=tables.plain,
            Key={"id": {"S": "large"}},
            UpdateExpression="SET a = :v, b = :v",
            ExpressionAttributeValues={":v": large},
        )
    assert refused(error)[0] == "ValidationException"
    assert tables.get("large") is None


def test_an_item_whose_time_has_passed_is_deleted_by_the_service(tables: Tables) -> None:
    tables.client.update_time_to_live(
        TableName=tables.things,
        TimeToLiveSpecification={"Enabled": True, "AttributeName": "until"},
    )
    now = int(time.time())
    for number, until_ in ((100, now - 5), (101, now + 3600), (102, now - 6 * 365 * 24 * 3600)):
        item = {"owner": {"S": "bob"}, "nr": {"N": str(number)}, "until": {"N": str(until_)}}
        tables.client.put_item(TableName=tables.things, Item=item)

    def gone() -> bool:
        key = {"owner": {"S": "bob"}, "nr": {"N": "100"}}
        return "Item" not in tables.client.get_item(TableName=tables.things, Key=key)

    until(gone, 30)
    last = records(tables, tables.things)[-1]
    assert (last["eventName"], last["userIdentity"]["Type"]) == ("REMOVE", "Service")
    left = tables.query(values={":o": {"S": "bob"}})["Items"]
    assert [item["nr"]["N"] for item in left] == ["101", "102"]


# What is written and read
# https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_AttributeValue.html

EVERY_KIND: Attributes = {
    "text": {"S": "über \U0001f600 \"'\\\n"},
    "number": {"N": "-12345678901234567890.123456789"},
    "bytes": {"B": b"\x00\xff\x10"},
    "flag": {"BOOL": False},
    "nothing": {"NULL": True},
    "texts": {"SS": ["a", "ü"]},
    "numbers": {"NS": ["1", "2.5"]},
    "binaries": {"BS": [b"\x00", b"\x01\xfe"]},
    "list": {"L": [{"N": "1"}, {"B": b"\x01"}, {"L": []}, {"M": {}}]},
    "map": {"M": {"bytes": {"B": b"\x02"}, "deep": {"M": {"list": {"L": [{"S": ""}]}}}}},
}


@pytest.mark.parametrize("way", ["put", "update", "batch", "transaction", "statement"])
def test_values_of_every_kind_come_back_as_they_were_written(tables: Tables, way: str) -> None:
    key: Attributes = {"id": {"S": "all"}}
    item = {**key, **EVERY_KIND}
    match way:
        case "put":
            tables.put(**item)
        case "update":
            parts = ", ".join(f"#{name} = :{name}" for name in EVERY_KIND)
            tables.client.update_item(
                TableName=tables.plain,
                Key=key,
                UpdateExpression=f"SET {parts}",
                ExpressionAttributeNames={f"#{name}": name for name in EVERY_KIND},
                ExpressionAttributeValues={f":{n}": value for n, value in EVERY_KIND.items()},
            )
        case "batch":
            puts = [{"PutRequest": {"Item": item}}]
            tables.client.batch_write_item(RequestItems={tables.plain: puts})
        case "transaction":
            write(tables, {"Put": {"Item": item}})
        case "statement":
            named = ", ".join(f"'{name}': ?" for name in item)
            tables.run(f'INSERT INTO "{{plain}}" VALUE {{{named}}}', *item.values())
    get = {"TableName": tables.plain, "Key": key}
    table = {"TableName": tables.plain}
    batch = tables.client.batch_get_item(RequestItems={tables.plain: {"Keys": [key]}})
    found = [
        tables.get("all"),
        *(one for one in tables.client.scan(**table)["Items"] if one["id"] == key["id"]),
        *batch["Responses"][tables.plain],
        tables.client.transact_get_items(TransactItems=[{"Get": get}])["Responses"][0]["Item"],
        *tables.run('SELECT * FROM "{plain}" WHERE id = ?', key["id"])["Items"],
        tables.client.delete_item(**get, ReturnValues="ALL_OLD")["Attributes"],
    ]
    assert found == [item] * 6


def test_what_was_not_asked_for_is_not_answered(tables: Tables) -> None:
    key: Attributes = {"id": {"S": "1"}}
    put = {"Put": {"TableName": tables.plain, "Item": {"id": {"S": "t"}}}}
    puts = {tables.plain: [{"PutRequest": {"Item": {"id": {"S": "b"}}}}]}
    answers = {
        "transact_write_items": tables.client.transact_write_items(TransactItems=[put]),
        "batch_write_item": tables.client.batch_write_item(RequestItems=puts),
        "put_item": tables.client.put_item(TableName=tables.plain, Item=key),
        "delete_item": tables.client.delete_item(TableName=tables.plain, Key=key),
        "get_item": tables.client.get_item(TableName=tables.plain, Key=key),
    }
    told = {name: set(answer) - {"ResponseMetadata"} for name, answer in answers.items()}
    assert told.pop("batch_write_item") == {"UnprocessedItems"}
    assert not any(told.values())


def test_null_in_a_request_is_as_if_it_was_not_there(stack: Stack, tables: Tables) -> None:
    asked = {
        "TableName": tables.plain,
        "Key": {"id": {"S": "1"}},
        **dict.fromkeys(("ProjectionExpression", "ExpressionAttributeNames", "ConsistentRead")),
    }
    answer = httpx.post(
        stack.ports.engine_url,
        json=asked,
        headers={
            "X-Amz-Target": "DynamoDB_20120810.GetItem",
            "Content-Type": "application/x-amz-json-1.0",
            "Authorization": f"AWS4-HMAC-SHA256 Credential=test/20260101/{REGION}/dynamodb/"
            "aws4_request, SignedHeaders=host, Signature=0",
        },
        trust_env=False,
    )
    assert answer.json()["Item"]["name"] == {"S": "ann"}
    assert answer.headers["content-type"] == "application/x-amz-json-1.0"
    assert answer.headers["x-amzn-requestid"]
