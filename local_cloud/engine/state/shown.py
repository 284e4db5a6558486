"""What a journal holds, as nested dictionaries of words: to be looked at and compared.

No class that it names is loaded: what was an object is shown by its attributes. So the journal of
any version can be read, and nothing of it runs.
"""

from __future__ import annotations

import datetime
import hashlib
import re
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from local_cloud.engine.state.classes import listed
from local_cloud.engine.state.format import (
    BARE,
    CONTAINERS,
    COUNTER,
    DEFAULTDICT,
    DICT,
    HEADED,
    LIST,
    ORDERED,
    Decoder,
    NotReadable,
)
from local_cloud.engine.state.journal import AnotherFormat, Records, read_file
from local_cloud.engine.state.records import KIT, NUMBER, VERSIONS, by_service

#: A value in words, or what it consists of, by name.
type Tree = str | dict[str, Tree]
#: What is told of as changed or not, and not shown.
_SECRET = re.compile(r"(?i)secret_(string|binary)|password|token|private_key|key_material|verifier")
_LONG = 200
#: How many values of a service's are shown.
MOST_SHOWN = 5_000_000
DEFAULT_ACCOUNT = "000000000000"


class _Object:
    """An object of a class that is not loaded, or what is made in a way that is not gone."""

    def __init__(self, value: Any = None) -> None:
        self.value = value
        self.attributes: dict[str, Any] = {}


class Member(str):
    """The name of a member of an enumeration, and the enumeration's."""

    __slots__ = ("of",)
    of: str


class _Dict(dict[Any, Any]):
    """A dictionary of a class that is not loaded."""

    attributes: dict[str, Any] | None = None
    default_factory: Any = None


class _List(list[Any]):
    """A list of a class that is not loaded."""

    attributes: dict[str, Any] | None = None


_STANDS_FOR = {DICT: _Dict, ORDERED: _Dict, COUNTER: _Dict, DEFAULTDICT: _Dict, LIST: _List}


class _Parts:
    """What of a service is kept apart, and what was read of it, by whether it is a dictionary."""

    def __init__(self, records: Mapping[int, Records]) -> None:
        self.records = records
        self.made: dict[tuple[bool, int], dict[Any, Any]] = {}


class _Reader(Decoder):
    """Reads a value; no class that it names is loaded."""

    def __init__(self, data: bytes, parts: _Parts) -> None:
        super().__init__(data)
        self._parts = parts

    def new_record(self, name: str, attributes: Sequence[str]) -> Callable[[], Any]:
        return _Object

    def new_container(self, kind: int, name: str, attributes: Sequence[str]) -> Callable[[], Any]:
        return _STANDS_FOR.get(kind, CONTAINERS[kind])

    def set_attributes(self, one: Any, names: Sequence[str], values: Sequence[Any]) -> None:
        if isinstance(one, (_Object, _Dict, _List)):
            one.attributes = dict(zip(names, values, strict=True))

    def factory(self, name: str | None) -> Any:
        return None

    def member(self, kind: str, name: str) -> Any:
        member = Member(name)
        member.of = kind
        return member

    def derived(self, kind: str, base: type, value: Any, attributes: dict[str, Any]) -> Any:
        return value

    def made_anew(self, name: str, data: Any) -> Any:
        return None if name in _NEW_EACH_TIME else _Object(data)

    def noted(self, is_dict: bool, nested: bool, number: int) -> Any:
        if (found := self._parts.made.get((is_dict, number))) is not None:
            return found  # as it will be: what is in two places is one, and may be in itself
        made = self._parts.made[is_dict, number] = {}
        for key, value in self._parts.records.get(number, {}).items():
            made[type(self)(key, self._parts).read() if is_dict else key] = type(self)(
                value, self._parts
            ).read()
        return made


#: What has nothing to show.
_NEW_EACH_TIME = frozenset({"lock", "recursive lock", "condition", "signing key"})


def raw(data: bytes, parts: Mapping[int, Records]) -> Any:
    """Return a value in which what were objects are known by their attributes only.

    Raises:
        NotReadable: it is malformed.
    """
    return _Reader(data, _Parts(parts)).read()


def attributes_of(one: Any) -> dict[str, Any]:
    """Return the attributes of what was an object."""
    found: dict[str, Any] = one.attributes
    return found


