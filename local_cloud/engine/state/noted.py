"""Dictionaries and lists that know which of their entries may have changed.

What a service holds many of, items, objects, events, is kept entry by entry: a write costs what it
changes, not what is there. An entry that was handed out may be changed by who took it until its
request has ended, and is compared with what is on disk until then.
"""

from __future__ import annotations

import copy
import itertools
import threading
from collections.abc import Callable, Iterable
from typing import Any

_numbers = itertools.count(1)
_reading = threading.RLock()
#: Those that may have changed since somebody last asked, by their numbers.
changed: dict[int, NotedDict | NotedList] = {}


def number_from(number: int) -> None:
    """Give those that are made from now on numbers from this one on."""
    global _numbers
    _numbers = itertools.count(number)


def take_changed() -> list[NotedDict | NotedList]:
    """Return those that may have changed, and forget them."""
    global changed
    taken, changed = changed, {}
    return list(taken.values())


class Unread:
    """A value as it is on disk, which nobody has asked for yet."""

    __slots__ = ("data", "read")

    def __init__(self, data: bytes, read: Callable[[bytes], Any]) -> None:
        self.data = data
        self.read = read


class NotedDict(dict[Any, Any]):
    """A dictionary whose entries are kept one by one, under its number.

    What comes from disk is read when somebody asks for it: first the keys, then each value.

    Args:
        nested: whether a key that is missing gets one of these, as with ``defaultdict(dict)``.
        number: of one that is on disk as it is.
        unread: reads its entries, whose values may be :class:`Unread`.
    """

    def __init__(
        self,
        entries: Any = (),
        *,
        nested: bool = False,
        number: int | None = None,
        unread: Callable[[], Iterable[tuple[Any, Any]]] | None = None,
    ) -> None:
        super().__init__(entries)
        self._unread = unread
        self.nested = nested
        self.number = next(_numbers) if number is None else number
        #: Keys whose entries may have changed; what is new among them in the order of the entries.
        self.touched: dict[Any, None] = {}
        #: Keys that were removed: if they are here again, they are behind the others.
        self.removed: set[Any] = set()

    def load(self) -> None:
        """Read what is on disk, if that was not done yet."""
        if self._unread is None:
            return
        with _reading:
            if self._unread is not None:
                for key, value in self._unread():
                    super().__setitem__(key, value)
                self._unread = None

    def touch(self, key: Any) -> None:
        """Note that an entry may change."""
        self.touched[key] = None
        changed[self.number] = self

    def _note_removed(self, key: Any) -> None:
        self.touched.pop(key, None)
        self.removed.add(key)
        self.touch(key)

    def __getitem__(self, key: Any) -> Any:
        """Return a value, which who asks may change."""
        self.load()
        value = super().__getitem__(key)  # may ask for __missing__
        if type(value) is Unread:
            value = self._read(key, value)
        self.touch(key)
        return value

    def _read(self, key: Any, unread: Unread) -> Any:
        with _reading:
            value = super().__getitem__(key)
            if value is unread:  # and not what another thread has just read
                value = unread.read(unread.data)
                super().__setitem__(key, value)
        return value

    def _read_all(self) -> None:
        self.load()
        for key, value in list(super().items()):
            if type(value) is Unread:
                self._read(key, value)

    def values(self) -> Any:
        """Return all values, to be looked at only."""
        self._read_all()
        return super().values()

    def items(self) -> Any:
        """Return all entries, to be looked at only."""
        self._read_all()
        return super().items()

    def __missing__(self, key: Any) -> Any:
        """Make what is missing."""
        if not self.nested:
            raise KeyError(key)
        value = self[key] = NotedDict()
        return value

    def __setitem__(self, key: Any, value: Any) -> None:
        """Set a value."""
        if key not in self:
            self.touched.pop(key, None)
        super().__setitem__(key, value)
        self.touch(key)

    def __delitem__(self, key: Any) -> None:
        """Delete an entry."""
        self.load()
        super().__delitem__(key)
        self._note_removed(key)

    def get(self, key: Any, default: Any = None) -> Any:
        """Return a value, which who asks may change."""
        return self[key] if key in self else default  # noqa: SIM401 - this is get

    def pop(self, key: Any, *default: Any) -> Any:
        """Remove an entry."""
        self.load()
        value = super().pop(key, *default)
        self._note_removed(key)
        return value.read(value.data) if type(value) is Unread else value

    def popitem(self) -> tuple[Any, Any]:
        """Remove the last entry."""
        self.load()
        key, value = super().popitem()
        self._note_removed(key)
        return key, value.read(value.data) if type(value) is Unread else value

    def setdefault(self, key: Any, default: Any = None) -> Any:
        """Return a value, set where there is none."""
        if key not in self:
            self[key] = default
        return self[key]

    def update(self, *others: Any, **values: Any) -> None:
        """Set many."""
        for key, value in dict(*others, **values).items():
            self[key] = value

    def clear(self) -> None:
        """Remove all."""
        for key in list(self):
            del self[key]

    def __eq__(self, other: object) -> bool:
        """Compare the entries."""
        self._read_all()
        return super().__eq__(other)

    def __or__(self, other: Any) -> dict[Any, Any]:
        """Return a dictionary of both, which nobody keeps."""
        return {**dict(self.items()), **other}

    def __ror__(self, other: Any) -> dict[Any, Any]:
        """Return a dictionary of both, which nobody keeps."""
        return {**other, **dict(self.items())}

    __hash__ = None

    def __deepcopy__(self, memo: dict[int, Any]) -> NotedDict:
        """Return one of its own number."""
        entries = {copy.deepcopy(k, memo): copy.deepcopy(v, memo) for k, v in self.items()}
        return NotedDict(entries, nested=self.nested)

    def __copy__(self) -> NotedDict:
        """Return one of its own number."""
        return NotedDict(self.items(), nested=self.nested)

    copy = __copy__


