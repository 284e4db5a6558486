"""Keeps what the services hold in the journal, and gives it back to them when they start."""

from __future__ import annotations

import contextlib
import logging
import re
import threading
import time
import zlib
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from localstack.services.plugins import Service

from local_aws.background import start_thread
from local_cloud.engine.state import noted
from local_cloud.engine.state.codec import BeingWritten, NotKept, read, write
from local_cloud.engine.state.containers import held_by, holds_anything, put_back
from local_cloud.engine.state.format import PART
from local_cloud.engine.state.journal import Journal, Records
from local_cloud.engine.state.noted import NotedDict, NotedList, Unread
from local_cloud.engine.state.records import (
    ALL,
    ENTRY,
    INERT,
    ITEM,
    KIT,
    NUMBER,
    STARTS,
    VERSIONS,
    Held,
    by_service,
    check_versions,
    part_key,
    whole_key,
)
from local_cloud.state_files import OBJECTS

LOG = logging.getLogger(__name__)

#: What comes within this time is written at once.
GATHER_SECONDS = 0.02
#: What a request began may go on behind it: the service is looked at again after these.
LATER_SECONDS = (0.1, 0.3, 1.0, 4.0, 16.0)
RETRY_SECONDS = 1.0
#: What takes longer is written behind the answer, within a tenth of a second.
COMMIT_SECONDS = 0.005
#: A journal that is not longer than that is not written anew while the engine runs.
LONG_BYTES = 64 << 20
#: Iterators of streams lead to DynamoDB's own tables; a reader asks for new ones.
NOT_KEPT = frozenset({"dynamodbstreams"})
#: Whose code asks for values by the dictionary's own methods only, and holds many.
READ_LATER = frozenset({"dynamodb"})
_ATTEMPTS = 50

_ABSENT = object()
#: How a value names the content of an object that is large, a file of its own.
_CONTENT = re.compile(rb"[0-9a-f]{64}")
#: What tells that the disk, the memory or the open files are at their limit.
NO_ROOM = (OSError, MemoryError)
Changes = list[tuple[bytes, bytes | None]]


def forget_contents(folder: Path, values: Iterable[bytes]) -> None:
    """Remove the contents of objects that no value names any more.

    Args:
        folder: where ``objects`` is.
    """
    names = {name.decode() for value in values for name in _CONTENT.findall(value)}
    for file in (folder / OBJECTS).glob("*"):
        if file.name not in names:
            file.unlink(missing_ok=True)


class NotWritten(Exception):
    """What services hold cannot be written; the message says why and what to do."""

    def __init__(self, why: object) -> None:
        super().__init__(
            f"what the engine holds cannot be written ({why or 'there is no memory left'}), so it "
            "takes no change; make room, and it goes on within a second"
        )


