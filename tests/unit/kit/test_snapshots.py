"""Snapshots are copies, whole or not there; what somebody gives us is looked at first."""

import asyncio
import contextlib
import gzip
import hashlib
import io
import json
import tarfile
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgpack
import pytest
from localstack.aws.api.events import RuleState
from localstack.services.events.models import EventBus, Rule
from localstack.services.lambda_.event_source_mapping.esm_worker import EsmState
from typer.testing import CliRunner, Result

from local_cloud import snapshot_archive, snapshot_command, snapshots
from local_cloud.engine.state import codec
from local_cloud.engine.state.format import HEAD, HEADED, NODE, RECORD
from local_cloud.engine.state.journal import HEADER, PICKLED, Journal, read_file
from local_cloud.engine.state.records import (
    ENTRY,
    INERT,
    ITEM,
    KIT,
    NUMBER,
    VERSIONS,
    part_key,
    whole_key,
)
from local_cloud.installation import Home, Options, Ports
from local_cloud.make_mode import make_mode
from local_cloud.mode import Mode
from local_cloud.snapshots import SnapshotFailed

CONTENT = hashlib.sha256(b"large").hexdigest()
WRITTEN = HEADER


def named(name: str) -> bytes:
    """Return a record of a class of this name."""
    head: bytes = msgpack.packb([[[RECORD, name, ["default"]]], [0], []])
    root = msgpack.ExtType(NODE, b"\0")
    written: bytes = HEADED + HEAD.pack(len(head)) + head + msgpack.packb([["touch x"], root])
    return written


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
WHOLE_JOURNAL = ("state.journal", HEADER, tarfile.REGTYPE)


def journal_of(path: Path, *records: tuple[bytes, bytes]) -> bytes:
    with contextlib.closing(Journal(path)) as journal:
        journal.write([(VERSIONS, KIT), *records])
    return path.read_bytes()


def given(tmp_path: Path, *records: tuple[bytes, bytes]) -> Path:
    """Return a file that somebody has made, with such a journal in it."""
    content = journal_of(tmp_path / "made", *records)
    (tmp_path / "file").write_bytes(archive(("state.journal", content, tarfile.REGTYPE)))
    return tmp_path / "file"


def test_what_unpacks_to_a_thousand_times_its_size_is_refused_before_it_fills_the_disk(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(snapshot_archive, "SMALL_BYTES", 4 << 20)
    large = archive(("state.journal", HEADER + b"\0" * (32 << 20), tarfile.REGTYPE))
    assert len(large) < 150_000
    (tmp_path / "file").write_bytes(large)
    taken: list[int] = []
    with monkeypatch.context() as patch:
        patch.setattr(
            hashlib, "sha256", lambda: SimpleNamespace(update=lambda d: taken.append(len(d)))
        )
        with pytest.raises(
            SnapshotFailed, match=r"unpacks to more than \d+ MB.*allow it with --up-to"
        ):
            snapshots.take(home, tmp_path / "file", "one")
    assert sum(taken) < 16 << 20
    assert not home.snapshots.exists() or not list(home.snapshots.iterdir())
    snapshots.take(home, tmp_path / "file", "one", 64 << 20)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        (whole_key("sqs"), named("localstack.services.stores:LocalAttribute")),
        (whole_key("sqs"), named("os:system")),
        (part_key(ENTRY, "sqs", 7, b"\0\xa1k"), named("os:system")),
        (part_key(ENTRY, "sqs", 7, named("os:system")), b"\0\xa1v"),
        (part_key(ITEM, "sqs", 7, NUMBER.pack(0)), named("os:system")),
        (whole_key("sqs"), b"\x80\x05cos\nsystem\n(Vtrue\ntR."),
        (b"Hno service\xff\0", b"\0\xc0"),
        (b"Dsqs\0short", b"\0\xc0"),
        (b"Zsqs\0", b"\0\xc0"),
    ],
)
def test_a_snapshot_that_names_what_state_may_not_is_refused_at_once(
    home: Home, tmp_path: Path, key: bytes, value: bytes
) -> None:
    file = given(tmp_path, (key, value))
    with pytest.raises(SnapshotFailed, match="is no snapshot: it h") as error:
        snapshots.take(home, file, "theirs")
    assert "\n" not in str(error.value)
    assert snapshots.snapshots(home) == []
    (home.snapshots / "theirs").mkdir(parents=True)
    (tmp_path / "made").rename(home.snapshots / "theirs" / "state.journal")
    with pytest.raises(SnapshotFailed):
        snapshots.load(home, "theirs")
    assert not home.next_data.exists()


