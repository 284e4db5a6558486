"""What may be written of a service's state, and what may be read: nothing that is code."""

import collections
import datetime
import functools
import io
import os
import pickle
import queue
import subprocess
import threading
import types
import uuid
import zoneinfo
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgpack
import pytest
from dateutil import tz
from hypothesis import given, settings
from hypothesis import strategies as st
from localstack.aws.api.stepfunctions import ExecutionStatus
from localstack.services.lambda_.event_source_mapping.esm_worker import EsmStateReason
from localstack.services.sqs.queue import InterruptibleQueue
from localstack.services.stores import LocalAttribute
from moto.apigateway.models import Resource
from moto.dynamodb.models.dynamo_type import DynamoType, Item, LimitedSizeDict
from moto.moto_api._internal import mock_random
from moto.sqs.models import sqs_backends
from moto.ssm.models import ParameterDict

from local_cloud.engine.state import classes
from local_cloud.engine.state import format as form
from local_cloud.engine.state.codec import NotKept, NotReadable, read, write
from local_cloud.engine.state.format import HEAD, HEADED
from local_cloud.engine.state.noted import NotedDict, NotedList
from local_cloud.engine.state.services import apigateway, sqs


@pytest.fixture(scope="module", autouse=True)
def _prepared() -> None:
    apigateway.prepare(None)
    sqs.prepare(None)


QUEUES = [queue.Queue, queue.LifoQueue, queue.PriorityQueue, InterruptibleQueue]


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
        {("account", "region"): {1: 2, None: 3, b"x": 4, (1, ("a",)): 5}},
        {1, "a", (2, 3)},
        2**200,
        {-(2**64): 2**64},
        "half of a pair: \ud800",
        datetime.datetime(2026, 11, 26, tzinfo=datetime.UTC),
        datetime.datetime(2026, 11, 26, 1, 2, 3, 4, zoneinfo.ZoneInfo("Europe/Berlin"), fold=1),
        datetime.datetime(2026, 11, 26, tzinfo=datetime.timezone(datetime.timedelta(hours=-3))),
        datetime.datetime(2026, 11, 26, tzinfo=tz.tzlocal()),
        datetime.datetime(2026, 11, 26, tzinfo=tz.tzutc()),
        datetime.date(2026, 11, 26),
        datetime.time(1, 2, 3),
        datetime.timedelta(-1, 2, 3),
        Decimal("1.10"),
        uuid.UUID(int=5),
        complex(1, -2),
        bytearray(b"x"),
        collections.OrderedDict(b=1, a=2),
        collections.deque([1, 2], maxlen=3),
        collections.Counter("aab"),
        collections.defaultdict(list, a=[1]),
        ExecutionStatus.RUNNING,
        EsmStateReason.USER_ACTION,
        DynamoType({"S": "x"}),
        LimitedSizeDict({"a": DynamoType({"S": "x"})}),
        {DynamoType({"S": "x"}): DynamoType({"N": "1"})},
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_value_comes_back_as_it_was(value: Any) -> None:
    found = through(value)
    assert found == value
    assert type(found) is type(value)
    if isinstance(value, dict):
        assert list(found) == list(value), "in this order"


def test_an_item_comes_back() -> None:
    key = DynamoType({"S": "k"})
    item = Item(key, None, {"k": {"S": "k"}, "m": {"M": {"l": {"L": [{"N": "1"}]}}}})
    assert through(item).to_json() == item.to_json()


def test_what_is_in_two_places_comes_back_as_one() -> None:
    list_, record, lock = [1], DynamoType({"S": "x"}), threading.Lock()
    found = through({"a": [list_, record, lock], "b": {"list": list_, "r": record, "l": lock}})
    assert found["a"][0] is found["b"]["list"]
    assert found["a"][1] is found["b"]["r"]
    assert found["a"][2] is found["b"]["l"]


def test_circles_come_back() -> None:
    dict_: dict[str, Any] = {"list": []}
    dict_["list"].append(dict_)
    record = DynamoType({"S": "x"})
    record.itself = record
    found = through([dict_, record])
    assert found[0]["list"][0] is found[0]
    assert found[1].itself is found[1]


def test_nothing_is_nested_too_deeply() -> None:
    value: list[Any] = []
    for _ in range(20_000):
        value = [value]
    found, depth = through({"deep": value})["deep"], 0
    while found:
        (found,) = found
        depth += 1
    assert depth == 20_000


def test_locks_come_back_free() -> None:
    lock = threading.RLock()
    with lock:
        found = through({"lock": lock, "plain": threading.Lock(), "event": threading.Event()})
    assert found["lock"].acquire(blocking=False)
    assert found["plain"].acquire(blocking=False)
    assert not found["event"].is_set()