class Requests:
    """Which requests of a service run."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._last = 0
        self._running: dict[int, None] = {}

    def begin(self) -> int:
        """Note that a request begins; return its number."""
        with self._lock:
            self._last += 1
            self._running[self._last] = None
            return self._last

    def end(self, number: int) -> None:
        """Note that it has ended."""
        with self._lock:
            self._running.pop(number, None)

    def now(self) -> tuple[int, int]:
        """Return the number of the last that began, and of the oldest that runs, or one more."""
        with self._lock:
            return self._last, next(iter(self._running), self._last + 1)


class _Kept:
    """What of a dictionary or a list is on disk."""

    def __init__(self, service: str) -> None:
        self.service = service
        #: Of a dictionary: its keys, each with a checksum of its value.
        self.sums: dict[Any, int] = {}
        #: Of a list: how many entries, and in which version.
        self.count = self.version = 0
        #: What was touched while requests ran that may still change it: the last of them.
        self.waiting: list[tuple[int, dict[Any, None]]] = []
        #: Of a dictionary: what was removed, and on disk is not.
        self.removed: set[Any] = set()


class _Returned:
    """Makes the dictionaries and lists of a service that are kept apart, as they are asked for."""

    def __init__(self, keeper: Keeper, service: str, parts: dict[int, Records]) -> None:
        self.keeper = keeper
        self.service = service
        self.parts = parts
        self.made: dict[int, Any] = {}

    def noted_dict(self, number: int, nested: bool) -> NotedDict:
        """Return the dictionary of a number."""
        if (found := self.made.get(number)) is None:
            records = self.parts.pop(number, {})
            kept = self.keeper.kept[number] = _Kept(self.service)
            read_entries = partial(self._entries, records, kept)
            # What names a part is read, so that it is known whose the part is.
            later = self.service in READ_LATER and not any(PART in v for v in records.values())
            found = NotedDict(
                nested=nested, number=number, unread=read_entries if later and records else None
            )
            self.made[number] = found
            if not later:
                for entry, value in read_entries():
                    dict.__setitem__(found, entry, value)
        return found

    def _entries(self, records: Records, kept: _Kept) -> Iterator[tuple[Any, Any]]:
        later = self.service in READ_LATER
        for key, data in records.items():
            try:
                entry = read(key, self)
                value = Unread(data, self.read) if later and PART not in data else self.read(data)
            except Exception as error:  # noqa: BLE001 - the others are there all the same
                self._say(error)
                continue
            kept.sums[entry] = zlib.crc32(data)
            yield entry, value

    def _items(self, items: list[bytes], kept: _Kept) -> Iterator[Any]:
        for data in items:
            try:
                yield self.read(data)
            except Exception as error:  # noqa: BLE001 - the others are there all the same
                self._say(error)
                kept.version = -1  # with its next change all of it is written anew

    def _say(self, error: Exception) -> None:
        LOG.warning(
            "something that %s held cannot be read: %r; it is left out", self.service, error
        )

    def read(self, data: bytes) -> Any:
        """Return the value of these bytes."""
        return read(data, self)

    def noted_list(self, number: int) -> NotedList:
        """Return the list of a number."""
        if (found := self.made.get(number)) is None:
            records = self.parts.pop(number, {})
            kept = self.keeper.kept[number] = _Kept(self.service)
            kept.count = len(records)
            items = [records[at] for at in sorted(records)]
            found = NotedList(number=number, unread=(len(items), partial(self._items, items, kept)))
            self.made[number] = found
            if any(PART in data for data in items):
                found.load()
        return found


_keepers: list[Keeper] = []


def note_change(name: str) -> None:
    """Note that a service holds something else now, by itself and not by a request."""
    for keeper in _keepers:
        keeper.changed(name)


def note_part(name: str) -> None:
    """Note that a service holds a new part: it is written with what the part is in."""
    for keeper in _keepers:
        keeper.began(name)


def save_now(name: str) -> None:
    """Write what a service holds before what is about to become known of it.

    Raises:
        OSError: the journal cannot be written.
    """
    for keeper in _keepers:
        keeper.save([name])


class Keeper:
    """Writes behind the services' backs, and reads before they start.

    Args:
        path: of the journal.
    """

    def __init__(self, path: Path) -> None:
        self.journal = Journal(path)
        self.requests: defaultdict[str, Requests] = defaultdict(Requests)
        #: By number.
        self.kept: dict[int, _Kept] = {}
        self._unread: dict[str, Held] = {}
        self._services: dict[str, Service] = {}
        self._sums: dict[str, int] = {}
        #: When to look at which service, and how often that was done since its last request.
        self._due: dict[str, tuple[float, int]] = {}
        #: Which have changed beside the parts that are kept apart, and are not written yet. Parts
        #: are not written ahead of what they are in.
        self._behind: set[str] = set()
        self._changed = threading.Condition()
        self._saving = threading.Lock()
        self._closed = False
        #: How long the journal was when nothing in it was outdated.
        self._compacted = 0
        #: Why nothing can be written, while that is so.
        self.unwritable: str | None = None
        self._said: dict[str, str] = {}
        #: What it took to write what a service holds, without the parts that are kept apart.
        self._seconds: dict[str, float] = {}
        self._read()

    def _read(self) -> None:
        records, torn = self.journal.read()
        if torn:
            LOG.warning(
                "%s ended in the middle of a write, which is left out; all before it is there",
                self.journal.path,
            )
        check_versions(self.journal.path, records)
        records.pop(VERSIONS, None)
        # Numbers of this start's own: those of parts that are empty are in no key.
        starts = int.from_bytes(records.pop(STARTS, b"")) % (1 << 31) + 1
        noted.number_from(starts << 32)
        live = sum(len(key) + len(value) + 16 for key, value in records.items())
        self._unread = by_service(self.journal.path, records)
        #: The services whose contents are still to be kept from running by themselves.
        self._inert: set[str] = set()
        if (named := records.get(INERT)) is not None:
            self._inert = {name for name, (whole, _) in self._unread.items() if whole is not None}
            if named != ALL:
                self._inert &= set(named.decode(errors="replace").split())
        if self.journal.size > 2 * live + (1 << 20):
            self.journal.rewrite(records)
        self._compacted = live
        _, s3 = self._unread.get("s3", (None, {}))
        forget_contents(
            self.journal.path.parent, [v for part in s3.values() for v in part.values()]
        )
        self.journal.write([(STARTS, NUMBER.pack(starts)), (VERSIONS, KIT)])

    def start(self) -> list[str]:
        """Begin to write; return the services that hold something, to be started."""
        _keepers.append(self)
        start_thread(self._run, "state", vital=True)
        return list(self._unread)

    def holds(self, name: str) -> bool:
        """Return whether a service held something that it was not given back yet."""
        return self._unread.get(name, (None, {}))[0] is not None

    def give_back(self, service: Service) -> None:
        """Have a service that starts hold what it held before.

        Raises:
            NotReadable: the journal names what it must not; it stays as it is.
        """
        name = service.name()
        data, parts = self._unread[name]
        assert data is not None
        put_back(service, read(data, _Returned(self, name, parts)))
        del self._unread[name]
        self._sums[name] = zlib.crc32(data)
        # What nothing names any more goes now, or else when the journal is rewritten.
        gone: Changes = [
            (part_key(kind, name, number, key), None)
            for number, records in parts.items()
            for key in records
            for kind in (ENTRY, ITEM)
        ]
        if gone:
            with contextlib.suppress(OSError):
                self.journal.write(gone)

    def is_inert(self, name: str) -> bool:
        """Return whether nothing that a service is given back may run by itself."""
        return name in self._inert

    def end_inert(self, service: Service) -> None:
        """Note that nothing of a service's runs by itself any more, and keep it so.

        Raises:
            OSError: the journal cannot be written.
        """
        self.keep(service)
        self.save([service.name()])
        self.leave_inert(service.name())

    def leave_inert(self, name: str) -> None:
        """Note that there is nothing of a service's to be kept from running.

        Raises:
            OSError: the journal cannot be written.
        """
        with self._saving:
            if name in self._inert:
                self._inert.remove(name)
                left = " ".join(sorted(self._inert)).encode()
                self.journal.write([(INERT, left or None)])

    def keep(self, service: Service) -> None:
        """Write what a service holds from now on."""
        if service.name() not in NOT_KEPT:
            self._services[service.name()] = service

    def check_writable(self) -> None:
        """Do nothing while what changes can be written.

        Raises:
            NotWritten: it cannot.
        """
        if self.unwritable is not None:
            raise NotWritten(self.unwritable)

    def changed(self, name: str) -> None:
        """Note that a service may hold something else now."""
        self._look_in(GATHER_SECONDS, name, 0)

    def began(self, name: str) -> None:
        """Note that a service holds a part that it did not hold, in what is not kept apart."""
        self._behind.add(name)

    def _look_in(self, seconds: float, name: str, times: int) -> None:
        """Have a service looked at by then; however much comes, nothing is put off."""
        at = time.monotonic() + seconds
        with self._changed:
            due, before = self._due.get(name, (at, times))
            self._due[name] = (min(at, due), min(times, before))
            self._changed.notify()

    def commit(self, name: str, *, parts_only: bool) -> None:
        """Write what a request has changed before it is answered, if that takes but a moment.

        Args:
            parts_only: nothing has changed but entries of what is kept apart.

        Raises:
            NotWritten: there is no room for it; it is tried again in the background.
        """
        service = self._services.get(name)
        if service is None or not holds_anything(service):
            return
        if not parts_only and self._seconds.get(name, 0.0) > COMMIT_SECONDS:
            self._behind.add(name)
            self.changed(name)
            return
        try:
            self.save([] if parts_only and name not in self._behind else [name])
        except Exception as error:
            self.changed(name)
            if isinstance(error, NO_ROOM):
                raise NotWritten(error) from error
            return
        self._look_in(LATER_SECONDS[0], name, 1)

    def _run(self) -> None:
        while True:
            with self._changed:
                while not self._due or (wait := self._soonest() - time.monotonic()) > 0:
                    self._changed.wait(wait if self._due else None)
                now = time.monotonic() + GATHER_SECONDS
                due = {name: times for name, (at, times) in self._due.items() if at <= now}
                for name, times in due.items():
                    if times < len(LATER_SECONDS):
                        self._due[name] = (now + LATER_SECONDS[times], times + 1)
                    else:
                        del self._due[name]
            try:
                self.save(list(due))
                self.compact()
            except Exception as error:  # noqa: BLE001 - nobody else would write any more
                self.say("", f"cannot be written: {error!r}; it is tried again each second")
                with self._changed:
                    for name in due:
                        self._due[name] = (time.monotonic() + RETRY_SECONDS, 0)
            else:
                self._said.pop("", None)

    def _soonest(self) -> float:
        return min(at for at, _ in self._due.values())

    def save_all(self) -> None:
        """Write what all services hold.

        Raises:
            OSError: the journal cannot be written.
        """
        self.save(list(self._services))

    def close(self) -> None:
        """Write what all services hold, and nothing any more.

        Raises:
            OSError: the journal cannot be written.
        """
        try:
            self.save_all()
        finally:
            with self._saving:
                self._closed = True
                self.journal.close()

    def save(self, names: list[str]) -> None:
        """Write what these services hold.

        Raises:
            OSError: the journal cannot be written; it is tried again with the next.
        """
        with self._saving:
            if self._closed:
                return
            round_ = _Round(self)
            behind = self._behind.intersection(names)
            self._behind -= behind
            for one in noted.take_changed():
                round_.add(one)
            try:
                for name in names:
                    if (service := self._services.get(name)) is not None:
                        began = time.perf_counter()
                        round_.look_at(name, service)
                        self._seconds[name] = time.perf_counter() - began
                round_.look_at_parts()
                if round_.changes:
                    self.journal.write(round_.changes)
            except BaseException as error:
                round_.put_back()
                self._behind |= behind
                if isinstance(error, NO_ROOM):
                    self.unwritable = str(error) or "there is no memory left"
                raise
            self.unwritable = None
            round_.written()

    def compact(self) -> None:
        """Write the journal anew without what is outdated, where that is most of it.

        Raises:
            OSError: it cannot be written; the old one stays.
        """
        with self._saving:
            if not self._closed and self.journal.size > max(LONG_BYTES, 4 * self._compacted):
                records, _ = self.journal.read()
                self.journal.rewrite(records)
                self._compacted = self.journal.size

    def last_sum(self, name: str) -> int | None:
        """Return the checksum of what a service holds as it is on disk."""
        return self._sums.get(name)

    def set_sum(self, name: str, checksum: int) -> None:
        """Note what is on disk."""
        self._sums[name] = checksum

    def say(self, name: str, why: str) -> None:
        """Warn, once for each reason."""
        if self._said.get(name) != why:
            self._said[name] = why
            LOG.warning("what %s holds %s", name or "the engine", why)


class _Round:
    """What is written at once."""

    def __init__(self, keeper: Keeper) -> None:
        self.keeper = keeper
        self.changes: Changes = []
        self._queue: list[NotedDict | NotedList] = []
        self._queued: dict[int, NotedDict | NotedList] = {}
        self._when_written: list[Callable[[], object]] = []

    def look_at(self, name: str, service: Service) -> None:
        """Take what a service holds, without the parts that are kept apart."""
        try:
            data = self._data(name, lambda: held_by(service))
        except BeingWritten:  # it began between the look and the read
            data = self._data(name, lambda: held_by(service))
        if data is None:
            return
        checksum = zlib.crc32(data)
        if checksum != self.keeper.last_sum(name):
            self.changes.append((whole_key(name), data))
            self._when_written.append(partial(self.keeper.set_sum, name, checksum))

    def add(self, one: NotedDict | NotedList) -> None:
        """Look at a part, if a service holds it."""
        if one.number in self.keeper.kept and one.number not in self._queued:
            self._queued[one.number] = one
            self._queue.append(one)

    def look_at_parts(self) -> None:
        """Take the entries that have changed, and the parts that these hold in turn."""
        while self._queue:
            one = self._queue.pop()
            kept = self.keeper.kept[one.number]
            if isinstance(one, NotedDict):
                self._look_at_dict(one, kept)
            else:
                self._look_at_list(one, kept)

    def _look_at_dict(self, one: NotedDict, kept: _Kept) -> None:
        last, _ = self.keeper.requests[kept.service].now()
        touched, one.touched = one.touched, {}
        removed, one.removed = one.removed, set()
        kept.removed |= removed
        if touched:
            kept.waiting.append((last, touched))
        for key in _in_order(one, kept):
            value = dict.get(one, key, _ABSENT)
            if type(value) is Unread:
                continue  # as it is on disk
            if value is _ABSENT:
                if key in kept.sums:
                    self._take(ENTRY, kept.service, one.number, write(key, self._found_none), None)
                    self._when_written.append(partial(kept.sums.pop, key, None))
                continue
            try:
                data = self._data(kept.service, partial(_same, value))
            except BeingWritten:
                continue  # until the request that writes it has ended, each round looks again
            if data is None:
                continue
            checksum = zlib.crc32(data)
            behind = key in kept.removed and key in kept.sums
            if behind:
                self._take(ENTRY, kept.service, one.number, write(key, self._found_none), None)
            if behind or checksum != kept.sums.get(key):
                self._take(ENTRY, kept.service, one.number, write(key, self._found_none), data)
                self._when_written.append(partial(kept.sums.__setitem__, key, checksum))
        self._when_written.append(kept.removed.clear)

    def _look_at_list(self, one: NotedList, kept: _Kept) -> None:
        version, size = one.version, len(one)
        begin = kept.count if version == kept.version else 0
        for at in range(begin, size):
            data = self._data(kept.service, partial(one.__getitem__, at))
            self._take(ITEM, kept.service, one.number, NUMBER.pack(at), data)
        for at in range(size, kept.count):
            self._take(ITEM, kept.service, one.number, NUMBER.pack(at), None)

        def written() -> None:
            kept.count, kept.version = size, version

        self._when_written.append(written)

    def _take(self, kind: bytes, service: str, number: int, key: bytes, data: bytes | None) -> None:
        self.changes.append((part_key(kind, service, number, key), data))

    def _data(self, name: str, value: Callable[[], Any]) -> bytes | None:
        """Return the bytes of a value, which others may be changing."""
        for _ in range(_ATTEMPTS):
            try:
                return write(value(), partial(self._found, name))
            except (RuntimeError, IndexError):  # it changed while it was looked through
                time.sleep(0.001)
            except NotKept as error:
                self.keeper.say(name, f"is not kept: {error}")
                return None
        self.keeper.changed(name)
        return None

    def _found(self, name: str, one: NotedDict | NotedList) -> None:
        kept = self.keeper.kept.get(one.number)
        if kept is None:
            self.keeper.kept[one.number] = _Kept(name)
            if isinstance(one, NotedDict):
                one.touched.update(dict.fromkeys(one))
            self.add(one)
        elif kept.service != name:
            # Given back, each of the two would have one of its own.
            raise NotKept(f"what {kept.service} holds is in it")

    def _found_none(self, one: NotedDict | NotedList) -> None:
        raise NotKept("a key that may change")

    def written(self) -> None:
        """Note that all of it is on disk."""
        for note in self._when_written:
            note()
        for one in self._queued.values():
            kept = self.keeper.kept[one.number]
            _, oldest = self.keeper.requests[kept.service].now()
            kept.waiting = [(last, keys) for last, keys in kept.waiting if last >= oldest]
            if kept.waiting:
                noted.changed[one.number] = one

    def put_back(self) -> None:
        """Note that nothing of it is on disk."""
        for one in self._queued.values():
            noted.changed[one.number] = one


def _in_order(one: NotedDict, kept: _Kept) -> Iterable[Any]:
    """Return the keys to look at; those that are new in the order of the entries."""
    if not kept.sums:
        return list(one)
    keys: dict[Any, None] = {}
    for _, some in kept.waiting:
        for key in list(some):
            keys.pop(key, None)  # what was removed and set again is further behind
            keys[key] = None
    return keys


def _same(value: Any) -> Any:
    return value
