"""Snapshots are copies, whole or not there; what somebody gives us is looked at first."""

import asyncio
import hashlib
import io
import tarfile
from pathlib import Path

import pytest

from local_cloud import snapshots
from local_cloud.engine.state.journal import HEADER, PICKLED, Journal
from local_cloud.engine.state.records import VERSIONS
from local_cloud.installation import Home, Options, Ports
from local_cloud.make_mode import make_mode
from local_cloud.mode import Mode
from local_cloud.snapshots import SnapshotFailed

CONTENT = hashlib.sha256(b"large").hexdigest()
WRITTEN = HEADER


@pytest.fixture
def home(tmp_path: Path) -> Home:
    home = Home(tmp_path / "home")
    (home.data / "objects").mkdir(parents=True)
    (home.data / "state.journal").write_bytes(WRITTEN)
    (home.data / "apis.json").write_bytes(b"{}")
    (home.data / "objects" / CONTENT).write_bytes(b"large")
    (home.data / "lock").touch()
    return home


def mode_of(home: Home) -> Mode:
    return make_mode("embedded", Ports(), home, Options())


def files(folder: Path) -> dict[str, bytes]:
    return {
        str(file.relative_to(folder)): file.read_bytes()
        for file in folder.rglob("*")
        if file.is_file()
    }


WHOLE = {"state.journal": WRITTEN, "apis.json": b"{}", f"objects/{CONTENT}": b"large"}


def test_what_is_saved_is_loaded(home: Home) -> None:
    made = snapshots.save(mode_of(home), "one")
    assert made.size == sum(map(len, WHOLE.values()))
    (home.data / "state.journal").write_bytes(WRITTEN + b"more")
    snapshots.load(home, "one")
    assert files(home.next_data) == WHOLE
    assert files(home.snapshots / "one") == WHOLE, "it is still there"
    assert [one.name for one in snapshots.snapshots(home)] == ["one"]


def test_the_same_name_again_takes_its_place(home: Home) -> None:
    snapshots.save(mode_of(home), "one")
    (home.data / "state.journal").write_bytes(WRITTEN + b"later")
    (home.data / "apis.json").unlink()
    snapshots.save(mode_of(home), "one")
    assert files(home.snapshots / "one")["state.journal"] == WRITTEN + b"later"
    assert "apis.json" not in files(home.snapshots / "one")
    assert len(list(home.snapshots.iterdir())) == 1, "no draft is left"


def test_one_that_is_deleted_is_gone(home: Home) -> None:
    snapshots.save(mode_of(home), "one")
    snapshots.delete(home, "one")
    assert snapshots.snapshots(home) == []
    assert files(home.data).keys() >= WHOLE.keys()


@pytest.mark.parametrize("work", [snapshots.load, snapshots.delete])
def test_one_that_is_not_there_is_said_with_those_that_are(home: Home, work: object) -> None:
    snapshots.save(mode_of(home), "one")
    with pytest.raises(SnapshotFailed, match="no snapshot 'two'; there are: one"):
        work(home, "two")  # type: ignore[operator]


@pytest.mark.parametrize("name", ["", "../x", "a/b", ".hidden", "a" * 65, "a\n"])
def test_a_name_is_no_path(home: Home, name: str) -> None:
    with pytest.raises(SnapshotFailed, match="no name of a snapshot"):
        snapshots.save(mode_of(home), name)


def test_where_nothing_was_held_there_is_nothing_to_save(tmp_path: Path) -> None:
    with pytest.raises(SnapshotFailed, match="nothing to keep"):
        snapshots.save(mode_of(Home(tmp_path)), "one")


def test_what_is_exported_can_be_imported_elsewhere(home: Home, tmp_path: Path) -> None:
    snapshots.save(mode_of(home), "one")
    snapshots.export(home, "one", tmp_path / "file")
    assert [file.name for file in tmp_path.iterdir() if file.is_file()] == ["file"]
    elsewhere = Home(tmp_path / "elsewhere")
    snapshots.take(elsewhere, tmp_path / "file", "theirs")
    theirs = files(elsewhere.snapshots / "theirs")
    assert theirs.pop("imported.json")
    assert theirs == WHOLE
    snapshots.export(elsewhere, "theirs", tmp_path / "again")
    snapshots.take(home, tmp_path / "again", "back")


def archive(*members: tuple[str, bytes, bytes]) -> bytes:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w:gz") as tar:
        for name, content, kind in members:
            info = tarfile.TarInfo(name)
            info.size, info.type, info.linkname = len(content), kind, "/etc/passwd"
            tar.addfile(info, io.BytesIO(content))
    return made.getvalue()


JOURNAL = ("state.journal", b"x", tarfile.REGTYPE)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"no archive",
        archive(JOURNAL)[:-20],
        archive(("objects/x", b"x", tarfile.REGTYPE)),
        archive(JOURNAL, ("other", b"x", tarfile.REGTYPE)),
        archive(JOURNAL, ("/etc/x", b"x", tarfile.REGTYPE)),
        archive(JOURNAL, ("objects/../../../x", b"x", tarfile.REGTYPE)),
        archive(JOURNAL, ("objects/x", b"", tarfile.SYMTYPE)),
        archive(JOURNAL, ("objects", b"", tarfile.LNKTYPE)),
        archive(JOURNAL, ("objects/x", b"", tarfile.FIFOTYPE)),
    ],
    ids=[
        *("empty", "text", "cut off", "no journal", "another file", "absolute", "outside"),
        *("link", "hard link", "pipe"),
    ],
)
def test_a_file_that_is_no_snapshot_is_refused_and_leaves_nothing(
    home: Home, tmp_path: Path, data: bytes
) -> None:
    snapshots.save(mode_of(home), "one")
    before = files(tmp_path)
    (tmp_path / "file").write_bytes(data)
    with pytest.raises(SnapshotFailed, match="is no snapshot"):
        snapshots.take(home, tmp_path / "file", "one")
    (tmp_path / "file").unlink()
    assert files(tmp_path) == before, "and the one of that name stays"


def test_one_of_another_version_is_refused_with_what_to_do(home: Home) -> None:
    journal = Journal(home.data / "state.journal")
    journal.write([(VERSIONS, b"LocalStack 1, moto 2")])
    journal.close()
    snapshots.save(mode_of(home), "old")
    with pytest.raises(
        SnapshotFailed, match=r"old was written by LocalStack 1, moto 2, this is .*"
    ):
        snapshots.load(home, "old")
    assert not home.next_data.exists()


def test_what_this_version_cannot_read_is_put_aside_when_it_is_emptied(home: Home) -> None:
    mode = mode_of(home)
    for old in (PICKLED + b"first", PICKLED + b"second"):
        (home.data / "state.journal").write_bytes(old)
        asyncio.run(mode.empty())
        assert not home.data.exists()
        assert (home.old_data / "state.journal").read_bytes() == old
        home.data.mkdir()
    (home.data / "state.journal").write_bytes(WRITTEN)
    asyncio.run(mode.empty())
    assert (home.old_data / "state.journal").read_bytes() == old, "the last that could not be read"
