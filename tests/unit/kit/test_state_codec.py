"""What may be written of a service's state, and what may be read: nothing that is code."""

import collections
import datetime
import os
import pickle
import subprocess
import threading
from decimal import Decimal
from typing import Any

import pytest
from moto.dynamodb.models.dynamo_type import DynamoType, Item

from local_cloud.engine.state.codec import NotKept, read, write
from local_cloud.engine.state.noted import NotedDict, NotedList


class Parts:
    """Remembers what was found in a value, and gives it back by its number."""

    def __init__(self) -> None:
        self.known: dict[int, Any] = {}

    def found(self, one: NotedDict | NotedList) -> None:
        self.known[one.number] = one

    def noted_dict(self, number: int, nested: bool) -> NotedDict:
        assert self.known[number].nested == nested
        return self.known[number]  # type: ignore[no-any-return]

    def noted_list(self, number: int) -> NotedList:
        return self.known[number]  # type: ignore[no-any-return]


def through(value: Any) -> Any:
    parts = Parts()
    return read(write(value, parts.found), parts)


@pytest.mark.parametrize(
    "value",
    [
        {"a": [1, 2.5, None, True, b"x", ("t", frozenset({1}))]},
        datetime.datetime(2026, 11, 26, tzinfo=datetime.UTC),
        Decimal("1.10"),
        collections.OrderedDict(b=1, a=2),
        DynamoType({"S": "x"}),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_value_comes_back_as_it_was(value: Any) -> None:
    found = through(value)
    assert found == value
    assert type(found) is type(value)


def test_an_item_comes_back() -> None:
    key = DynamoType({"S": "k"})
    item = Item(key, None, {"k": {"S": "k"}, "m": {"M": {"l": {"L": [{"N": "1"}]}}}})
    assert through(item).to_json() == item.to_json()


def test_locks_come_back_free() -> None:
    lock = threading.RLock()
    with lock:
        found = through({"lock": lock, "plain": threading.Lock(), "event": threading.Event()})
    assert found["lock"].acquire(blocking=False)
    assert found["plain"].acquire(blocking=False)
    assert not found["event"].is_set()


def test_parts_that_are_kept_apart_are_named_only() -> None:
    parts, large = Parts(), NotedDict({"k": "x" * 10_000})
    data = write({"large": large, "list": NotedList([1])}, parts.found)
    assert len(data) < 300
    assert read(data, parts)["large"] is large


@pytest.mark.parametrize("value", [lambda: 1, os.system, subprocess.Popen, threading.Thread()])
def test_code_is_not_written(value: Any) -> None:
    with pytest.raises(NotKept):
        write({"value": value}, Parts().found)


class Attack:
    def __init__(self, *made_by: Any) -> None:
        self.made_by = made_by

    def __reduce__(self) -> Any:
        return self.made_by


@pytest.mark.parametrize(
    "attack",
    [
        Attack(os.system, ("true",)),
        Attack(eval, ("1",)),
        Attack(subprocess.Popen, (["true"],)),
        Attack(getattr, ("a", "upper")),
        Attack(pickle.loads, (b"N.",)),
        Attack(__import__, ("os",)),
        Attack(threading.Thread, ()),
    ],
    ids=lambda attack: attack.made_by[0].__name__,
)
def test_code_is_not_read(attack: Attack) -> None:
    with pytest.raises(pickle.UnpicklingError, match="nothing that a service holds"):
        read(pickle.dumps(attack), Parts())


@pytest.mark.parametrize(
    ("module", "name"),
    [
        ("localstack.services.lambda_.invocation.lambda_models", "LOG.info"),
        ("moto.core.utils", "import_module"),
        ("local_cloud.engine.state.codec", "importlib.import_module"),
        ("local_cloud.engine.state.codec", "_PLAIN"),
        ("local_cloud.engine.state.codec", "threading.Thread"),
        ("local_cloud.engine.state.codec", "pickle.Unpickler"),
    ],
)
def test_of_modules_that_describe_state_only_classes_are_read(module: str, name: str) -> None:
    data = (
        pickle.PROTO
        + b"\x04"
        + b"".join(
            pickle.SHORT_BINUNICODE + bytes([len(text)]) + text.encode() for text in (module, name)
        )
    )
    with pytest.raises((pickle.UnpicklingError, AttributeError)):
        read(data + pickle.STACK_GLOBAL + pickle.STOP, Parts())
