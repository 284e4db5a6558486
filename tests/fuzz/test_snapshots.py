"""What a snapshot has in it is read as plain data or refused, whatever the bytes are."""

from __future__ import annotations

import io
import tarfile
import tempfile
from pathlib import Path

from hypothesis import strategies as st
from moto.dynamodb.models.dynamo_type import DynamoType

from local_cloud import snapshots
from local_cloud.engine.state.codec import NotReadable, read, write
from local_cloud.engine.state.format import HEAD, HEADED
from local_cloud.engine.state.journal import AnotherFormat, Journal
from local_cloud.engine.state.records import KIT, VERSIONS, whole_key
from local_cloud.engine.state.runs import what_runs
from local_cloud.engine.state.shown import check, shown_in
from local_cloud.installation import Home
from tests.fuzz.fuzzing import fuzz
from tests.fuzz.values import JSON

BEGINNINGS = st.sampled_from([b"", b"\0", b"\1", HEADED + HEAD.pack(8), b"\x80\x05"])
CHANGES = st.lists(st.tuples(st.integers(0, 1 << 16), st.integers(0, 255)), max_size=4)


class NoParts:
    """Nothing is kept apart."""

    def noted_dict(self, number: int, nested: bool) -> None:
        raise NotReadable("nothing is kept apart")

    def noted_list(self, number: int) -> None:
        raise NotReadable("nothing is kept apart")


def changed(data: bytes, changes: list[tuple[int, int]]) -> bytes:
    made = bytearray(data)
    for at, value in changes:
        made[at % len(made)] = value
    return bytes(made)


def a_value(value: object, changes: list[tuple[int, int]]) -> bytes:
    record = DynamoType({"S": "x"})
    record.more = {("a", "key"): value, "set": {1, "b"}, "itself": record}
    return changed(write({"BackendDict:x": {("0", "r"): {"of": record}}}, lambda _: None), changes)


@fuzz(beginning=BEGINNINGS, rest=st.binary(max_size=300))
def test_bytes_are_a_value_or_refused(beginning: bytes, rest: bytes) -> None:
    try:
        read(beginning + rest, NoParts())  # type: ignore[arg-type]
    except NotReadable:
        return


@fuzz(value=JSON, changes=CHANGES)
def test_a_value_that_was_changed_is_a_value_or_refused(
    value: object, changes: list[tuple[int, int]]
) -> None:
    try:
        read(a_value(value, changes), NoParts())  # type: ignore[arg-type]
    except NotReadable:
        return


@fuzz(value=JSON, inside=CHANGES, outside=CHANGES, cut=st.integers(0, 64))
def test_a_journal_is_read_or_refused(
    value: object, inside: list[tuple[int, int]], outside: list[tuple[int, int]], cut: int
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "journal"
        journal = Journal(path)
        journal.write([(VERSIONS, KIT), (whole_key("sqs"), a_value(value, inside))])
        journal.close()
        data = changed(path.read_bytes(), outside)
        path.write_bytes(data[: len(data) - cut])
        for look in (check, shown_in, what_runs):
            try:
                look(path)
            except AnotherFormat:
                continue


@fuzz(changes=CHANGES, cut=st.integers(0, 64), name=st.text(max_size=8))
def test_a_file_is_a_snapshot_or_refused(
    changes: list[tuple[int, int]], cut: int, name: str
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        journal = Journal(Path(folder) / "journal")
        journal.write([(VERSIONS, KIT), (whole_key("sqs"), a_value({}, []))])
        journal.close()
        packed = io.BytesIO()
        with tarfile.open(fileobj=packed, mode="w:gz") as archive:
            archive.add(Path(folder) / "journal", "state.journal")
            if name:
                archive.add(Path(folder) / "journal", name)
        data = changed(packed.getvalue(), changes)
        file = Path(folder) / "file"
        file.write_bytes(data[: len(data) - cut])
        home = Home(Path(folder) / "home")
        try:
            snapshots.take(home, file, "theirs")
        except (snapshots.SnapshotFailed, OSError):
            assert snapshots.snapshots(home) == []