@pytest.mark.parametrize(
    "kind", [queue.Queue, queue.LifoQueue, queue.PriorityQueue, InterruptibleQueue]
)
def test_queues_come_back_with_what_is_in_them(kind: type[queue.Queue[Any]]) -> None:
    one = kind()
    for number in (3, 1, 2):
        one.put(number)
    found = through([one])[0]
    assert type(found) is kind
    assert [found.get(block=False) for _ in range(3)] == [one.get() for _ in range(3)]


def test_dictionaries_that_make_what_is_missing_go_on_to() -> None:
    parameters = ParameterDict("000000000000", "us-east-1")
    parameters["/a"].append(1)
    found = through(parameters)
    found["/b"].append(2)
    assert (dict(found), found.region_name) == ({"a": [1], "b": [2]}, "us-east-1")


def test_a_resource_of_a_rest_api_comes_back_with_what_calls_its_integrations() -> None:
    resource = Resource("id", "000000000000", "us-east-1", "api", "/", None)
    found = through(resource)
    assert found.integration_parsers.keys() == resource.integration_parsers.keys()
    assert type(found.integration_parsers["OTHER"]) is type(resource.integration_parsers["OTHER"])


def test_a_backend_is_named_and_is_the_one_that_there_is() -> None:
    backend = sqs_backends["000000000000"]["us-east-1"]
    assert through({"of": backend})["of"] is backend


def test_parts_that_are_kept_apart_are_named_only() -> None:
    parts, large = Parts(), NotedDict({"k": "x" * 10_000})
    data = write({"large": large, "list": NotedList([1])}, parts.found)
    assert len(data) < 300
    assert read(data, parts)["large"] is large


@pytest.mark.parametrize(
    "value",
    [
        *(lambda: 1, os.system, subprocess.Popen, threading.Thread(), print, types, int),
        *(functools.partial(print), io.BytesIO(), ValueError(), LocalAttribute(default=dict)),
        *(mock_random, collections.defaultdict(print), type("DynamoType", (), {})()),
    ],
    ids=str,
)
def test_code_and_what_is_not_on_the_list_is_not_written(value: Any) -> None:
    with pytest.raises(NotKept):
        write({"value": value}, Parts().found)


class Beside(threading.Event):
    """What somebody gives another dictionary a value beside, once it was looked at."""

    def __init__(self, given: dict[str, Any]) -> None:
        super().__init__()
        self.given = given

    def is_set(self) -> bool:
        self.given["at"] = datetime.datetime(2026, 1, 2, tzinfo=datetime.UTC)
        return super().is_set()


def test_a_dictionary_that_grows_while_it_is_looked_through_is_written_as_it_is_then() -> None:
    growing: dict[str, Any] = {"plain": 1}
    found = through([growing, Beside(growing)])
    assert found[0] == growing == {"plain": 1, "at": growing["at"]}


TEXT = st.text(max_size=5)
LEAVES = st.one_of(
    *(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), TEXT),
    *(st.binary(max_size=5), st.decimals(allow_nan=False), st.uuids(), st.timedeltas()),
    *(st.datetimes(timezones=st.none() | st.timezones()), st.dates()),
)
KEYS = st.one_of(TEXT, st.integers(), st.tuples(TEXT, st.integers()), st.frozensets(TEXT))


def record_of(attributes: dict[str, Any]) -> Any:
    made = object.__new__(DynamoType)
    made.__dict__.update(attributes)
    return made


VALUES = st.recursive(
    LEAVES,
    lambda inside: st.one_of(
        st.lists(inside, max_size=4),
        st.lists(inside, max_size=3).map(tuple),
        st.lists(inside, max_size=3).map(collections.deque),
        st.dictionaries(KEYS, inside, max_size=4),
        st.dictionaries(KEYS, inside, max_size=4).map(collections.OrderedDict),
        st.dictionaries(st.sampled_from(["type", "value", "other"]), inside).map(record_of),
        st.sets(KEYS, max_size=3),
    ),
    max_leaves=20,
)


def plain(value: Any) -> Any:
    """Return something that is equal for what is equal, with its classes."""
    if isinstance(value, DynamoType):
        return DynamoType, plain(value.__dict__)
    if isinstance(value, dict):
        return type(value), [(plain(key), plain(inside)) for key, inside in value.items()]
    if isinstance(value, (list, tuple, collections.deque)):
        return type(value), [plain(one) for one in value]
    return type(value), value


