"""Bytes of what services hold, and back, in the form of :mod:`local_cloud.engine.state.format`.

What is read back may come from a colleague. Of a class that :mod:`local_cloud.engine.state.classes`
admits an object is made by ``object.__new__`` and given its attributes; no constructor runs, no
property is set. What cannot be made from its attributes, as locks, is made anew by functions that
are registered here, from data.
"""

from __future__ import annotations

import contextlib
import datetime
import decimal
import enum
import importlib
import queue
import re
import threading
import types
import uuid
import zoneinfo
from collections import OrderedDict, defaultdict, deque
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Protocol

import msgpack
from dateutil import tz
from moto.core.base_backend import BackendDict, BaseBackend

from local_cloud.engine.state import format as form
from local_cloud.engine.state.classes import (
    class_named,
    listed,
    name_of,
    reason_against,
    reason_against_attribute,
    slots_of,
)
from local_cloud.engine.state.format import HEAD, Decoder, NotReadable
from local_cloud.engine.state.noted import NotedDict, NotedList

__all__ = ["BeingWritten", "NotKept", "NotReadable", "made_anew", "read", "write"]

#: How deeply tuples and the like may be in each other; a reader may meet one deeper inside.
_MOST_NESTED = form.MOST_NESTED // 3
#: How often a value is looked through again after something was found in two places of it.
_ROUNDS = 3
#: What makes the missing values of a dictionary, by the name it has in state.
_FACTORIES: dict[str, Callable[[], Any]] = {
    **{kind.__name__: kind for kind in (dict, list, set, int, float, str, bool, OrderedDict)},
    "deque": deque,
    "RLock": threading.RLock,
}
_FACTORY_NAMES = {factory: name for name, factory in _FACTORIES.items()}
_LEAVES = frozenset({str, int, float, bool, bytes, type(None)})
_LEAVES_WITHOUT_INT = _LEAVES - {int}


class NotKept(Exception):
    """Something a service holds cannot be written down."""


class BeingWritten(Exception):
    """A request is writing it: what it is to be is known when that has ended."""


#: What an object of a class is made anew from: data.
Taker = Callable[[Any], Any]
#: What makes it, and may keep its argument but not look into what is in it.
Maker = Callable[[Any], Any]
_takers: dict[type, tuple[str, Taker]] = {}
_makers: dict[str, Maker] = {}


def made_anew(name: str, kind: type, take: Taker, make: Maker) -> None:
    """Register how objects of a class, and of those made of it, are written and read.

    Args:
        name: by which state says so.
        take: returns the data that an object is made from; it may raise :class:`NotKept`.
        make: returns an object of such data, which it has to check.
    """
    _takers[kind] = name, take
    _makers[name] = make
    _writers.clear()


def add_factory(name: str, factory: Callable[[], Any]) -> None:
    """Register what makes the missing values of dictionaries, under the name it has in state."""
    _FACTORIES[name] = factory
    _FACTORY_NAMES[factory] = name


def add_queue(kind: type[queue.Queue[Any]]) -> None:
    """Register a class of queues that are made without arguments."""
    _QUEUES[kind.__name__] = kind


def checked(value: Any, kind: type) -> Any:
    """Return a value.

    Raises:
        NotReadable: it is of another class.
    """
    if type(value) is not kind:
        raise NotReadable(f"{type(value).__name__} in place of {kind.__name__}")
    return value


def _new_event(is_set: bool) -> threading.Event:
    event = threading.Event()
    if is_set:
        event.set()
    return event


def _queue(one: queue.Queue[Any]) -> Any:
    if type(one) not in _QUEUES.values():
        raise NotKept(f"{name_of(type(one))}, which is a queue of its own kind")
    entries = list(one.queue)
    return [type(one).__name__, entries, len(entries)]


def _new_queue(data: Any) -> queue.Queue[Any]:
    name, entries, count = checked(data, list)
    made = _QUEUES[name]()
    made.queue.extend(checked(entries, list))
    made.unfinished_tasks = checked(count, int)
    return made


_QUEUES: dict[str, Callable[[], queue.Queue[Any]]] = {
    kind.__name__: kind
    for kind in (
        queue.Queue,
        queue.LifoQueue,
        queue.PriorityQueue,
    )
}


