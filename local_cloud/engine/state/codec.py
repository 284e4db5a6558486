"""Bytes of what services hold, and back.

What is read back may come from a colleague, and a pickle can name any callable: only classes that
describe a service's state are admitted, by the modules that they live in.
"""

from __future__ import annotations

import collections
import copyreg
import datetime
import decimal
import functools
import importlib
import io
import pickle
import queue
import re
import threading
import types
import uuid
import zoneinfo
from collections.abc import Callable
from typing import Any, Protocol

from moto.core.base_backend import BackendDict, BaseBackend

from local_cloud.engine.state.noted import NotedDict, NotedList

PROTOCOL = 5
#: Modules that define what services hold.
_MODELS = re.compile(
    r"moto\.[a-z0-9_]+\.(models|utils|exceptions|metric_filters)(\..+)?"
    r"|moto\.(core|utilities)\..+"
    r"|moto\.dynamodb\.parsing\..+"
    r"|localstack\.aws\.api(\..+)?"
    r"|localstack\.services\.stores"
    r"|localstack\.services\.[a-z0-9_]+(\..+)?\.(models|api_utils|queue|lambda_models)(\..+)?"
    r"|localstack\.services\.lambda_\.invocation\..+"
    r"|localstack\.services\.stepfunctions\.(backend\..+|local_mocking\.mock_config)"
    r"|localstack\.services\.stepfunctions\.asl\.eval\.(callback\.callback|event\.logging)"
    r"|localstack\.services\.cloudformation\.(engine|stores|models|v2\.(entities|types))(\..+)?"
    r"|localstack\.(utils\.(collections|objects|tagging|aws\.message_forwarding))"
    r"|local_cloud\.engine\.(state|dynamodb|workflows|functions|stacks)(\..+)?"
)
_PLAIN: dict[tuple[str, str], Any] = {
    (kind.__module__, kind.__qualname__): kind
    for kind in (
        *(collections.OrderedDict, collections.defaultdict, collections.deque, collections.Counter),
        *(datetime.date, datetime.datetime, datetime.time, datetime.timedelta, datetime.timezone),
        *(decimal.Decimal, bytearray, bytes, complex, dict, frozenset, list, object, set, tuple),
        *(int, str, float, bool, slice, uuid.UUID),
    )
}


class NotKept(Exception):
    """Something a service holds cannot be written down."""


class BeingWritten(Exception):
    """A request is writing it: what it is to be is known when that has ended."""


#: How an object of a class is written: a function of ours and its arguments.
Reducer = Callable[[Any], tuple[Any, ...]]
_reducers: dict[type, Reducer] = {}


def writes(kind: type) -> Callable[[Reducer], Reducer]:
    """Register how objects of a class, and of those made of it, are written."""

    def register(reducer: Reducer) -> Reducer:
        _reducers[kind] = reducer
        return reducer

    return register


def readable[F: Callable[..., Any]](function: F) -> F:
    """Register a function that a reducer may name."""
    function.reads_state = True  # type: ignore[attr-defined]
    return function


def _is_admitted(module: str, name: str) -> bool:
    return (module, name) in _PLAIN or _MODELS.fullmatch(module) is not None


@readable
def zone_of(name: str) -> zoneinfo.ZoneInfo:
    """Return a time zone."""
    return zoneinfo.ZoneInfo(name)


@readable
def new_lock() -> Any:
    """Return a lock; whether somebody holds one is not kept."""
    return threading.Lock()


@readable
def new_rlock() -> Any:
    """Return a lock that may be taken twice."""
    return threading.RLock()


@readable
def new_condition() -> threading.Condition:
    """Return a condition that nobody waits for."""
    return threading.Condition()


@readable
def new_event(is_set: bool) -> threading.Event:
    """Return an event."""
    event = threading.Event()
    if is_set:
        event.set()
    return event


@readable
def queue_of(kind: type[queue.Queue[Any]], entries: Any) -> Any:
    """Return a queue with these entries."""
    made = kind()
    made.queue = entries
    made.unfinished_tasks = len(entries)
    return made


@readable
def backend_of(service: str, account: str, region: str) -> Any:
    """Return moto's backend."""
    for one in BackendDict._instances:
        if one.service_name == service:
            return one[account][region]
    module = importlib.import_module(f"moto.{_name_of(service)}.models")
    found = next(v for v in vars(module).values() if isinstance(v, BackendDict))
    return found[account][region]


def _name_of(service: str) -> str:
    name = service.replace("-", "")
    if not name.isalnum():
        raise NotKept(service)
    return name


_writes_exactly: dict[type, Reducer] = {
    type(threading.Lock()): lambda _: (new_lock, ()),
    type(threading.RLock()): lambda _: (new_rlock, ()),
    zoneinfo.ZoneInfo: lambda zone: (zone_of, (zone.key,)),
    threading.Condition: lambda _: (new_condition, ()),
    threading.Event: lambda event: (new_event, (event.is_set(),)),
}


@writes(queue.Queue)
def _queue(one: Any) -> tuple[Any, ...]:
    return queue_of, (type(one), one.queue)