@settings(max_examples=200, deadline=None)
@given(VALUES)
def test_whatever_it_is_it_comes_back(value: Any) -> None:
    assert plain(through(value)) == plain(value)


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=200), st.sampled_from([b"", b"\0", HEADED, HEADED + HEAD.pack(20)]))
def test_bytes_that_are_no_value_are_refused(data: bytes, begin: bytes) -> None:
    try:
        read(begin + data, Parts())
    except (NotReadable, KeyError):
        return


@settings(max_examples=300, deadline=None)
@given(VALUES, st.data())
def test_a_value_with_a_wrong_byte_is_read_as_plain_data_or_refused(
    value: Any, data: st.DataObject
) -> None:
    written = bytearray(write({"of": record_of({"value": value})}, Parts().found))
    at = data.draw(st.integers(0, len(written) - 1))
    written[at] = data.draw(st.integers(0, 255))
    try:
        read(bytes(written), Parts())
    except NotReadable:
        return


def document(
    root: Any, shapes: Any = (), of_nodes: Any = (), states: Any = (), anew: Any = ()
) -> bytes:
    """Return a document that nothing has checked."""
    pack = functools.partial(msgpack.packb, strict_types=False)
    head = pack([list(shapes), list(of_nodes), list(anew)])
    made: bytes = HEADED + HEAD.pack(len(head)) + head + pack([*states, root])
    return made


def record(name: str, /, **attributes: Any) -> bytes:
    shape = [form.RECORD, name, list(attributes)]
    return document(msgpack.ExtType(form.NODE, b"\0"), [shape], [0], [list(attributes.values())])


STATUS = "localstack.aws.api.stepfunctions:ExecutionStatus"
TYPE = "moto.dynamodb.models.dynamo_type:DynamoType"


def test_a_record_that_somebody_has_written_by_hand_is_read() -> None:
    assert read(record(TYPE, type="S", value="x"), Parts()) == DynamoType({"S": "x"})


@pytest.mark.parametrize(
    "name",
    [
        *("os:system", "builtins:eval", "builtins:object", "builtins:type", "subprocess:Popen"),
        *("threading:Thread", "functools:partial", "types:FunctionType", "", "os", ":", "a:b:c"),
        "localstack.services.stores:LocalAttribute",
        "local_cloud.engine.state.codec:_Reader",
        f"{TYPE}.to_json",
        f"{TYPE}.__class__",
        f"{TYPE}.__init__.__globals__",
        "moto.dynamodb.models.dynamo_type:Base64EncodedString",
        "moto.dynamodb.models.dynamo_type:DynamoType\n",
    ],
)
def test_a_class_that_is_not_on_the_list_is_refused(name: str) -> None:
    with pytest.raises(NotReadable, match="is not among the classes that state may name"):
        read(record(name), Parts())


@pytest.mark.parametrize(
    "name",
    [
        *("__class__", "__dict__", "__init__", "__reduce__", "__x__", "", "a.b", "a b", "1"),
        *("a\n", "size()"),
    ],
)
def test_an_attribute_of_such_a_name_is_refused(name: str) -> None:
    with pytest.raises(NotReadable, match="attribute of a name that none has"):
        read(record(TYPE, **{name: 1}), Parts())


@pytest.mark.parametrize("name", ["cast_value", "child_attr"])
def test_an_attribute_that_its_class_computes_is_refused(name: str) -> None:
    kind = type("Computes", (), {name: property(lambda self: 1, lambda self, value: exit())})
    kind.__module__ = __name__
    globals()["Computes"] = kind
    classes.add(kind)
    with pytest.raises(NotReadable, match=f"Computes computes its attribute '{name}'"):
        read(record(classes.name_of(kind), **{name: 1}), Parts())


@pytest.mark.parametrize("method", ["__call__", "__del__", "__set__", "__get__"])
def test_a_class_that_runs_something_by_itself_is_refused_though_it_were_listed(
    method: str,
) -> None:
    kind = type("Runs", (), {method: lambda *_: exit()})
    kind.__module__ = __name__
    globals()["Runs"] = kind
    classes.add(kind)
    with pytest.raises(NotReadable, match=f"runs code \\({method}\\)"):
        read(record(classes.name_of(kind)), Parts())


def ext(code: int, *values: Any) -> msgpack.ExtType:
    return msgpack.ExtType(code, msgpack.packb(values[0] if len(values) == 1 else list(values)))


NODE = msgpack.ExtType(form.NODE, b"\0")
ANEW = msgpack.ExtType(form.ANEW, b"\0")