RUNS = {
    "functions": ["hello"],
    "running executions": ["now"],
    "event source mappings": ["queue → hello"],
    "rules": ["hourly"],
}


def stores(service: str, **values: Any) -> tuple[bytes, bytes]:
    """Return the record of what LocalStack's stores of a service hold."""
    regions = {"us-east-1": {f"attr_{name}": value for name, value in values.items()}}
    accounts = {"000000000000": {"all regions": {}, "regions": regions}}
    held = {f"AccountRegionBundle:{service}": {"everywhere": {}, "accounts": accounts}}
    return whole_key(service), codec.write(held, lambda _: None)


@pytest.fixture
def imported(home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    """Return a home with a snapshot ``theirs`` that brings something that runs."""

    def rule(state: str) -> Rule:
        return Rule("name", "us-east-1", "000000000000", state=state)

    bus = EventBus("default", "us-east-1", "000000000000")
    bus.rules.update(hourly=rule("ENABLED"), off=rule("DISABLED"))
    mapping = {"EventSourceArn": "arn:aws:sqs:x:0:queue", "FunctionArn": "arn:x:function:hello"}
    codec.made_anew("execution", Running, lambda one: one.kept, lambda kept: kept)
    codec.made_anew("moment", Moment, lambda one: [one.attributes], lambda kept: kept)
    file = given(
        tmp_path,
        stores(
            "lambda",
            functions={"hello": {}},
            event_source_mappings={
                "1": {**mapping, "State": EsmState.ENABLED},
                "2": {**mapping, "State": EsmState.DISABLED},
                "3": {**mapping, "State": "Disabled"},
            },
        ),
        stores(
            "stepfunctions",
            executions={
                "arn:x:machine:now": Running("RUNNING"),
                "arn:x:machine:then": Running("SUCCEEDED"),
            },
        ),
        stores("events", event_buses={"default": bus}),
    )
    snapshots.take(home, file, "theirs")
    monkeypatch.setenv("LOCAL_CLOUD_HOME", str(home.path))
    return home


class Moment:
    """What of an execution changes."""

    def __init__(self, **attributes: str) -> None:
        self.attributes = attributes


class Running:
    """Stands for an execution."""

    def __init__(self, status: Any, **same: str) -> None:
        now = Moment() if same else Moment(exec_status=status)
        self.kept = {"now": now, "same": same}


@pytest.mark.parametrize(
    ("kind", "service", "values"),
    [
        (
            "event source mappings",
            "lambda",
            {"event_source_mappings": {"1": {"State": "DISABLED"}}},
        ),
        (
            "event source mappings",
            "lambda",
            {"event_source_mappings": {"1": {"State": RuleState.DISABLED}}},
        ),
        ("running executions", "stepfunctions", {"executions": {"a": Running("Running")}}),
        (
            "running executions",
            "stepfunctions",
            {"executions": {"a": Running(None, exec_status="RUNNING")}},
        ),
    ],
    ids=["another spelling", "another enumeration", "no status", "a status beside"],
)
def test_what_only_looks_as_if_it_rested_is_told_of(
    home: Home, tmp_path: Path, kind: str, service: str, values: dict[str, Any]
) -> None:
    codec.made_anew("execution", Running, lambda one: one.kept, lambda kept: kept)
    codec.made_anew("moment", Moment, lambda one: [one.attributes], lambda kept: kept)
    snapshots.take(home, given(tmp_path, stores(service, **values)), "theirs")
    assert list(snapshots.runs(home, "theirs")) == [kind]


def load(*options: str, typed: str | None = None, monkeypatch: Any = None) -> Result:
    if typed is not None:
        monkeypatch.setattr(
            snapshot_command, "sys", SimpleNamespace(stdin=SimpleNamespace(isatty=lambda: True))
        )
    return CliRunner().invoke(snapshot_command.app, ["load", "theirs", *options], input=typed)


def test_what_was_imported_is_not_loaded_where_nobody_can_be_asked(imported: Home) -> None:
    assert snapshots.runs(imported, "theirs") == RUNS
    result = load()
    assert result.exit_code == 1
    assert (
        "functions (1), running executions (1), event source mappings (1), rules (1)"
        in result.output
    )
    assert "--inert" in result.output
    assert (imported.data / "state.journal").read_bytes() == WRITTEN, "nothing has changed"


def test_who_loads_what_was_imported_is_asked_and_told_what_runs(
    imported: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    result = load(typed="n\n", monkeypatch=monkeypatch)
    assert result.exit_code == 1
    for kind, names in RUNS.items():
        assert f"{kind} ({len(names)}): {', '.join(names)}" in result.output
    assert (imported.data / "state.journal").read_bytes() == WRITTEN
    assert load(typed="y\n", monkeypatch=monkeypatch).exit_code == 0
    assert (imported.data / "state.journal").read_bytes() != WRITTEN


def test_no_name_hides_what_else_a_snapshot_brings(
    imported: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = ["a\nThere is nothing else." + "\n" * 100, "b" * 100_000, "c"]
    monkeypatch.setattr(snapshots, "runs", lambda *_: {"functions": names, "rules": ["hourly"]})
    said = load(typed="n\n", monkeypatch=monkeypatch).output
    assert "There is nothing else.\\n" in said
    assert len(said.splitlines()) == 4
    assert len(said) < 1000
    assert "rules (1): hourly" in said


def test_what_was_imported_is_loaded_with_yes_or_inert(imported: Home) -> None:
    assert load("--yes").exit_code == 0
    assert INERT not in read_file(imported.data / "state.journal")[0]
    assert load("--inert").exit_code == 0
    assert INERT in read_file(imported.data / "state.journal")[0]
    theirs = imported.snapshots / "theirs" / "state.journal"
    assert INERT not in read_file(theirs)[0], "the snapshot is as it was"


def test_no_api_answers_under_names_that_an_inert_snapshot_brings(imported: Home) -> None:
    theirs = imported.snapshots / "theirs" / "apis.json"
    kept = {"apis": [], "domainNames": {"rebound.example": {}}, "mappings": {"rebound.example": {}}}
    theirs.write_text(json.dumps(kept))
    assert load("--inert").exit_code == 0
    none: dict[str, Any] = {"apis": [], "domainNames": {}, "mappings": {}}
    assert json.loads((imported.data / "apis.json").read_bytes()) == none
    assert json.loads(theirs.read_bytes()) == kept


def test_nobody_is_asked_about_what_was_made_here(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    snapshots.save(mode_of(home), "theirs")
    monkeypatch.setenv("LOCAL_CLOUD_HOME", str(home.path))
    assert load().exit_code == 0


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
        archive(JOURNAL, JOURNAL),
        archive(JOURNAL, (f"objects/{CONTENT}", b"other", tarfile.REGTYPE)),
        archive(JOURNAL, ("apis.json", b"{", tarfile.REGTYPE)),
        archive(JOURNAL, ("objects", b"", tarfile.DIRTYPE)),
        archive(JOURNAL, (f"objects/{CONTENT}", b"", tarfile.GNUTYPE_SPARSE)),
        archive(("x", b"9" * (2 << 20), tarfile.XHDTYPE), JOURNAL),
        archive(("x", b"a" * (2 << 20), tarfile.GNUTYPE_LONGNAME), JOURNAL),
        archive(("state.journal", HEADER, b"Z")),
        gzip.compress(archive(WHOLE_JOURNAL)),
        archive(WHOLE_JOURNAL)[:60] + b"\0" * 40 + archive(WHOLE_JOURNAL)[100:],
        archive(("state.journal", b"", tarfile.REGTYPE)),
        archive(("state.journal", PICKLED, tarfile.REGTYPE)),
    ],
    ids=[
        *("empty", "text", "cut off", "no journal", "another file", "absolute", "outside"),
        *("link", "hard link", "pipe", "twice", "another content", "no JSON", "folder", "sparse"),
        *("long head", "long name", "no kind", "packed twice", "damaged", "no header", "pickles"),
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
