"""What a journal holds, as nested dictionaries of words: to be looked at and compared.

No class that it names is loaded: what was an object is shown by its attributes. So the journal of
any version can be read, and nothing of it runs.
"""

from __future__ import annotations

import datetime
import decimal
import hashlib
import io
import pickle
import re
import uuid
from collections import OrderedDict, deque
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from local_cloud.engine.state.journal import Records, read_file
from local_cloud.engine.state.records import by_service

#: A value in words, or what it consists of, by name.
type Tree = str | dict[str, Tree]
#: What is told of as changed or not, and not shown.
_SECRET = re.compile(r"(?i)secret_(string|binary)|password|token|private_key|key_material|verifier")
_LONG = 200
DEFAULT_ACCOUNT = "000000000000"
_PLAIN: dict[tuple[str, str], Any] = {
    (kind.__module__, kind.__qualname__): kind
    for kind in (
        *(OrderedDict, deque, bytearray, bytes, complex, dict, frozenset, list, set, tuple),
        *(datetime.date, datetime.time, datetime.timedelta, datetime.timezone),
        *(decimal.Decimal, uuid.UUID, int, str, float, bool, object),
    )
}


class _Object:
    """An object of a class that is not loaded, or what a function that is not called gives."""

    def __init__(self, *arguments: Any) -> None:
        self.arguments = arguments
        self.attributes: dict[str, Any] = {}
        self.entries: dict[Any, Any] = {}

    def __new__(cls, *arguments: Any) -> _Object:
        made = super().__new__(cls)
        made.__init__(*arguments)  # type: ignore[misc]
        return made

    def __setstate__(self, state: Any) -> None:
        for part in state if isinstance(state, tuple) else (state,):
            if isinstance(part, dict):
                self.attributes.update(part)

    def __setitem__(self, key: Any, value: Any) -> None:
        self.entries[key] = value

    def append(self, value: Any) -> None:
        self.entries[len(self.entries)] = value

    def extend(self, values: Iterable[Any]) -> None:
        for value in values:
            self.append(value)

    add = append


class _Reader(pickle.Unpickler):
    def __init__(self, data: bytes, parts: Mapping[int, Records]) -> None:
        super().__init__(io.BytesIO(data))
        self._parts = parts

    def find_class(self, module: str, name: str) -> Any:
        if name in ("_noted_dict", "_noted_list"):
            return self._noted
        if (module, name) == ("datetime", "datetime"):
            return _moment
        return _PLAIN.get((module, name)) or _kind(name)

    def _noted(self, number: int, *_: Any) -> Any:
        return {
            _read(key, self._parts) if key[:1] == b"\x80" else key: _read(value, self._parts)
            for key, value in self._parts.get(number, {}).items()
        }


def _moment(state: Any, *zone: Any) -> datetime.datetime:
    """Return a moment; of a zone whose class is not loaded, without it."""
    known = next((one for one in zone if isinstance(one, datetime.tzinfo)), None)
    made: Any = datetime.datetime  # as a pickle calls it
    moment: datetime.datetime = made(state, known)
    return moment


@cache
def _kind(name: str) -> type[_Object]:
    return type(name.rpartition(".")[2], (_Object,), {})


def _read(data: bytes, parts: Mapping[int, Records]) -> Any:
    return _Reader(data, parts).load()


def shown_in(path: Path) -> dict[str, Tree]:
    """Return what each service holds.

    Args:
        path: of a journal.

    Raises:
        AnotherFormat: it is none, or of another format.
    """
    records, _ = read_file(path)
    found: dict[str, Tree] = {}
    for name, (whole, parts) in by_service(records).items():
        if whole is not None:
            found[name] = _by_region(_read(whole, parts))
    return found


def _by_region(held: Mapping[str, Any]) -> Tree:
    """Return what a service holds by region, whichever way it keeps it."""
    made: dict[str, Tree] = {}

    def put(place: str, inside: Any) -> None:
        tree = _tree(inside, ())
        if isinstance(tree, dict) and tree:
            found = made.setdefault(place, {})
            assert isinstance(found, dict)
            found.update(tree)

    for name, container in held.items():
        if name == "extra":
            put("content", container)
        elif "accounts" not in container:
            for (account, region), inside in container.items():
                put(_place(account, region), inside)
        else:
            put("", container["everywhere"])
            for account, regions in container["accounts"].items():
                put(_place(account, ""), regions["all regions"])
                for region, inside in regions["regions"].items():
                    put(_place(account, region), inside)
    return made


def _place(account: str, region: str) -> str:
    return " ".join(filter(None, (account if account != DEFAULT_ACCOUNT else "", region)))


def _tree(value: Any, above: tuple[int, ...]) -> Tree:
    if isinstance(value, _Object):
        if id(value) in above:
            return "…"
        inside = {**value.attributes, **value.entries}
        if inside or not value.arguments:
            return _named(inside, (*above, id(value)))
        value = value.arguments[0] if len(value.arguments) == 1 else value.arguments
    if isinstance(value, Mapping):
        return "…" if id(value) in above else _named(value, (*above, id(value)))
    if isinstance(value, (list, tuple, deque)):
        return _named(dict(enumerate(value)), (*above, id(value)))
    if isinstance(value, (set, frozenset)):
        return ", ".join(sorted(map(str, value)))
    return _words(value)


def _named(values: Mapping[Any, Any], above: tuple[int, ...]) -> Tree:
    made: dict[str, Tree] = {}
    for key, value in values.items():
        name = _name(key)
        inside = _tree(value, above)
        made[name] = _hidden(inside) if _SECRET.search(name) and inside else inside
    return made["_store"] if made.keys() == {"_store"} else made


def _name(key: Any) -> str:
    if isinstance(key, tuple):
        return " ".join(map(_name, key))
    if isinstance(key, bytes):
        return str(int.from_bytes(key))
    tree = _tree(key, ())
    return tree if isinstance(tree, str) else " ".join(map(str, tree.values()))


def _hidden(inside: Tree) -> Tree:
    return f"not shown ({_checksum(repr(inside).encode())})"


def _words(value: Any) -> str:
    if isinstance(value, (bytes, bytearray)):
        try:
            value = bytes(value).decode()
        except ValueError:
            return f"{len(value)} bytes ({_checksum(value)})"
    if isinstance(value, (datetime.datetime, datetime.date)):
        return value.isoformat()
    said = str(value)
    if said.startswith("kms:"):  # a parameter that is a SecureString
        return f"not shown ({_checksum(said.encode())})"
    if len(said) <= _LONG:
        return said
    return f"{said[:_LONG]}… ({len(said)} characters, {_checksum(said.encode())})"


def _checksum(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:8]
