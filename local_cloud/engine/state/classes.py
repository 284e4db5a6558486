"""Which classes state may name: those in ``record_classes.json``, and none that runs anything.

The list is made by :mod:`local_cloud.engine.state.list_records` from the packages that define what
services hold.
"""

from __future__ import annotations

import enum
import functools
import importlib
import json
import types
from pathlib import Path
from typing import Any

from local_cloud.engine.state.format import NotReadable, is_plain_name

LIST = Path(__file__).with_name("record_classes.json")
#: Methods by which using or dropping an object runs more than somebody asked for.
_RUNS = ("__call__", "__del__", "__get__", "__set__", "__delete__", "__getattribute__")
#: Classes that have one of these, which is harmless: an instance takes itself out of its subnet.
_HARMLESS = frozenset({"moto.ec2.models.instances:Instance"})
_more: set[str] = set()


@functools.cache
def listed() -> frozenset[str]:
    """Return the names of the classes that state may name, as ``module:Class``."""
    modules: dict[str, list[str]] = json.loads(LIST.read_text())
    return frozenset(f"{module}:{name}" for module, names in modules.items() for name in names)


def name_of(kind: type) -> str:
    """Return the name by which state names a class."""
    return f"{kind.__module__}:{kind.__qualname__}"


def add(kind: type) -> None:
    """Let state name one more class, in this process."""
    _more.add(name_of(kind))
    class_named.cache_clear()


def reason_against(kind: type) -> str | None:
    """Return why state cannot name a class, in words that follow its name."""
    name = name_of(kind)
    if name not in listed() and name not in _more:
        return "is not among the classes that state may name"
    if issubclass(kind, (BaseException, type)):
        return "is no record"
    if name in _HARMLESS or issubclass(kind, enum.Enum):
        return None
    for base in kind.__mro__[:-1]:
        for method in _RUNS:
            if isinstance(vars(base).get(method), types.WrapperDescriptorType):
                continue  # of a builtin class, such as a dictionary
            if method in vars(base):
                return f"runs code ({method})"
    return None


@functools.cache
def class_named(name: str) -> type:
    """Return the class of a name.

    Raises:
        NotReadable: state may not name it.
    """
    if name not in listed() and name not in _more:
        raise NotReadable(f"{name} is not among the classes that state may name")
    module, _, path = name.partition(":")
    found: Any = importlib.import_module(module)
    for part in path.split("."):
        found = vars(found).get(part)
        if found is None:
            raise NotReadable(f"{name} does not exist")
    if not isinstance(found, type) or name_of(found) != name:
        raise NotReadable(f"{name} is no class")
    if (why := reason_against(found)) is not None:
        raise NotReadable(f"{name} {why}")
    return found


@functools.cache
def slots_of(kind: type) -> dict[str, types.MemberDescriptorType]:
    """Return where objects of a class have attributes that are not in their ``__dict__``."""
    return {
        name: value
        for base in reversed(kind.__mro__)
        if "__slots__" in vars(base)
        for name, value in vars(base).items()
        if isinstance(value, types.MemberDescriptorType)
    }


def reason_against_attribute(kind: type, name: str) -> str | None:
    """Return why a record cannot have an attribute, in words that follow the name of its class."""
    if not is_plain_name(name):
        return f"has an attribute of a name that none has, {name!r}"
    if name in slots_of(kind):
        return None
    for base in kind.__mro__:
        if name in vars(base):
            found = type(vars(base)[name])
            if hasattr(found, "__set__") or hasattr(found, "__delete__"):
                return f"computes its attribute {name!r}"
            break
    if not kind.__dictoffset__:
        return f"has no attribute {name!r}"
    return None