class NotedList(list[Any]):
    """A list that grows; after any other change all of it is written again.

    What comes from disk is read when somebody asks for any of it.

    Args:
        number: of one that is on disk as it is.
        unread: how many entries that has, and what reads them.
    """

    def __init__(
        self,
        entries: Iterable[Any] = (),
        number: int | None = None,
        unread: tuple[int, Callable[[], Iterable[Any]]] | None = None,
    ) -> None:
        super().__init__(entries)
        self._unread = unread
        self.number = next(_numbers) if number is None else number
        #: How often it was changed otherwise than by what was appended.
        self.version = 0

    def load(self) -> None:
        """Read what is on disk, if that was not done yet."""
        if self._unread is None:
            return
        with _reading:
            if self._unread is not None:
                super().extend(list(self._unread[1]()))
                self._unread = None

    def __len__(self) -> int:
        """Return how many entries there are."""
        unread = self._unread
        return unread[0] if unread is not None else super().__len__()

    def __radd__(self, other: list[Any]) -> list[Any]:
        """Return a list of both."""
        return [*other, *self]

    def __copy__(self) -> list[Any]:
        """Return a list that nobody keeps."""
        return list(self)

    def __deepcopy__(self, memo: dict[int, Any]) -> list[Any]:
        """Return a list that nobody keeps."""
        return copy.deepcopy(list(self), memo)

    def _note(self) -> None:
        changed[self.number] = self

    def _note_other(self) -> None:
        self.version += 1
        self._note()


def _loading(
    kind: type, name: str, noting: Callable[[Any], None] | None = None
) -> Callable[..., Any]:
    """Return a method of a dictionary or a list that reads what is on disk first."""
    theirs = getattr(kind, name)

    def method(self: NotedDict | NotedList, *args: Any, **kwargs: Any) -> Any:
        self.load()
        found = theirs(self, *args, **kwargs)
        if noting is not None:
            noting(self)
        return found

    return method


for _name in ("__contains__", "__iter__", "__reversed__", "__len__", "keys"):
    setattr(NotedDict, _name, _loading(dict, _name))
for _name in (
    *("__iter__", "__getitem__", "__contains__", "__reversed__", "__add__", "__mul__"),
    *("__eq__", "__ne__", "__repr__", "copy", "count", "index"),
):
    setattr(NotedList, _name, _loading(list, _name))
for _name in ("append", "extend", "__iadd__"):
    setattr(NotedList, _name, _loading(list, _name, NotedList._note))
for _name in (
    *("__setitem__", "__delitem__", "__imul__", "insert", "pop", "remove", "clear"),
    *("reverse", "sort"),
):
    setattr(NotedList, _name, _loading(list, _name, NotedList._note_other))