@readable
def made_of(kind: Any) -> Any:
    """Return an object of a class, whose ``__init__`` was not run."""
    return kind.__new__(kind)


@writes(collections.defaultdict)
def _defaultdict(one: Any) -> Any:
    if type(one) is collections.defaultdict:
        return NotImplemented
    return made_of, (type(one),), one.__dict__, None, iter(list(one.items()))


@writes(BaseBackend)
def _backend(one: Any) -> tuple[Any, ...]:
    service = next(s for s in BackendDict._instances if isinstance(one, s.backend)).service_name
    return backend_of, (service, one.account_id, one.region_name)


@writes(threading.Thread)
def _thread(one: Any) -> tuple[Any, ...]:
    raise NotKept(f"a thread, {one.name}")


class Writer(pickle.Pickler):
    """Writes one value; tells which dictionaries and lists kept apart it names."""

    def __init__(self, file: io.BytesIO, found: Callable[[NotedDict | NotedList], None]) -> None:
        super().__init__(file, PROTOCOL)
        self._found = found

    def reducer_override(self, obj: Any) -> Any:
        """Return how an object is written, where that is not as it always is."""
        kind = type(obj)
        if isinstance(obj, type):
            if not _is_admitted(obj.__module__, obj.__qualname__):
                raise NotKept(f"{obj.__module__}.{obj.__qualname__}, which is not known to be safe")
            return NotImplemented
        if kind is collections.defaultdict and isinstance(obj.default_factory, types.FunctionType):
            return dict, (), None, None, iter(list(obj.items()))  # its owner has a new one
        if kind is NotedDict or kind is NotedList:
            self._found(obj)
            if kind is NotedDict:
                return _noted_dict, (obj.number, obj.nested)
            return _noted_list, (obj.number,)
        if (exact := _writes_exactly.get(kind)) is not None:
            return exact(obj)
        if isinstance(obj, (types.FunctionType, types.MethodType, types.BuiltinFunctionType)):
            if getattr(obj, "reads_state", False) or obj is copyreg._reconstructor:  # type: ignore[attr-defined]
                return NotImplemented
            raise NotKept(f"{obj.__module__}.{obj.__qualname__}, which is code")
        for base in kind.__mro__:
            if (reducer := _reducers.get(base)) is not None:
                return reducer(obj)
        return NotImplemented


@readable
def _noted_dict(number: int, nested: bool) -> Any:
    raise NotKept("a Reader knows what has this number")


@readable
def _noted_list(number: int) -> Any:
    raise NotKept("a Reader knows what has this number")


class Noted(Protocol):
    """Finds what is kept apart."""

    def noted_dict(self, number: int, nested: bool) -> NotedDict:
        """Return the dictionary of a number."""

    def noted_list(self, number: int) -> NotedList:
        """Return the list of a number."""


def write(value: Any, found: Callable[[NotedDict | NotedList], None]) -> bytes:
    """Return a value's bytes.

    Args:
        found: is told of each dictionary and list that is kept apart.

    Raises:
        NotKept: it holds what cannot be written; the error names it.
        RuntimeError: it changed meanwhile.
    """
    file = io.BytesIO()
    try:
        Writer(file, found).dump(value)
    except (TypeError, AttributeError, pickle.PicklingError) as error:
        raise NotKept(str(error)) from error
    return file.getvalue()


class Reader(pickle.Unpickler):
    """Reads one value.

    Args:
        noted: finds the dictionaries and lists that are kept apart.
    """

    def __init__(self, data: bytes, noted: Noted) -> None:
        super().__init__(io.BytesIO(data))
        self._noted = noted

    def find_class(self, module: str, name: str) -> Any:
        """Return a class or one of this module's functions.

        Raises:
            pickle.UnpicklingError: it is none that describes what a service holds.
        """
        if module == __name__ and name in ("_noted_dict", "_noted_list"):
            return getattr(self._noted, name[1:])
        return _admitted(module, name)


@functools.cache
def _admitted(module: str, name: str) -> Any:
    if (plain := _PLAIN.get((module, name))) is not None:
        return plain
    if (module, name) == ("copyreg", "_reconstructor"):
        return _reconstructed
    found: Any = None
    if _MODELS.fullmatch(module):
        found = importlib.import_module(module)
        for part in name.split("."):
            found = getattr(found, part)
    # A class that a module only uses is reached through it, too.
    if not (
        _is_admitted(found.__module__, found.__qualname__)
        if isinstance(found, type)
        else getattr(found, "reads_state", False)
    ):
        raise pickle.UnpicklingError(f"{module}.{name} is nothing that a service holds")
    return found


def _reconstructed(kind: type, base: type, state: Any) -> Any:
    """Do what ``copyreg._reconstructor`` does, of classes that are admitted."""
    if base is object:
        return object.__new__(kind)
    made = base.__new__(kind, state)
    getattr(base, "__init__")(made, state)  # noqa: B009 - as a class's, not an object's
    return made


def read(data: bytes, noted: Noted) -> Any:
    """Return the value of these bytes.

    Raises:
        pickle.UnpicklingError: they name what they must not.
    """
    return Reader(data, noted).load()
