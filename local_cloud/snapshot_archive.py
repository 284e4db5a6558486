"""A snapshot in one file, as somebody gives it to us: unpacked within bounds, or refused.

Only a tar archive under gzip is read, of regular files of the names that a snapshot has, each once.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import re
import tarfile
import zlib
from collections.abc import Buffer
from pathlib import Path

from local_cloud.state_files import APIS, JOURNAL, OBJECTS

#: What a file may be unpacked to, whatever its size, and as a multiple of its size.
SMALL_BYTES, MOST_TIMES = 256 << 20, 100
_APIS_BYTES = 16 << 20
_MOST_FILES = 200_000
_READ_BYTES = 1 << 20
_CONTENT = re.compile(rf"{OBJECTS}/([0-9a-f]{{64}})")


class NoSnapshot(Exception):
    """A file is no snapshot; the message says why, in words that follow its name."""


class _Bounded(io.RawIOBase):
    """Reads what a file is unpacked to, as far as it may be."""

    def __init__(self, file: gzip.GzipFile, most: int) -> None:
        self._file = file
        self._most = self._left = most

    def readable(self) -> bool:
        """Return true."""
        return True

    def readinto(self, buffer: Buffer) -> int:
        """Read the next bytes.

        Raises:
            NoSnapshot: there are too many in all.
        """
        into = memoryview(buffer)
        data = self._file.read(len(into))
        into[: len(data)] = data
        self._left -= len(data)
        if self._left < 0:
            raise NoSnapshot(
                f"is refused: it unpacks to more than {self._most >> 20} MB, which is much for its "
                "size. If it is yours, allow it with --up-to"
            )
        return len(data)


class _Member(tarfile.TarInfo):
    """A member whose extended head, which is read into memory at once, is short."""

    def _proc_member(self, archive: tarfile.TarFile) -> tarfile.TarInfo:
        if not self.isreg() and self.size > _READ_BYTES:
            raise NoSnapshot("is no snapshot: it has something in it that is no file")
        proceed: tarfile.TarInfo = super()._proc_member(archive)  # type: ignore[misc]
        return proceed


def unpack(file: Path, target: Path, most: int | None = None) -> None:
    """Unpack a snapshot into an empty folder.

    Args:
        most: how many bytes it may be unpacked to; by default it depends on the file's size.

    Raises:
        NoSnapshot: it is none.
        OSError: it cannot be read, or there is no room.
    """
    if most is None:
        most = max(SMALL_BYTES, MOST_TIMES * file.stat().st_size)
    (target / OBJECTS).mkdir()
    names: set[str] = set()
    try:
        with (
            gzip.open(file, "rb") as unpacked,
            io.BufferedReader(_Bounded(unpacked, most)) as reader,
            tarfile.open(fileobj=reader, mode="r|", tarinfo=_Member) as archive,
        ):
            for member in archive:
                if member.name in names:
                    raise NoSnapshot(f"is no snapshot: it has {member.name[:100]!r} in it twice")
                if not _is_expected(member) or len(names) == _MOST_FILES:
                    raise NoSnapshot(f"is no snapshot: it has {member.name[:100]!r} in it")
                names.add(member.name)
                _copy(archive, member, target / member.name)
    except (tarfile.TarError, EOFError, zlib.error, gzip.BadGzipFile, ValueError) as error:
        raise NoSnapshot(f"is no snapshot: {error}") from error
    if JOURNAL not in names:
        raise NoSnapshot(f"is no snapshot: it has no {JOURNAL} in it")
    if APIS in names:
        _check_apis(target / APIS)


def _is_expected(member: tarfile.TarInfo) -> bool:
    if member.type not in (tarfile.REGTYPE, tarfile.AREGTYPE) or member.issparse():
        return False
    return member.name in (JOURNAL, APIS) or _CONTENT.fullmatch(member.name) is not None


def _copy(archive: tarfile.TarFile, member: tarfile.TarInfo, target: Path) -> None:
    """Copy a file out of an archive; what is named by its checksum has to have it."""
    source = archive.extractfile(member)
    assert source is not None  # it is a regular file
    checksum, left = hashlib.sha256(), member.size
    with target.open("xb") as written:
        target.chmod(0o600)
        while left and (data := source.read(min(left, _READ_BYTES // 2))):
            written.write(data)
            checksum.update(data)
            left -= len(data)
    if left:
        raise NoSnapshot(f"is no snapshot: {member.name} is cut off")
    if (named := _CONTENT.fullmatch(member.name)) and named[1] != checksum.hexdigest():
        raise NoSnapshot(
            f"is no snapshot: {member.name[:30]}… has other content than its name says"
        )


def _check_apis(path: Path) -> None:
    if path.stat().st_size > _APIS_BYTES:
        raise NoSnapshot(f"is no snapshot: {APIS} is too long")
    try:
        json.loads(path.read_bytes())
    except (ValueError, RecursionError):
        raise NoSnapshot(f"is no snapshot: {APIS} is no JSON") from None
