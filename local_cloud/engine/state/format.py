"""The form in which what services hold is written: MessagePack with extension types of our own.

A value is plain data. What is not plain data itself is one of a few kinds, by which it is made
anew: a record (a class's name, the names of its attributes, their values), a container, a value
such as a date, or one of those that the engine makes in a way of its own from data, by its name.
Records and containers are numbered, so that what is in two places comes back as one, and a circle
as a circle. Nothing here runs what the bytes name; which classes there may be is the reader's
to say.

Specification of MessagePack: https://github.com/msgpack/msgpack/blob/master/spec.md

A document is a byte, 0 or 1. After 0 comes its root. After 1 come four bytes, the size of its head;
the head: the shapes, the shape of each node, what is made anew by name; and the body: a list with
the state of each node, and the root behind them.
"""

from __future__ import annotations

import datetime
import decimal
import struct
import uuid
import zoneinfo
from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import Callable, Sequence
from types import MappingProxyType
from typing import Any

import msgpack

#: The first byte of a document: without a head, with one.
BARE, HEADED = b"\0", b"\1"
HEAD = struct.Struct(">I")

# Kinds of nodes.
RECORD, DICT, ORDERED, COUNTER, DEFAULTDICT, LIST, SET, DEQUE, BYTES = range(9)
#: Which of them are dictionaries, and where their entries begin in a state.
ENTRIES_FROM = MappingProxyType({DICT: 0, ORDERED: 0, COUNTER: 0, DEFAULTDICT: 1})

# Extension types. The first two name a node, and what is made anew, by number.
(NODE, ANEW, NOTED, TUPLE, FROZENSET, LARGE_INT, DECIMAL, DATETIME, DATE, TIME, DURATION) = range(
    11
)
DURATION, OFFSET, ZONE, UUID, COMPLEX, MEMBER, DERIVED = range(10, 17)

#: How deeply values of extension types may be in each other. Each takes some 40 KB of the C stack.
MOST_NESTED = 48
#: What names a part that is kept apart begins with this, so that it is found without being read.
PART = b"_noted_"
_NOTED = struct.Struct(">?BQ")
#: The builtin classes of containers, by kind.
CONTAINERS: MappingProxyType[int, type] = MappingProxyType(
    {
        DICT: dict,
        ORDERED: OrderedDict,
        COUNTER: Counter,
        DEFAULTDICT: defaultdict,
        LIST: list,
        SET: set,
        DEQUE: deque,
        BYTES: bytearray,
    }
)
#: Immutable classes that others are derived from.
BASES: MappingProxyType[str, type] = MappingProxyType(
    {kind.__name__: kind for kind in (tuple, str, int, float, bytes, frozenset)}
)


class NotReadable(Exception):
    """Bytes that are no value; the message says why."""


def pack_noted(is_dict: bool, nested: bool, number: int) -> bytes:
    """Return what names a dictionary or a list that is kept apart."""
    return PART + _NOTED.pack(is_dict, nested, number)


def is_plain_name(name: object) -> bool:
    """Return whether an attribute of a record may have this name."""
    return (
        isinstance(name, str)
        and name.isidentifier()
        and not (name.startswith("__") and name.endswith("__"))
    )


