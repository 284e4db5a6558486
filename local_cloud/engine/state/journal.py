"""A file that is only ever appended to, of what each key holds now; the last word counts.

A batch is written whole or, when its writer is killed in the middle, not at all: it begins with its
length and its checksum, and what follows the last whole batch is cut off.
"""

from __future__ import annotations

import contextlib
import os
import struct
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

#: The first bytes of the file; another number is another way to keep what services hold.
HEADER = b"local-cloud state 1\n"
_BATCH = struct.Struct(">II")
_RECORD = struct.Struct(">II")
_DELETED = 0xFFFF_FFFF

Records = dict[bytes, bytes]


class AnotherFormat(Exception):
    """The file was written by another version; the message says what to do.

    Args:
        why: what it is, in words that follow its name.
    """

    def __init__(self, path: Path, why: str) -> None:
        self.why = why
        super().__init__(
            f"{path} {why}. Start empty with ./local-cloud up --fresh, which removes it, "
            "or with the version that wrote it"
        )


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def read_file(path: Path) -> tuple[Records, int]:
    """Return what each key holds, and how many bytes of the file say so.

    Raises:
        AnotherFormat: the file is of another version.
        OSError: it cannot be read.
    """
    records: Records = {}
    with path.open("rb") as file:
        if file.read(len(HEADER)) != HEADER:
            raise AnotherFormat(path, "is in another format")
        whole = len(HEADER)
        for batch in _batches(file):
            whole += _BATCH.size + len(batch)
            for key, value in _records(batch):
                if value is None:
                    records.pop(key, None)
                else:
                    records[key] = value
    return records, whole


class Journal:
    """The file, held open by one process; nobody but its user can read it.

    Args:
        path: of the file; it is made where there is none.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.parent.chmod(0o700)  # objects are in it, too
        descriptor = _private(str(path), os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        self._file: BinaryIO = os.fdopen(descriptor, "ab")
        #: How long it is, and how long it would be without what is outdated.
        self.size = self._file.tell()
        if not self.size:
            self._append(HEADER)

    def read(self) -> tuple[Records, int]:
        """Return what each key holds, and how many bytes of a torn batch were cut off.

        Raises:
            AnotherFormat: the file is of another version.
        """
        records, whole = read_file(self.path)
        torn = self.size - whole
        if torn:
            self._file.truncate(whole)
            self.size = whole
        return records, torn

    def write(self, changed: Iterable[tuple[bytes, bytes | None]]) -> None:
        """Append a batch; ``None`` deletes a key.

        Raises:
            OSError: it could not be written; the file is as it was before.
        """
        self._append(_batch(changed))

    def rewrite(self, records: Records) -> None:
        """Put a file in its place that has these records only.

        Raises:
            OSError: it could not be written; the old file stays in use.
        """
        new = self.path.with_suffix(".new")
        with open(new, "wb", opener=_private) as file:
            file.write(HEADER)
            for key, value in records.items():
                file.write(_batch([(key, value)]))
        new.replace(self.path)
        self._file.close()
        self._file = self.path.open("ab")
        self.size = self._file.tell()

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _append(self, data: bytes) -> None:
        try:
            self._file.write(data)
            self._file.flush()
        except OSError:
            # A full disk takes a part of it, which would hide all that follows.
            self._file = _reopened(self._file, self.path, self.size)
            raise
        self.size += len(data)


def _reopened(file: BinaryIO, path: Path, size: int) -> BinaryIO:
    os.truncate(path, size)
    with contextlib.suppress(OSError):
        file.close()  # tries again to write what it has
    os.truncate(path, size)
    return path.open("ab")


def _batch(changed: Iterable[tuple[bytes, bytes | None]]) -> bytes:
    parts = []
    for key, value in changed:
        parts.append(_RECORD.pack(len(key), _DELETED if value is None else len(value)))
        parts.append(key)
        parts.append(value or b"")
    body = b"".join(parts)
    return _BATCH.pack(len(body), zlib.crc32(body)) + body


def _batches(file: BinaryIO) -> Iterator[bytes]:
    while len(head := file.read(_BATCH.size)) == _BATCH.size:
        size, checksum = _BATCH.unpack(head)
        body = file.read(size)
        if len(body) < size or zlib.crc32(body) != checksum:
            return
        yield body


def _records(batch: bytes) -> Iterator[tuple[bytes, bytes | None]]:
    at = 0
    while at < len(batch):
        key_size, size = _RECORD.unpack_from(batch, at)
        at += _RECORD.size
        key = batch[at : at + key_size]
        at += key_size
        if size == _DELETED:
            yield key, None
        else:
            yield key, batch[at : at + size]
            at += size