def _backend(one: BaseBackend) -> Any:
    service = next(s for s in BackendDict._instances if isinstance(one, s.backend)).service_name
    return [service, one.account_id, one.region_name]


def _existing_backend(data: Any) -> BaseBackend:
    service, account, region = checked(data, list)
    if not re.fullmatch(r"[0-9]{12}", account) or not re.fullmatch(r"[a-z0-9-]{1,32}", region):
        raise NotReadable(f"{account!r} is no account, or {region!r} no region")
    for one in BackendDict._instances:
        if one.service_name == service:
            return one[account][region]
    module = f"moto.{service.replace('-', '')}.models"
    if not any(name.startswith((f"{module}:", f"{module}.")) for name in listed()):
        raise NotReadable(f"there is no service {service!r}")
    names = vars(importlib.import_module(module)).values()
    return next(one for one in names if isinstance(one, BackendDict))[account][region]


def _no_thread(one: threading.Thread) -> Any:
    raise NotKept(f"a thread, {one.name}")


def _none(_: Any) -> None:
    return None


class _Writing:
    """One look through a value."""

    def __init__(
        self,
        found: Callable[[NotedDict | NotedList], None],
        shared: set[int],
        flat: bool,
        large_ints: bool,
    ) -> None:
        self.found = found
        #: The containers, by id, that are in more than one place, and whether a new one was found.
        self.shared = shared
        self.again = False
        self.flat = flat
        self.leaves = _LEAVES_WITHOUT_INT if large_ints else _LEAVES
        #: Whether containers have to be nodes at all.
        self.has_nodes = flat or bool(shared)
        #: Containers that were written where they were met, by id; what names the others.
        self.met: dict[int, Any] = {}
        self.named: dict[int, Any] = {}
        self.held: list[Any] = []
        self.depth = 0
        self.shapes: dict[tuple[int, type, tuple[str, ...]], int] = {}
        self.of_nodes: list[int] = []
        self.anew: list[bytes] = []
        self.nodes: list[tuple[Any, Callable[[_Writing, Any], tuple[int, list[Any]]]]] = []
        self.packer = msgpack.Packer(
            strict_types=True, unicode_errors="surrogatepass", buf_size=4096
        )

    def document(self, value: Any) -> bytes:
        root = self.value(value)
        states = []
        at = 0
        while at < len(self.nodes):
            one, state_of = self.nodes[at]
            shape, state = state_of(self, one)
            self.of_nodes.append(shape)
            states.append(state)
            at += 1
        pack: Callable[[Any], bytes] = self.packer.pack
        if not states and not self.anew:
            return form.BARE + pack(root)
        states.append(root)
        head = pack([self._shapes(), self.of_nodes, self.anew])
        return b"".join((form.HEADED, HEAD.pack(len(head)), head, pack(states)))

    def _shapes(self) -> list[Any]:
        return [
            [kind, None if form.CONTAINERS.get(kind) is of else name_of(of), list(names)]
            for kind, of, names in self.shapes
        ]

    def shape(self, kind: int, of: type, names: tuple[str, ...]) -> int:
        """Return the number of a shape."""
        key = (kind, of, names)
        if (number := self.shapes.get(key)) is None:
            for name in names:
                if (why := reason_against_attribute(of, name)) is not None:
                    raise NotKept(f"{name_of(of)}, which {why}")
            number = self.shapes[key] = len(self.shapes)
        return number

    def value(self, one: Any) -> Any:
        """Return what MessagePack has for a value."""
        kind = type(one)
        return one if kind in self.leaves else _writers[kind](self, one)

    def values(self, some: Sequence[Any]) -> list[Any]:
        """Return what MessagePack has for these values."""
        leaves, writers = self.leaves, _writers
        return [one if type(one) in leaves else writers[type(one)](self, one) for one in some]

    def node(self, one: Any, state_of: Callable[[_Writing, Any], tuple[int, list[Any]]]) -> Any:
        """Return what names a node, which is looked into later."""
        if (name := self.named.get(id(one))) is None:
            name = self.named[id(one)] = _node_name(len(self.nodes))
            self.nodes.append((one, state_of))  # held, so that its id stays its own
        return name

    def meet_again(self, number: int) -> None:
        """Note that a container that was written where it was met has to be a node."""
        self.shared.add(number)
        self.again = True

    def extension(self, code: int, values: Any) -> Any:
        """Return a value of an extension type that has other values in it."""
        return msgpack.ExtType(code, self.packer.pack(values))

    def inside(self, some: Sequence[Any]) -> list[Any]:
        """Return what MessagePack has for the values in one of an extension type."""
        if self.depth == _MOST_NESTED:
            raise NotKept("what is nested too deeply")
        self.depth += 1
        found = self.values(some)
        self.depth -= 1
        return found


