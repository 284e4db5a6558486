"""A file that is only ever appended to, of what each key holds now; the last word counts.

A batch is written whole or, when its writer is killed in the middle, not at all: it begins with its
length and its checksum, and a batch that is not there to its end is cut off. What is damaged in any
other way is refused: no writer that was killed leaves that.
"""

from __future__ import annotations

import os
import struct
import zlib
from collections.abc import Iterable, Iterator
from io import FileIO
from pathlib import Path
from typing import BinaryIO

#: The first bytes of the file; another number is another way to keep what services hold.
HEADER = b"local-cloud state 2\n"
#: Those of earlier versions, which wrote pickles: reading one can run code.
PICKLED = b"local-cloud state 1\n"
_BATCH = struct.Struct(">II")
_RECORD = struct.Struct(">II")
_DELETED = 0xFFFF_FFFF
_PIECE_BYTES = 1 << 18

Records = dict[bytes, bytes]


class AnotherFormat(Exception):
    """The file was written by another version; the message says what to do.

    Args:
        why: what it is, in words that follow its name.
    """

    def __init__(self, path: Path, why: str) -> None:
        self.why = why
        super().__init__(
            f"{path} {why}. Start empty with ./local-cloud up --fresh, which puts it aside as "
            "data.old (in Docker it removes it), or with the version that wrote it"
        )


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def read_file(path: Path) -> tuple[Records, int]:
    """Return what each key holds, and how many bytes of the file say so.

    Raises:
        AnotherFormat: the file is of another version, or damaged.
        OSError: it cannot be read.
    """
    records: Records = {}
    with path.open("rb") as file:
        check_header(path, file)
        whole = len(HEADER)
        try:
            for batch in _batches(file, path.stat().st_size):
                for key, value in _records(batch):
                    if value is None:
                        records.pop(key, None)
                    else:
                        records[key] = value
                whole += _BATCH.size + len(batch)
        except _Damaged:
            raise AnotherFormat(path, f"is damaged (behind its byte {whole})") from None
    return records, whole


def check_header(path: Path, file: BinaryIO) -> None:
    """See to it that a file begins as a journal of this version does.

    Raises:
        AnotherFormat: it does not.
    """
    found = file.read(len(HEADER))
    if found == PICKLED:
        raise AnotherFormat(
            path, "is in the format of an earlier version, which is not read, since it can run code"
        )
    if found != HEADER:
        raise AnotherFormat(path, "is in another format")


class _Damaged(Exception):
    """A batch is there to its end, and is not what was written."""


class Journal:
    """The file, held open by one process; nobody but its user can read it.

    Args:
        path: of the file; it is made where there is none.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.parent.chmod(0o700)  # objects are in it, too
        # Held open, without a buffer: what comes after needs neither another handle nor memory.
        self._file = open(path, "ab", buffering=0, opener=_private)  # noqa: SIM115
        #: How long it is.
        self.size = self._file.seek(0, os.SEEK_END)
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
        new.unlink(missing_ok=True)  # of a process that was killed in the middle
        file = open(new, "ab", buffering=0, opener=_private)  # noqa: SIM115
        size = 0
        try:
            for data in _pieces(records):
                size += _write(file, data)
            new.replace(self.path)
        except BaseException:
            file.close()
            new.unlink(missing_ok=True)
            raise
        self._file.close()
        self._file, self.size = file, size

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _append(self, data: bytes) -> None:
        try:
            self.size += _write(self._file, data)
        except BaseException:
            # A full disk takes a part of it, which would hide all that follows.
            self._file.truncate(self.size)
            raise


def _write(file: FileIO, data: bytes) -> int:
    """Write all of it; return how much that is."""
    left = memoryview(data)
    while left:
        left = left[file.write(left) :]
    return len(data)


def _pieces(records: Records) -> Iterator[bytes]:
    """Return the bytes of a file with these records, some at a time."""
    piece = HEADER
    for record in records.items():
        piece += _batch([record])
        if len(piece) > _PIECE_BYTES:
            yield piece
            piece = b""
    yield piece


def _batch(changed: Iterable[tuple[bytes, bytes | None]]) -> bytes:
    parts = []
    for key, value in changed:
        parts.append(_RECORD.pack(len(key), _DELETED if value is None else len(value)))
        parts.append(key)
        parts.append(value or b"")
    body = b"".join(parts)
    return _BATCH.pack(len(body), zlib.crc32(body)) + body


def _batches(file: BinaryIO, end: int) -> Iterator[bytes]:
    while len(head := file.read(_BATCH.size)) == _BATCH.size:
        size, checksum = _BATCH.unpack(head)
        if size > end - file.tell():
            return
        body = file.read(size)
        if len(body) < size:
            return
        if zlib.crc32(body) != checksum:
            raise _Damaged
        yield body


def _records(batch: bytes) -> Iterator[tuple[bytes, bytes | None]]:
    at = 0
    while at < len(batch):
        if len(batch) - at < _RECORD.size:
            raise _Damaged
        key_size, size = _RECORD.unpack_from(batch, at)
        at += _RECORD.size
        if key_size + (0 if size == _DELETED else size) > len(batch) - at:
            raise _Damaged
        key = batch[at : at + key_size]
        at += key_size
        if size == _DELETED:
            yield key, None
        else:
            yield key, batch[at : at + size]
            at += size