class Decoder:
    """Reads one document; which classes it may name, and what becomes of them, is a subclass's.

    Args:
        data: the document.
    """

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._nodes: list[Any] = []
        self._anew: list[Any] = []
        self._made_anew: dict[int, Any] = {}
        self._depth = 0

    def new_record(self, name: str, attributes: Sequence[str]) -> Callable[[], Any]:
        """Return what makes a record of a class that has no attributes yet."""
        raise NotImplementedError

    def new_container(self, kind: int, name: str, attributes: Sequence[str]) -> Callable[[], Any]:
        """Return what makes an empty container of a class that is derived from a builtin one."""
        raise NotImplementedError

    def set_attributes(self, one: Any, names: Sequence[str], values: Sequence[Any]) -> None:
        """Give a record or a container its attributes."""
        raise NotImplementedError

    def factory(self, name: str | None) -> Any:
        """Return what makes the missing values of a dictionary."""
        raise NotImplementedError

    def member(self, kind: str, name: str) -> Any:
        """Return a member of an enumeration."""
        raise NotImplementedError

    def derived(self, kind: str, base: type, value: Any, attributes: dict[str, Any]) -> Any:
        """Return a value of a class that is derived from an immutable one."""
        raise NotImplementedError

    def made_anew(self, name: str, data: Any) -> Any:
        """Return what the engine makes its own way."""
        raise NotImplementedError

    def noted(self, is_dict: bool, nested: bool, number: int) -> Any:
        """Return a dictionary or a list that is kept apart."""
        raise NotImplementedError

    def read(self) -> Any:
        """Return the value.

        Raises:
            NotReadable: the document is malformed, or names what it must not.
        """
        try:
            return self._read()
        except NotReadable:
            raise
        except RecursionError:
            raise NotReadable("it is nested too deeply") from None
        except MemoryError:
            raise NotReadable("there is no memory for it") from None
        except Exception as error:
            raise NotReadable(f"it is malformed: {type(error).__name__}: {error}") from error

    def _read(self) -> Any:
        data = self._data
        if data[:1] == BARE:
            return self._unpack(memoryview(data)[1:])
        if data[:1] != HEADED:
            raise NotReadable("it is in no format that is known")
        (size,) = HEAD.unpack_from(data, 1)
        begin = 1 + HEAD.size
        if size > len(data) - begin:
            raise NotReadable("its head is longer than it is")
        shapes, of_nodes, self._anew = _plain(memoryview(data)[begin : begin + size])
        makers = [self._maker(*shape) for shape in shapes]
        self._nodes = [makers[number]() for number in of_nodes]
        body = self._unpack(memoryview(data)[begin + size :])
        if type(body) is not list or len(body) != len(of_nodes) + 1:
            raise NotReadable("it has not one state for each of its nodes")
        self._fill(shapes, of_nodes, body)
        return body[-1]

    def _maker(self, kind: int, name: str | None, attributes: list[str]) -> Callable[[], Any]:
        if len(set(attributes)) != len(attributes) or not all(map(is_plain_name, attributes)):
            raise NotReadable(f"{name} has an attribute of a name that none has")
        if kind == RECORD:
            if not isinstance(name, str):
                raise NotReadable("a record of no class")
            return self.new_record(name, attributes)
        if kind not in CONTAINERS:
            raise NotReadable(f"there is no kind {kind}")
        if name is not None:
            return self.new_container(kind, _checked(name, str), attributes)
        if attributes:
            raise NotReadable("a container that has attributes")
        return CONTAINERS[kind]

    def _fill(self, shapes: list[Any], of_nodes: list[int], states: list[Any]) -> None:
        hashed = []
        for at, (one, number) in enumerate(zip(self._nodes, of_nodes, strict=True)):
            kind, _, names = shapes[number]
            state = states[at]
            if type(state) is not list or len(state) < len(names):
                raise NotReadable("a state that is none")
            if kind == RECORD:
                if len(state) != len(names):
                    raise NotReadable("a record with more values than names")
                self.set_attributes(one, names, state)
                continue
            if names:
                self.set_attributes(one, names, state[: len(names)])
                state = state[len(names) :]
            if kind == LIST:
                list.extend(one, state)
            elif kind == DEQUE:
                deque.__init__(one, state[1:], state[0])
            elif kind == BYTES:
                (content,) = state
                one += _checked(content, bytes)
            else:
                hashed.append((kind, one, state))
        # What is a key of another may have to have all that is in it first.
        for kind, one, state in reversed(hashed):
            if kind == SET:
                set.update(one, state)
                continue
            if kind == DEFAULTDICT:
                name = state[0]
                one.default_factory = self.factory(None if name is None else _checked(name, str))
            begin = ENTRIES_FROM[kind]
            put = OrderedDict.__setitem__ if kind == ORDERED else dict.__setitem__
            for key, value in zip(state[begin::2], state[begin + 1 :: 2], strict=True):
                put(one, key, value)

    def _unpack(self, data: Any) -> Any:
        if self._depth == MOST_NESTED:
            raise NotReadable("it is nested too deeply")
        self._depth += 1
        found = msgpack.unpackb(
            data, ext_hook=self._extension, strict_map_key=False, unicode_errors="surrogatepass"
        )
        self._depth -= 1  # after an error nothing more is read
        return found

    def _extension(self, code: int, data: bytes) -> Any:
        if code == NODE:
            return self._nodes[int.from_bytes(data)]
        if code == TUPLE:
            return tuple(_checked(self._unpack(data), list))
        if code == ANEW:
            return self._read_anew(int.from_bytes(data))
        if (read := _VALUES.get(code)) is not None:
            return read(data)
        if code == NOTED and data[: len(PART)] == PART:
            return self.noted(*_NOTED.unpack(data[len(PART) :]))
        if code == DATETIME:
            said, zone, fold = self._unpack(data)
            moment = datetime.datetime.fromisoformat(said)
            return moment.replace(tzinfo=zone, fold=fold)
        if code == TIME:
            said, zone, fold = self._unpack(data)
            return datetime.time.fromisoformat(said).replace(tzinfo=zone, fold=fold)
        if code == FROZENSET:
            return frozenset(_checked(self._unpack(data), list))
        if code == MEMBER:
            kind, name = self._unpack(data)
            return self.member(_checked(kind, str), _checked(name, str))
        if code == DERIVED:
            kind, base, value, attributes = self._unpack(data)
            if base not in BASES or not all(map(is_plain_name, attributes)):
                raise NotReadable(f"{kind} is derived from what nothing is")
            if base in ("tuple", "frozenset"):
                value = BASES[base](_checked(value, list))
            return self.derived(
                _checked(kind, str), BASES[base], _checked(value, BASES[base]), attributes
            )
        raise NotReadable(f"there is no extension type {code}")

    def _read_anew(self, number: int) -> Any:
        if number in self._made_anew:
            return self._made_anew[number]
        data, self._anew[number] = self._anew[number], None
        if data is None:
            raise NotReadable("it is in a circle that cannot be made")
        name, value = self._unpack(_checked(data, bytes))
        made = self._made_anew[number] = self.made_anew(_checked(name, str), value)
        return made


