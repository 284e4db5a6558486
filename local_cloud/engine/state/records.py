"""What the keys of the journal's records are: of which service, and which part of it."""

from __future__ import annotations

import re
import struct
from importlib.metadata import version
from pathlib import Path

from local_cloud.engine.state.journal import AnotherFormat, Records, read_file

#: Kinds of records: what a service holds; an entry of a dictionary; one of a list.
HOLDS, ENTRY, ITEM = b"H", b"D", b"L"
#: The keys of how often the journal was opened, and of what wrote it.
STARTS, VERSIONS = b"starts", b"versions"
#: The key of that nothing is to run by itself which a snapshot has in it, when it is loaded.
#: Its value has the names of the services that were not given it back yet, or is ``ALL``.
INERT, ALL = b"inert", b"*"
_SERVICE = re.compile(rb"[a-z0-9-]{1,64}")
NUMBER = struct.Struct(">Q")
#: Whose classes the records name.
KIT = f"LocalStack {version('localstack-core')}, moto {version('moto-ext')}".encode()
#: What a service holds without the parts that are kept apart, and these by number.
Held = tuple[bytes | None, dict[int, Records]]


def check_versions(path: Path, records: Records) -> None:
    """See to it that the records of a journal can be read.

    Raises:
        AnotherFormat: they name classes of other versions.
    """
    written_by = records.get(VERSIONS)
    if records and written_by != KIT:
        said = (written_by or b"nobody knows what").decode(errors="replace")[:200]
        raise AnotherFormat(path, f"was written by {said}, this is {KIT.decode()}")


def is_readable(path: Path) -> bool:
    """Return whether a journal is none, or one that this version can read."""
    try:
        records, _ = read_file(path)
        check_versions(path, records)
        by_service(path, records)
    except AnotherFormat:
        return False
    except OSError:
        return not path.exists()
    return True


def whole_key(service: str) -> bytes:
    """Return the key of what a service holds."""
    return HOLDS + service.encode() + b"\0"


def part_key(kind: bytes, service: str, number: int, key: bytes) -> bytes:
    """Return the key of an entry or an item."""
    return kind + service.encode() + b"\0" + NUMBER.pack(number) + key


def by_service(path: Path, records: Records) -> dict[str, Held]:
    """Return the records of services, by service.

    Args:
        path: of the journal that they are in.

    Raises:
        AnotherFormat: a key is none.
    """
    found: dict[str, Held] = {}
    for key, value in records.items():
        if key in (STARTS, VERSIONS, INERT):
            continue
        name, _, rest = key[1:].partition(b"\0")
        kind = key[:1]
        if (
            kind not in (HOLDS, ENTRY, ITEM)
            or not _SERVICE.fullmatch(name)
            or (kind == HOLDS) != (not rest)
            or (kind != HOLDS and len(rest) < NUMBER.size)
        ):
            raise AnotherFormat(path, f"has a record of nothing that there is ({key[:40]!r})")
        _, parts = found.setdefault(name.decode(), (None, {}))
        if kind == HOLDS:
            found[name.decode()] = (value, parts)
        else:
            (number,) = NUMBER.unpack_from(rest)
            parts.setdefault(number, {})[rest[NUMBER.size :]] = value
    return found