def _named(code: int, number: int) -> Any:
    return msgpack.ExtType(code, number.to_bytes(max(1, (number.bit_length() + 7) // 8)))


_FEW = [_named(form.NODE, number) for number in range(1024)]


def _node_name(number: int) -> Any:
    return _FEW[number] if number < len(_FEW) else _named(form.NODE, number)


Write = Callable[[_Writing, Any], Any]


def _write_dict(writing: _Writing, one: dict[Any, Any]) -> Any:
    number = id(one)
    if number in writing.met:
        writing.meet_again(number)
        return None
    leaves = writing.leaves
    if (writing.has_nodes and (writing.flat or number in writing.shared)) or (
        not leaves.issuperset(map(type, one))
    ):
        return writing.node(one, _state_of_dict)
    writing.met[number] = one
    if leaves.issuperset(map(type, one.values())):
        return one
    writers = _writers
    return {
        key: inside if type(inside) in leaves else writers[type(inside)](writing, inside)
        for key, inside in list(one.items())
    }


def _write_list(writing: _Writing, one: list[Any]) -> Any:
    number = id(one)
    if number in writing.met:
        writing.meet_again(number)
        return None
    if writing.has_nodes and (writing.flat or number in writing.shared):
        return writing.node(one, _state_of_list)
    writing.met[number] = one
    return writing.values(list(one))


def _entries(writing: _Writing, one: dict[Any, Any]) -> list[Any]:
    flat: list[Any] = []
    for entry in list(dict.items(one)):
        flat += entry
    return writing.values(flat)


def _state_of_dict(writing: _Writing, one: Any) -> tuple[int, list[Any]]:
    return writing.shape(form.DICT, dict, ()), _entries(writing, one)


def _state_of_list(writing: _Writing, one: Any) -> tuple[int, list[Any]]:
    return writing.shape(form.LIST, list, ()), writing.values(list(one))


def _write_int(_: _Writing, one: int) -> Any:
    if -(1 << 63) <= one < 1 << 64:
        return one
    size = one.bit_length() // 8 + 1
    return msgpack.ExtType(form.LARGE_INT, one.to_bytes(size, signed=True))


def _write_moment(writing: _Writing, one: datetime.datetime) -> Any:
    zone = writing.value(one.tzinfo)
    return writing.extension(form.DATETIME, [one.replace(tzinfo=None).isoformat(), zone, one.fold])


def _write_time(writing: _Writing, one: datetime.time) -> Any:
    zone = writing.value(one.tzinfo)
    return writing.extension(form.TIME, [one.replace(tzinfo=None).isoformat(), zone, one.fold])


def _write_offset(writing: _Writing, one: datetime.timezone) -> Any:
    (offset, *name) = one.__getinitargs__()  # type: ignore[attr-defined]
    seconds = offset / datetime.timedelta(seconds=1)
    return writing.extension(form.OFFSET, [seconds, name[0] if name else None])


def _simple(code: int, data: Callable[[Any], bytes]) -> Write:
    return lambda _, one: msgpack.ExtType(code, data(one))


def _noted(writing: _Writing, one: Any) -> Any:
    writing.found(one)
    is_dict = type(one) is NotedDict
    return msgpack.ExtType(form.NOTED, form.pack_noted(is_dict, is_dict and one.nested, one.number))


_EXACTLY: dict[type, Write] = {
    dict: _write_dict,
    list: _write_list,
    int: _write_int,
    tuple: lambda writing, one: writing.extension(form.TUPLE, writing.inside(one)),
    frozenset: lambda writing, one: writing.extension(form.FROZENSET, writing.inside(list(one))),
    datetime.datetime: _write_moment,
    datetime.date: _simple(form.DATE, lambda one: one.isoformat().encode()),
    datetime.time: _write_time,
    datetime.timedelta: lambda writing, one: writing.extension(
        form.DURATION, [one.days, one.seconds, one.microseconds]
    ),
    datetime.timezone: _write_offset,
    zoneinfo.ZoneInfo: _simple(form.ZONE, lambda one: one.key.encode()),
    decimal.Decimal: _simple(form.DECIMAL, lambda one: str(one).encode()),
    uuid.UUID: _simple(form.UUID, lambda one: one.bytes),
    complex: lambda writing, one: writing.extension(form.COMPLEX, [one.real, one.imag]),
    NotedDict: _noted,
    NotedList: _noted,
}


#: How objects of a class are written, found once for each.
class _Writers(dict[type, Write]):
    def __missing__(self, kind: type) -> Write:
        found = self[kind] = _EXACTLY.get(kind) or _new_writer(kind)
        return found


_writers = _Writers()


def _new_writer(kind: type) -> Write:
    for base in kind.__mro__:
        if (taker := _takers.get(base)) is not None:
            return _anew_writer(*taker)
    if issubclass(kind, type):
        return _refusal("which is a class")
    if kind in (types.FunctionType, types.MethodType, types.BuiltinFunctionType):
        return _refusal("which is code")
    containers = [of for of in form.CONTAINERS if issubclass(kind, form.CONTAINERS[of])]
    if containers and form.CONTAINERS[containers[-1]] is kind:
        return _container_writer(containers[-1], kind)
    if (why := reason_against(kind)) is not None:
        raise NotKept(f"{kind.__module__}.{kind.__qualname__}, which {why}")
    if issubclass(kind, enum.Enum):
        return _write_member
    if containers:
        return _container_writer(containers[-1], kind)
    for name, base in form.BASES.items():
        if issubclass(kind, base):
            return _derived_writer(kind, name, base)
    return _record_writer(kind)


def _refusal(why: str) -> Write:
    def refuse(_: _Writing, one: Any) -> Any:
        raise NotKept(f"{one.__module__}.{one.__qualname__}, {why}")

    return refuse


def _anew_writer(name: str, take: Taker) -> Write:
    def anew(writing: _Writing, one: Any) -> Any:
        if (named := writing.named.get(id(one), _ABSENT)) is None:
            raise NotKept(f"{name}, which is in itself")
        if named is not _ABSENT:
            return named
        writing.named[id(one)] = None
        writing.held.append(one)
        data = take(one)
        # A list is written here, and no node: it is looked into before nodes are filled.
        inside = writing.inside(data) if type(data) is list else writing.inside([data])[0]
        packed = writing.packer.pack([name, inside])
        number = len(writing.anew)
        writing.anew.append(packed)
        named = writing.named[id(one)] = _named(form.ANEW, number)
        return named

    return anew


def _write_member(writing: _Writing, one: enum.Enum) -> Any:
    if not isinstance(one.name, str) or one.name not in type(one).__members__:
        raise NotKept(f"{one!r}, which is no single member")
    return writing.extension(form.MEMBER, [name_of(type(one)), one.name])


def _attributes(kind: type) -> Callable[[Any], dict[str, Any]]:
    """Return what returns the attributes of an object of a class."""
    slots = slots_of(kind)
    if not slots:
        return (lambda one: one.__dict__) if kind.__dictoffset__ else lambda _: {}

    def with_slots(one: Any) -> dict[str, Any]:
        found = dict(one.__dict__) if kind.__dictoffset__ else {}
        for name, slot in slots.items():
            try:
                found[name] = slot.__get__(one)
            except AttributeError:
                continue  # it is not set
        return found

    return with_slots


def _record_writer(kind: type) -> Write:
    attributes = _attributes(kind)

    def state_of(writing: _Writing, one: Any) -> tuple[int, list[Any]]:
        found = attributes(one).copy()
        return writing.shape(form.RECORD, kind, tuple(found)), writing.values(list(found.values()))

    return lambda writing, one: writing.node(one, state_of)


def _container_writer(of: int, kind: type) -> Write:
    attributes = _attributes(kind) if kind is not form.CONTAINERS[of] else lambda _: {}

    def state_of(writing: _Writing, one: Any) -> tuple[int, list[Any]]:
        found = attributes(one).copy()
        shape = writing.shape(of, kind, tuple(found))
        state = writing.values(list(found.values()))
        if of in form.ENTRIES_FROM:
            if of == form.DEFAULTDICT:
                state.append(_factory_name(one))
            return shape, state + _entries(writing, one)
        if of == form.BYTES:
            return shape, [*state, bytes(one)]
        if of == form.DEQUE:
            state.append(one.maxlen)
        items = list(list.__iter__(one) if of == form.LIST else one)
        if of == form.SET:
            with contextlib.suppress(TypeError):
                items.sort()  # the same bytes in every process
        return shape, state + writing.values(items)

    def write_it(writing: _Writing, one: Any) -> Any:
        if kind is defaultdict and isinstance(one.default_factory, _FUNCTIONS):
            return writing.node(one, _state_of_dict)  # its owner has a new one
        return writing.node(one, state_of)

    return write_it


_ABSENT = object()
_FUNCTIONS = (types.FunctionType, types.MethodType)


def _factory_name(one: defaultdict[Any, Any]) -> str | None:
    factory = one.default_factory
    if factory is None:
        return None
    try:
        return _FACTORY_NAMES[factory]
    except (KeyError, TypeError):
        raise NotKept(f"a dictionary whose missing values {factory!r} makes") from None


#: What returns a value of the builtin class that another is derived from.
_PLAIN_OF: dict[type, Callable[[Any], Any]] = {
    tuple: lambda one: list(tuple.__iter__(one)),
    frozenset: lambda one: list(frozenset.__iter__(one)),
    str: str.__str__,
    int: int.__int__,
    float: float.__float__,
    bytes: lambda one: bytes(memoryview(one)),
}


def _derived_writer(kind: type, name: str, base: type) -> Write:
    attributes, plain = _attributes(kind), _PLAIN_OF[base]

    def derived(writing: _Writing, one: Any) -> Any:
        found = attributes(one)
        for attribute in found:
            if (why := reason_against_attribute(kind, attribute)) is not None:
                raise NotKept(f"{name_of(kind)}, which {why}")
        value = plain(one)
        if type(value) is list:
            value = writing.inside(value)
        inside = dict(zip(found, writing.inside(list(found.values())), strict=True))
        return writing.extension(form.DERIVED, [name_of(kind), name, value, inside])

    return derived


def write(value: Any, found: Callable[[NotedDict | NotedList], None]) -> bytes:
    """Return a value's bytes.

    Args:
        found: is told of each dictionary and list that is kept apart.

    Raises:
        NotKept: it holds what cannot be written; the error names it.
        RuntimeError: it changed meanwhile.
    """
    shared: set[int] = set()
    flat = large_ints = False
    for round_ in range(_ROUNDS * 3):
        writing = _Writing(found, shared, flat or round_ > _ROUNDS, large_ints)
        try:
            data = writing.document(value)
        except OverflowError:
            if large_ints:
                raise NotKept("a number that is too large") from None
            large_ints = True
        except (RecursionError, ValueError) as error:
            # Deeper than it can be looked into at once: each container is a node.
            if writing.flat:
                raise NotKept(f"something that cannot be written: {error}") from error
            flat = True
        except (TypeError, AttributeError) as error:
            # A dictionary of plain values that was given another one before it was packed?
            if round_ >= _ROUNDS:
                raise NotKept(str(error)) from error
        else:
            if not writing.again:
                return data
    raise RuntimeError("it changes all the time")


class Noted(Protocol):
    """Finds what is kept apart."""

    def noted_dict(self, number: int, nested: bool) -> NotedDict:
        """Return the dictionary of a number."""

    def noted_list(self, number: int) -> NotedList:
        """Return the list of a number."""


class _Reader(Decoder):
    """Reads one value.

    Args:
        noted: finds the dictionaries and lists that are kept apart.
    """

    def __init__(self, data: bytes, noted: Noted) -> None:
        super().__init__(data)
        self._noted = noted

    def new_record(self, name: str, attributes: Sequence[str]) -> Callable[[], Any]:
        kind = class_named(name)
        _check_attributes(name, kind, tuple(attributes))
        if issubclass(kind, (enum.Enum, *form.CONTAINERS.values(), *form.BASES.values())):
            raise NotReadable(f"{name} is no record")
        return partial(object.__new__, kind)

    def new_container(self, kind: int, name: str, attributes: Sequence[str]) -> Callable[[], Any]:
        of, base = class_named(name), form.CONTAINERS[kind]
        if not issubclass(of, base) or _kind_of(of) != kind:
            raise NotReadable(f"{name} is no {base.__name__}")
        _check_attributes(name, of, tuple(attributes))
        return partial(_new(base), of)

    def set_attributes(self, one: Any, names: Sequence[str], values: Sequence[Any]) -> None:
        if not names:
            return
        kind: type = type(one)
        slots = slots_of(kind)
        if not slots:
            one.__dict__.update(zip(names, values, strict=True))
            return
        for name, value in zip(names, values, strict=True):
            if name in slots:
                slots[name].__set__(one, value)
            else:
                one.__dict__[name] = value

    def factory(self, name: str | None) -> Any:
        return None if name is None else _FACTORIES[name]

    def member(self, kind: str, name: str) -> Any:
        of = class_named(kind)
        if not issubclass(of, enum.Enum):
            raise NotReadable(f"{kind} is no enumeration")
        return of.__members__[name]

    def derived(self, kind: str, base: type, value: Any, attributes: dict[str, Any]) -> Any:
        of = class_named(kind)
        if not issubclass(of, base) or issubclass(of, enum.Enum):
            raise NotReadable(f"{kind} is no {base.__name__}")
        _check_attributes(kind, of, tuple(attributes))
        made = _new(base)(of, value)
        if attributes:
            self.set_attributes(made, list(attributes), list(attributes.values()))
        return made

    def made_anew(self, name: str, data: Any) -> Any:
        if (make := _makers.get(name)) is None:
            raise NotReadable(f"nothing is made anew that is called {name!r}")
        return make(data)

    def noted(self, is_dict: bool, nested: bool, number: int) -> Any:
        return self._noted.noted_dict(number, nested) if is_dict else self._noted.noted_list(number)


def _new(base: Any) -> Callable[..., Any]:
    """Return what makes objects of a builtin class, and of those derived from it."""
    new: Callable[..., Any] = base.__new__
    return new


def _kind_of(kind: type) -> int | None:
    found = [of for of, base in form.CONTAINERS.items() if issubclass(kind, base)]
    return found[-1] if found else None


def _check_attributes(name: str, kind: type, attributes: tuple[str, ...]) -> None:
    for attribute in attributes:
        if (why := reason_against_attribute(kind, attribute)) is not None:
            raise NotReadable(f"{name} {why}")


def read(data: bytes, noted: Noted) -> Any:
    """Return the value of these bytes.

    Raises:
        NotReadable: they are malformed, or name what they must not.
    """
    return _Reader(data, noted).read()


made_anew("lock", type(threading.Lock()), _none, lambda _: threading.Lock())
made_anew(
    "lock that may be taken twice", type(threading.RLock()), _none, lambda _: threading.RLock()
)
made_anew("condition", threading.Condition, _none, lambda _: threading.Condition())
made_anew("event", threading.Event, lambda one: one.is_set(), lambda data: _new_event(data is True))
made_anew("queue", queue.Queue, _queue, _new_queue)
made_anew("backend", BaseBackend, _backend, _existing_backend)
made_anew("local time", tz.tzlocal, _none, lambda _: tz.tzlocal())
made_anew("UTC of dateutil", tz.tzutc, _none, lambda _: tz.tzutc())
made_anew("thread", threading.Thread, _no_thread, _none)