def _checked(value: Any, kind: type) -> Any:
    if type(value) is not kind:
        raise NotReadable(f"{type(value).__name__} in place of {kind.__name__}")
    return value


def _plain(data: Any) -> Any:
    def none(code: int, _: bytes) -> Any:
        raise NotReadable(f"there is no extension type {code} in a head")

    return msgpack.unpackb(data, ext_hook=none, strict_map_key=True)


def _offset(data: bytes) -> datetime.timezone:
    seconds, name = _plain(data)
    offset = datetime.timedelta(seconds=seconds)
    if name is None:
        return datetime.UTC if not seconds else datetime.timezone(offset)
    return datetime.timezone(offset, _checked(name, str))


def _zone(data: bytes) -> zoneinfo.ZoneInfo:
    return zoneinfo.ZoneInfo(data.decode())


#: What has no value in it that is not plain.
_VALUES: MappingProxyType[int, Callable[[bytes], Any]] = MappingProxyType(
    {
        LARGE_INT: lambda data: int.from_bytes(data, signed=True),
        DECIMAL: lambda data: decimal.Decimal(data.decode("ascii")),
        DATE: lambda data: datetime.date.fromisoformat(data.decode("ascii")),
        DURATION: lambda data: datetime.timedelta(*_plain(data)),
        OFFSET: _offset,
        ZONE: _zone,
        UUID: lambda data: uuid.UUID(bytes=bytes(data)),
        COMPLEX: lambda data: complex(*_plain(data)),
    }
)