class _Checker(_Reader):
    """Reads a value as it will be, and takes no class that state may not name."""

    def new_record(self, name: str, attributes: Sequence[str]) -> Callable[[], Any]:
        _check_listed(name)
        return _Object

    def new_container(self, kind: int, name: str, attributes: Sequence[str]) -> Callable[[], Any]:
        _check_listed(name)
        return super().new_container(kind, name, attributes)

    def member(self, kind: str, name: str) -> Any:
        _check_listed(kind)
        return name

    def derived(self, kind: str, base: type, value: Any, attributes: dict[str, Any]) -> Any:
        _check_listed(kind)
        return value

    def noted(self, is_dict: bool, nested: bool, number: int) -> Any:
        return {}  # looked at by itself


def _check_listed(name: str) -> None:
    if name not in listed():
        raise NotReadable(f"{name} is not among the classes that state may name")


def check(path: Path) -> None:
    """See to it that a journal is one, and names nothing that it must not.

    Args:
        path: of a journal. If another version wrote it, its classes are not looked at: it is read
            by that version only.

    Raises:
        AnotherFormat: it is of another format, malformed, or names what it must not.
    """
    records, _ = read_file(path)
    kind = _Checker if records.get(VERSIONS) == KIT else _Reader
    for name, (whole, parts) in by_service(path, records).items():
        try:
            if whole is not None:
                kind(whole, _Parts({})).read()
            for entries in parts.values():
                for key, value in entries.items():
                    if len(key) != NUMBER.size or key[:1] in (BARE, HEADED):
                        _readable_key(kind, key)
                    kind(value, _Parts({})).read()
        except NotReadable as error:
            why = f"holds something for {name} that cannot be read: {error}"
            raise AnotherFormat(path, why) from error


def _readable_key(kind: type[_Reader], key: bytes) -> None:
    try:
        kind(key, _Parts({})).read()
    except NotReadable:
        if len(key) != NUMBER.size:  # a list's entry has a number
            raise


def shown_in(path: Path) -> dict[str, Tree]:
    """Return what each service holds.

    Args:
        path: of a journal.

    Raises:
        AnotherFormat: it is none, or of another format, or malformed.
    """
    records, _ = read_file(path)
    found: dict[str, Tree] = {}
    for name, (whole, parts) in by_service(path, records).items():
        if whole is None:
            continue
        try:
            found[name] = _by_region(raw(whole, parts))
        except (NotReadable, LookupError, AttributeError, TypeError, RecursionError) as error:
            why = f"holds something for {name} that cannot be read: {error}"
            raise AnotherFormat(path, why) from error
    return found


def _by_region(held: Mapping[str, Any]) -> Tree:
    """Return what a service holds by region, whichever way it keeps it."""
    made: dict[str, Tree] = {}
    top = _Way()

    def put(place: str, inside: Any) -> None:
        tree = _tree(inside, top)
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


class _Way:
    """The way to a value: what it is in, and how many values may be shown beside it yet.

    What is in two places is shown in both, and so may be what a few bytes make millions of.
    """

    def __init__(self, above: tuple[int, ...] = (), left: list[int] | None = None) -> None:
        self.above = above
        self.left = [MOST_SHOWN] if left is None else left

    def into(self, value: Any) -> _Way:
        """Return the way to what is in a value.

        Raises:
            NotReadable: there is too much in all.
        """
        self.left[0] -= 1
        if self.left[0] < 0:
            raise NotReadable(f"it has more than {MOST_SHOWN:,} values in it")
        return _Way((*self.above, id(value)), self.left)


def _tree(value: Any, way: _Way) -> Tree:
    inner = way.into(value)
    if id(value) in way.above:
        return "…"
    if isinstance(value, _Object):
        if value.attributes or value.value is None:
            return _named(value.attributes, inner)
        return _tree(value.value, inner)
    if isinstance(value, _Dict) and value.attributes:
        return _named({**value.attributes, **value}, inner)
    if isinstance(value, Mapping):
        return _named(value, inner)
    if isinstance(value, (list, tuple, deque)):
        return _named(dict(enumerate(value)), inner)
    if isinstance(value, (set, frozenset)):
        return ", ".join(sorted(map(str, value)))
    return _words(value)


def _named(values: Mapping[Any, Any], way: _Way) -> Tree:
    made: dict[str, Tree] = {}
    for key, value in values.items():
        name = _name(key, way)
        inside = _tree(value, way)
        made[name] = _hidden(inside) if _SECRET.search(name) and inside else inside
    return made["_store"] if made.keys() == {"_store"} else made


def _name(key: Any, way: _Way) -> str:
    if isinstance(key, tuple):
        return " ".join(_name(part, way) for part in key)
    if isinstance(key, bytes):
        return str(int.from_bytes(key))
    tree = _tree(key, _Way((), way.left))
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
