"""What the engine does otherwise than moto inside gives what moto gives."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from moto.dynamodb.exceptions import ItemSizeTooLarge, MockValidationException
from moto.dynamodb.models import DynamoDBBackend
from moto.dynamodb.models.dynamo_type import DynamoType, Item

from local_cloud.engine.dynamodb.lean_moto import MOST_BYTES, lighten

lighten()

VALUES: dict[str, Any] = {
    "id": {"S": "a"},
    "number": {"N": "1.50"},
    "nothing": {"NULL": True},
    "flag": {"BOOL": False},
    "bytes": {"B": "AAE="},
    "names": {"SS": ["x", "y"]},
    "deep": {"M": {"list": {"L": [{"N": "1"}, {"M": {"k": {"S": "v"}}}]}, "set": {"NS": ["2"]}}},
}
KEY = {"id": {"S": "a"}}


@pytest.fixture
def table() -> DynamoDBBackend:
    backend = DynamoDBBackend("us-east-1", "000000000000")
    backend.create_table(
        "t",
        schema=[{"AttributeName": "id", "KeyType": "HASH"}],
        throughput=None,
        attr=[{"AttributeName": "id", "AttributeType": "S"}],
        global_indexes=None,
        indexes=None,
        streams=None,
        billing_mode="PAY_PER_REQUEST",
        sse_specification=None,
        tags=[],
        deletion_protection_enabled=False,
        warm_throughput=None,
    )
    backend.put_item("t", VALUES)
    return backend


def update(table: DynamoDBBackend, expression: str, **options: Any) -> dict[str, Any]:
    options = {"expression_attribute_names": {}, "expression_attribute_values": {}, **options}
    shown = table.update_item("t", KEY, update_expression=expression, **options).to_json()
    attributes: dict[str, Any] = shown["Attributes"]
    return attributes


def test_a_copied_item_is_the_same_and_another() -> None:
    item = Item(DynamoType(KEY["id"]), None, VALUES)
    copied = copy.deepcopy(item)
    assert copied == item
    assert copied.to_json() == item.to_json() == {"Attributes": VALUES}
    copied.attrs["deep"].value["list"].value[1].value["k"].value = "w"
    copied.attrs["names"].value.append("z")
    copied.attrs["more"] = DynamoType({"S": ""})
    copied.hash_key.value = "b"
    assert item.to_json() == {"Attributes": VALUES}
    assert item.hash_key.value == "a"


@pytest.mark.parametrize(
    ("value", "size"),
    [
        ({"S": "abc"}, 3),
        ({"S": "d\u00fc"}, 3),
        ({"N": "1.50"}, 4),
        ({"B": "AAE="}, 4),
        ({"B": b"\x00\x01"}, 2),
        ({"BOOL": False}, 1),
        ({"NULL": True}, 1),
        ({"SS": ["x", "\u00fcy"]}, 4),
        ({"NS": ["10", "2"]}, 3),
        ({"BS": [b"\x00\x01", "AAE="]}, 6),
        ({"L": [{"N": "10"}, {"S": "x"}, {"L": []}]}, 3),
        ({"M": {"k\u00fc": {"S": "v"}, "n": {"M": {"m": {"N": "7"}}}}}, 7),
    ],
)
def test_a_value_has_a_size(value: dict[str, Any], size: int) -> None:
    assert DynamoType(value).size() == size
    assert Item(DynamoType(KEY["id"]), None, {"name": value}).size() == 4 + size


def test_a_value_that_an_update_put_into_a_map_counts() -> None:
    value = DynamoType({"M": {}})
    value.value["k"] = {"S": "abc"}
    assert value.size() == 4


@pytest.mark.parametrize(("more", "fits"), [(0, True), (1, False)])
def test_an_item_has_a_size_that_it_may_not_exceed(more: int, fits: bool) -> None:
    values = {"id": {"S": "a"}, "v": {"S": "x" * (MOST_BYTES - len("id" + "a" + "v") + more)}}
    if fits:
        item = Item(DynamoType(KEY["id"]), None, values)
        with pytest.raises(ItemSizeTooLarge):
            item.attrs["w"] = DynamoType({"S": ""})
    else:
        with pytest.raises(ItemSizeTooLarge):
            Item(DynamoType(KEY["id"]), None, values)


def test_an_expression_is_read_once_and_means_what_each_call_says(table: DynamoDBBackend) -> None:
    update(table, "SET of_p = :l, of_q = :l", expression_attribute_values={":l": {"L": []}})
    text = "SET #a = if_not_exists(#a, :v), #b = list_append(#b, :l) ADD n :one REMOVE flag"
    for name, value in (("p", "1"), ("q", "2"), ("p", "3")):
        values = {":v": {"S": value}, ":l": {"L": [{"S": value}]}, ":one": {"N": "1"}}
        found = update(
            table,
            text,
            expression_attribute_names={"#a": name, "#b": f"of_{name}"},
            expression_attribute_values=values,
        )
    assert (found["p"], found["q"]) == ({"S": "1"}, {"S": "2"})
    assert found["of_p"] == {"L": [{"S": "1"}, {"S": "3"}]}
    assert found["n"] == {"N": "3"}
    assert "flag" not in found


def test_list_items_are_removed_by_the_places_that_they_had(table: DynamoDBBackend) -> None:
    numbers = {"L": [{"N": str(n)} for n in range(5)]}
    for _ in range(2):
        update(table, "SET l = :l", expression_attribute_values={":l": numbers})
        found = update(table, "REMOVE l[0], l[3], l[1]")
        assert found["l"] == {"L": [{"N": "2"}, {"N": "4"}]}


@pytest.mark.parametrize(
    "expression", ["SET a = ", "SET a = :v, a = :v", "SET id = :v", "SET missing.part = :v"]
)
def test_what_is_refused_is_refused_each_time(table: DynamoDBBackend, expression: str) -> None:
    for _ in range(2):
        with pytest.raises(MockValidationException):
            update(table, expression, expression_attribute_values={":v": {"S": "x"}})
