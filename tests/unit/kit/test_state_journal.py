"""The file that what services hold is kept in: whole batches only, whatever ends its writer."""

import resource
import stat
import struct
import zlib
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from local_cloud.engine.state.journal import HEADER, PICKLED, AnotherFormat, Journal


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "folder" / "journal"


def written(path: Path, *batches: dict[bytes, bytes | None]) -> None:
    with closing(Journal(path)) as journal:
        for batch in batches:
            journal.write(batch.items())


def read(path: Path) -> tuple[dict[bytes, bytes], int]:
    with closing(Journal(path)) as journal:
        return journal.read()


def test_the_last_word_counts(path: Path) -> None:
    written(path, {b"a": b"1", b"b": b"1"}, {b"a": b"2", b"b": None, b"c": b""})
    assert read(path) == ({b"a": b"2", b"c": b""}, 0)


def test_a_batch_that_was_cut_off_anywhere_is_left_out_and_the_next_is_kept(path: Path) -> None:
    written(path, {b"a": b"1"})
    before = path.read_bytes()
    written(path, {b"a": b"2", b"b": b"2"})
    whole = path.read_bytes()
    for size in range(len(before), len(whole)):
        path.write_bytes(whole[:size])
        with closing(Journal(path)) as journal:
            assert journal.read() == ({b"a": b"1"}, size - len(before))
            journal.write([(b"c", b"3")])
        assert read(path) == ({b"a": b"1", b"c": b"3"}, 0)


@pytest.mark.parametrize("place", [0.3, 0.6, 1.0], ids=["first", "middle", "last"])
def test_a_journal_with_a_wrong_byte_is_refused_and_stays(path: Path, place: float) -> None:
    written(path, {b"a": b"1" * 100}, {b"a": b"2" * 100}, {b"b": b"3" * 100})
    data = bytearray(path.read_bytes())
    data[int(len(data) * place) - 1] ^= 1
    path.write_bytes(data)
    with pytest.raises(AnotherFormat, match=r"is damaged \(behind its byte \d+\).*--fresh"):
        read(path)
    assert path.read_bytes() == data


@pytest.mark.parametrize(
    "batch",
    [b"\0" * 7, struct.pack(">II", 9, 0) + b"a", struct.pack(">II", 1, 1 << 31) + b"a"],
    ids=["half a record", "a long key", "a long value"],
)
def test_a_batch_whose_records_are_longer_than_it_is_refused(path: Path, batch: bytes) -> None:
    written(path, {b"a": b"1"})
    with path.open("ab") as file:
        file.write(struct.pack(">II", len(batch), zlib.crc32(batch)) + batch)
    with pytest.raises(AnotherFormat, match="is damaged"):
        read(path)


def test_a_batch_that_says_it_has_gigabytes_costs_none(path: Path) -> None:
    written(path, {b"a": b"1"})
    with path.open("ab") as file:
        file.write(struct.pack(">II", 0xFFFF_FFF0, 0) + b"x")
    assert read(path)[0] == {b"a": b"1"}


def test_a_file_of_another_version_is_refused(path: Path) -> None:
    path.parent.mkdir()
    path.write_bytes(HEADER.replace(b"2", b"3"))
    with pytest.raises(AnotherFormat, match="another format"):
        read(path)


def test_a_file_of_pickles_is_refused_with_what_to_do_and_stays(path: Path) -> None:
    path.parent.mkdir()
    path.write_bytes(PICKLED + b"whatever")
    with pytest.raises(AnotherFormat, match=r"earlier version.*can run code.*up --fresh"):
        read(path)
    assert path.read_bytes() == PICKLED + b"whatever"


def test_nobody_else_can_read_it(path: Path) -> None:
    written(path, {b"a": b"1"})
    with closing(Journal(path)) as journal:
        journal.rewrite(journal.read()[0])
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_what_is_outdated_can_be_left_out(path: Path) -> None:
    batches: list[dict[bytes, bytes | None]] = [{b"a": b"%d" % n} for n in range(1000)]
    written(path, *batches)
    with closing(Journal(path)) as journal:
        before = journal.size
        journal.rewrite(journal.read()[0])
        assert journal.size < before / 100
        journal.write([(b"b", b"1")])
    assert read(path) == ({b"a": b"999", b"b": b"1"}, 0)


@contextmanager
def no_file_longer_than(size: int) -> Iterator[None]:
    """Have writing fail in the middle, as on a disk that is full."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize("room", [0, 1, 20, 100])
def test_a_full_disk_is_said_harms_nothing_and_goes_on_when_there_is_room(
    path: Path, room: int
) -> None:
    with closing(Journal(path)) as journal:
        journal.write([(b"a", b"1")])
        with no_file_longer_than(journal.size + room), pytest.raises(OSError, match="too large"):
            journal.write([(b"a", b"x" * 100_000)])
        assert path.stat().st_size == journal.size
        journal.write([(b"b", b"2")])
    assert read(path) == ({b"a": b"1", b"b": b"2"}, 0)
