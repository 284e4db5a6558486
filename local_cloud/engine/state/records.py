"""What the keys of the journal's records are: of which service, and which part of it."""

from __future__ import annotations

import struct
from importlib.metadata import version
from pathlib import Path

from local_cloud.engine.state.journal import AnotherFormat, Records

#: Kinds of records: what a service holds; an entry of a dictionary; one of a list.
HOLDS, ENTRY, ITEM = b"H", b"D", b"L"
#: The keys of how often the journal was opened, and of what wrote it.
STARTS, VERSIONS = b"starts", b"versions"
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
        said = (written_by or b"nobody knows what").decode()
        raise AnotherFormat(path, f"was written by {said}, this is {KIT.decode()}")


def whole_key(service: str) -> bytes:
    """Return the key of what a service holds."""
    return HOLDS + service.encode() + b"\0"


def part_key(kind: bytes, service: str, number: int, key: bytes) -> bytes:
    """Return the key of an entry or an item."""
    return kind + service.encode() + b"\0" + NUMBER.pack(number) + key


def by_service(records: Records) -> dict[str, Held]:
    """Return the records of services, by service."""
    found: dict[str, Held] = {}
    for key, value in records.items():
        if key in (STARTS, VERSIONS):
            continue
        name, _, rest = key[1:].partition(b"\0")
        _, parts = found.setdefault(name.decode(), (None, {}))
        if key[:1] == HOLDS:
            found[name.decode()] = (value, parts)
        else:
            (number,) = NUMBER.unpack_from(rest)
            parts.setdefault(number, {})[rest[NUMBER.size :]] = value
    return found
