"""Whether a function's code or its template has changed, asked at each invocation."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import sys
import termios
from array import array
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

import psutil

if sys.platform == "linux":
    from inotify_simple import INotify, flags

    _MOVED = flags.MOVE_SELF | flags.MASK_ADD
    #: Of a folder of which some files count.
    _ENTRIES = _MOVED | flags.CREATE | flags.MODIFY | flags.ATTRIB | flags.DELETE | flags.MOVED_TO
    _ENTRIES |= flags.MOVED_FROM
    _EVENTS = (
        *(flags.MODIFY, flags.ATTRIB, flags.CREATE, flags.DELETE, flags.DELETE_SELF),
        *(flags.MOVED_FROM, flags.MOVED_TO, flags.MOVE_SELF, flags.ONLYDIR),
    )
    _ANYTHING = sum(_EVENTS)

#: File systems whose changes the kernel tells, whoever makes them: not those of another machine.
_TELLING = {"btrfs", "ext2", "ext3", "ext4", "f2fs", "overlay", "tmpfs", "xfs", "zfs"}
#: Of all a user's processes together a kernel may watch as few as 8,192 folders.
_MOST_FOLDERS = 2000


class Sources:
    """The files below some folders, and a mark that says which they are.

    Where the kernel tells of changes (inotify), the folders are read again only after one.
    """

    def __init__(self, folders: Iterable[Path]) -> None:
        self.folders = tuple(folders)
        #: Of the files, as long as the kernel has told of no change.
        self.known: int | None = None
        self.watches: set[int] = set()

    def mark(self) -> int:
        """Return a number that changes when a file is edited, added or removed.

        Raises:
            OSError: a folder cannot be read.
        """
        _kernel.listen()
        if self.known is not None:
            return self.known
        _kernel.forget(self)
        told = _kernel.watch(self)
        mark = self.read()
        if told:
            self.known = mark
        return mark

    def read(self) -> int:
        """Return the mark of what is there now."""
        return fingerprint(self.folders)

    def watched(self) -> Iterator[tuple[str, int]]:
        """Give each folder that the kernel has to watch, with the events that count there.

        Raises:
            Untold: there are changes that it will not tell.
        """
        for number, folder in enumerate(_folders_below(self.folders)):
            if number == _MOST_FOLDERS:
                raise Untold
            yield folder, _ANYTHING

    def concerns(self, name: str) -> bool:
        """Return whether a change of an entry counts; of the folder itself it has no name."""
        return True

    def close(self) -> None:
        """Watch no more."""
        _kernel.forget(self)


class Files(Sources):
    """Single files, which need not be there, and a mark that says which they are."""

    def __init__(self, paths: Iterable[Path | None]) -> None:
        self.paths = tuple(path.absolute() for path in paths if path is not None)
        super().__init__(sorted({path.parent for path in self.paths}))

    def read(self) -> int:
        return hash(tuple(_modified(path) for path in self.paths))

    def watched(self) -> Iterator[tuple[str, int]]:
        if any(path.is_symlink() for path in self.paths):
            raise Untold  # what it leads to may change without a word
        for folder in self.folders:
            yield str(folder), _ENTRIES

    def concerns(self, name: str) -> bool:
        return not name or any(path.name == name for path in self.paths)


class _Kernel:
    """What the kernel tells: one queue for all, since a user may have only few of them."""

    def __init__(self) -> None:
        self.queue: INotify | None = None
        #: That which listens by itself; where none runs, each question does.
        self._loop: asyncio.AbstractEventLoop | None = None
        self.watching: dict[int, set[Sources]] = {}
        self._waiting = array("i", [0])

    def watch(self, sources: Sources) -> bool:
        """Have changes told from now on; return whether all of them are."""
        if sys.platform != "linux" or not all(map(_tells, sources.folders)):
            return False
        try:
            if self.queue is None:
                self.queue = INotify(nonblocking=True)
            self._listen_by_loop(self.queue)
            for folder, events in sources.watched():
                self._add(sources, folder, events)
            for parent in {parent for folder in sources.folders for parent in folder.parents}:
                self._add(sources, str(parent), _MOVED)
        except (OSError, Untold):
            self.forget(sources)
            return False
        return True

    def _add(self, sources: Sources, folder: str, events: int) -> None:
        assert self.queue is not None
        watch = self.queue.add_watch(folder, events)
        self.watching.setdefault(watch, set()).add(sources)
        sources.watches.add(watch)

    def forget(self, sources: Sources) -> None:
        """Watch nothing for these any more."""
        sources.known = None
        for watch in sources.watches:
            others = self.watching.get(watch, set())
            others.discard(sources)
            if not others and self.watching.pop(watch, None) is not None:
                with contextlib.suppress(OSError):  # its folder may be gone
                    assert self.queue is not None
                    self.queue.rm_watch(watch)
        sources.watches.clear()

    def _listen_by_loop(self, queue: INotify) -> None:
        """Have the running loop take what is told: before what somebody sends who has changed it.

        The system tells of both in the order in which they came.
        """
        with contextlib.suppress(RuntimeError):  # none runs
            loop = asyncio.get_running_loop()
            if loop is not self._loop:
                loop.add_reader(queue.fileno(), self._take)
                self._loop = loop

    def listen(self) -> None:
        """Take what was told since: of what has changed nothing is known any more."""
        if self.queue is None:
            return
        if self._loop is None or asyncio._get_running_loop() is not self._loop:
            self._take()

    def _take(self) -> None:
        assert self.queue is not None
        fcntl.ioctl(self.queue, termios.FIONREAD, self._waiting)  # a third of what reading takes
        if not self._waiting[0]:
            return
        for event in self.queue.read(timeout=0):
            lost = event.mask & flags.Q_OVERFLOW
            for changed in self.watching.values() if lost else (self.watching.get(event.wd, ()),):
                for sources in changed:
                    if lost or sources.concerns(event.name):
                        sources.known = None


_kernel = _Kernel()


class Untold(Exception):
    """There are changes that the kernel will not tell."""


def _folders_below(roots: Iterable[Path]) -> Iterator[str]:
    pending = [str(root) for root in roots]
    while pending:
        folder = pending.pop()
        yield folder
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.is_symlink():
                    raise Untold  # what it leads to may change without a word
                if entry.is_dir() and entry.name != "__pycache__":
                    pending.append(entry.path)


@cache
def _tells(folder: Path) -> bool:
    """Return whether all changes of a folder on this file system are told."""
    if folder != folder.resolve():
        return False
    mounts = [m for m in psutil.disk_partitions(all=True) if folder.is_relative_to(m.mountpoint)]
    return bool(mounts) and max(mounts, key=lambda m: len(m.mountpoint)).fstype in _TELLING


def _modified(path: Path) -> int:
    try:
        return os.stat(path).st_mtime_ns
    except FileNotFoundError:
        return 0


def fingerprint(folders: Iterable[Path]) -> int:
    """Return a number that changes when a file below ``folders`` is edited, added or removed."""
    marks: list[tuple[str, int, int]] = []
    pending = [str(folder) for folder in folders]
    while pending:
        with os.scandir(pending.pop()) as entries:
            for entry in entries:
                if entry.name == "__pycache__":
                    continue
                if entry.is_dir(follow_symlinks=False):
                    pending.append(entry.path)
                else:
                    status = entry.stat()
                    marks.append((entry.path, status.st_mtime_ns, status.st_size))
    return hash(tuple(sorted(marks)))