@pytest.mark.parametrize(
    "data",
    [
        document(msgpack.ExtType(form.NODE, b"\5")),
        document(msgpack.ExtType(form.NODE, b"\xff" * 50)),
        document(msgpack.ExtType(99, b"")),
        document(ext(form.TUPLE, "text")),
        document(ext(form.FROZENSET, {"a": 1})),
        document(ext(form.FROZENSET, [[1]])),
        document(msgpack.ExtType(form.DECIMAL, b"much")),
        document(msgpack.ExtType(form.ZONE, b"../../etc/passwd")),
        document(msgpack.ExtType(form.UUID, b"short")),
        document(msgpack.ExtType(form.DATE, b"0000-99-99")),
        document(ext(form.DATETIME, "2026-01-01", "no zone", 0)),
        document(ext(form.MEMBER, TYPE, "x")),
        document(ext(form.MEMBER, "os:system", "x")),
        document(ext(form.MEMBER, STATUS, "__class__")),
        document(ext(form.DERIVED, TYPE, "str", "x", {})),
        document(ext(form.DERIVED, TYPE, "object", "x", {})),
        document(ext(form.DERIVED, "builtins:str", "str", "x", {"__class__": 1})),
        document(msgpack.ExtType(form.NOTED, b"x")),
        document(NODE, [[77, None, []]], [0], [[]]),
        document(NODE, [[form.LIST, TYPE, []]], [0], [[]]),
        document(NODE, [[form.DICT, None, ["a"]]], [0], [[1]]),
        document(NODE, [[form.DICT, None, []]], [0], [["odd"]]),
        document(NODE, [[form.DEFAULTDICT, None, []]], [0], [["system"]]),
        document(NODE, [[form.DEFAULTDICT, None, []]], [0], [[["list"]]]),
        document(NODE, [[form.BYTES, None, []]], [0], [[1 << 40]]),
        document(NODE, [[form.DEQUE, None, []]], [0], [["x"]]),
        document(NODE, [[form.RECORD, TYPE, ["a", "a"]]], [0], [[1, 2]]),
        document(NODE, [[form.RECORD, TYPE, ["a"]]], [0], [[1, 2]]),
        document(NODE, [[form.RECORD, TYPE, ["a"]]], [0], [{"a": 1}]),
        document(NODE, [[form.RECORD, None, []]], [0], [[]]),
        document(NODE, [[form.RECORD, TYPE, []]], [1], [[]]),
        document(NODE, [[form.RECORD, TYPE, []]], [0]),
        document(NODE, [[form.RECORD, STATUS, []]], [0], [[]]),
        document(ANEW, anew=[msgpack.packb(["system", "true"])]),
        document(ANEW, anew=[msgpack.packb(["lock", ANEW])]),
        document(ANEW, anew=[b"\xc1"]),
        document(ANEW, anew=[7]),
        document(ANEW, anew=[msgpack.packb(["queue", ["Thread", [], 0]])]),
        document(ANEW, anew=[msgpack.packb(["backend", ["../os", "0" * 12, "us-east-1"]])]),
        document(ANEW, anew=[msgpack.packb(["backend", ["sqs", "0" * 12, "../x"]])]),
        HEADED + HEAD.pack(0xFFFF_FFFF) + b"x",
        b"\0" + b"\x91" * 100_000,
        b"\0" + b"\xdd\xff\xff\xff\xff",
        b"\0\x01\x01",
        b"",
        pickle.dumps({"a": 1}),
    ],
)
def test_what_is_malformed_is_refused(data: bytes) -> None:
    with pytest.raises(NotReadable):
        read(data, Parts())


def test_what_is_nested_in_tags_a_thousand_times_is_refused() -> None:
    data = b"\x01"
    for _ in range(3_000):
        data = msgpack.packb(msgpack.ExtType(form.TUPLE, b"\x91" + data))
    with pytest.raises(NotReadable, match="too deeply"):
        read(b"\0" + data, Parts())


@pytest.fixture
def ran(tmp_path: Path) -> Callable[[], bool]:
    return (tmp_path / "ran").exists


@pytest.mark.parametrize("form_", ["pickle", "record"])
def test_a_descriptor_that_is_given_a_command_runs_nothing(
    tmp_path: Path, ran: Callable[[], bool], form_: str
) -> None:
    """Pickle's BUILD could set the class of a store's attribute, whose default is called."""
    command = f"touch {tmp_path / 'ran'}"
    name = "localstack.services.stores"
    if form_ == "pickle":
        data = (
            f"c{name}\nLocalAttribute\n)\x81}}(Vdefault\ncos\nsystem\nVname\nV{command}\nub."
        ).encode()
    else:
        data = record(f"{name}:LocalAttribute", default="os:system", name=command)
    with pytest.raises(NotReadable):
        read(data, Parts())
    assert not ran()
    assert "default" not in vars(LocalAttribute)
