"""Copies of what the services hold: kept by a name, given to somebody else, put back."""

from __future__ import annotations

import asyncio
import contextlib
import datetime
import json
import os
import re
import shutil
import tarfile
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from local_aws.http1 import ConnectionFailed
from local_cloud.engine.state.journal import AnotherFormat, Journal, read_file
from local_cloud.engine.state.records import ALL, INERT, check_versions
from local_cloud.engine.state.runs import what_runs
from local_cloud.engine.state.shown import Tree, check, shown_in
from local_cloud.installation import Home, State
from local_cloud.mode import Mode
from local_cloud.parts import ask
from local_cloud.snapshot_archive import NoSnapshot, unpack
from local_cloud.state_files import APIS, JOURNAL, copy_state

#: A file in a snapshot that was not made on this installation.
IMPORTED = "imported.json"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


class SnapshotFailed(Exception):
    """It could not be done; the message says why, and what to do."""


@dataclass(frozen=True)
class Snapshot:
    """One that is kept."""

    name: str
    made: datetime.datetime
    size: int


def check_name(name: str) -> str:
    """Return a snapshot's name.

    Raises:
        SnapshotFailed: it cannot be one.
    """
    if not _NAME.fullmatch(name):
        raise SnapshotFailed(
            f"{name!r} is no name of a snapshot: take letters, digits, dots, dashes, underscores"
        )
    return name


def snapshots(home: Home) -> list[Snapshot]:
    """Return those that are kept, by name."""
    return [_described(path) for path in sorted(home.snapshots.glob("*")) if _is_whole(path)]


def _is_whole(path: Path) -> bool:
    return (path / JOURNAL).is_file() and _NAME.fullmatch(path.name) is not None


def _described(path: Path) -> Snapshot:
    made = datetime.datetime.fromtimestamp((path / JOURNAL).stat().st_mtime, datetime.UTC)
    return Snapshot(path.name, made, sum(file.stat().st_size for file in _files(path)))


def _files(path: Path) -> Iterator[Path]:
    return (file for file in path.rglob("*") if file.is_file())


def running(home: Home) -> State | None:
    """Return the cloud that runs, if one does.

    Raises:
        SnapshotFailed: it keeps nothing that could be saved or replaced.
    """
    state = State.read(home)
    if state is not None and not state.options.keeps_state:
        raise SnapshotFailed("this cloud keeps no state: start it with ./local-cloud up")
    return state


def save(mode: Mode, name: str) -> Snapshot:
    """Keep a copy of what the services hold, in place of one of the same name.

    Raises:
        SnapshotFailed: there is nothing to copy, or the engine does not answer.
        PartFailed: what they hold cannot be reached.
    """
    check_name(name)
    with _copied(mode) as draft:
        _put(draft, mode.home.snapshots / name)
    return _described(mode.home.snapshots / name)


@contextlib.contextmanager
def _copied(mode: Mode) -> Iterator[Path]:
    """Copy what the services hold now into a folder."""
    if (state := running(mode.home)) is not None:
        asyncio.run(_write_all(state))
    with _draft(mode.home) as draft:
        asyncio.run(mode.copy_state(draft))
        if not (draft / JOURNAL).exists():
            raise SnapshotFailed("there is nothing to keep: ./local-cloud up makes it")
        yield draft


def held(home: Home, name: str) -> dict[str, Tree]:
    """Return what each service holds in a snapshot, in words.

    Raises:
        SnapshotFailed: there is none of this name, or it is of another format.
    """
    return _shown(_found(home, name))


def held_now(mode: Mode) -> dict[str, Tree]:
    """Return what each service holds now, in words.

    Raises:
        SnapshotFailed: there is nothing, or the engine does not answer.
        PartFailed: what they hold cannot be reached.
    """
    with _copied(mode) as folder:
        return _shown(folder)


def _shown(folder: Path) -> dict[str, Tree]:
    try:
        return shown_in(folder / JOURNAL)
    except AnotherFormat as error:
        raise SnapshotFailed(str(error)) from error


async def _write_all(state: State) -> None:
    try:
        answer = await ask("POST", f"{state.ports.engine_url}/_state/save")
    except ConnectionFailed as error:
        raise SnapshotFailed(f"the engine does not answer ({error}): try again") from error
    if answer.status != 200:
        words = answer.body.decode(errors="replace")
        raise SnapshotFailed(f"the engine cannot write what it holds: {words}")


class _draft(tempfile.TemporaryDirectory[str]):  # noqa: N801 - reads as a function
    """A folder beside the snapshots, to be renamed when it is whole."""

    def __init__(self, home: Home) -> None:
        home.snapshots.mkdir(parents=True, exist_ok=True)
        home.snapshots.chmod(0o700)
        super().__init__(prefix=".draft-", dir=home.snapshots, ignore_cleanup_errors=True)

    def __enter__(self) -> Path:  # type: ignore[override]
        return Path(super().__enter__())


def _put(draft: Path, target: Path) -> None:
    """Move what is whole to its place."""
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    for part in draft.iterdir():
        part.rename(target / part.name)


def _found(home: Home, name: str) -> Path:
    path = home.snapshots / check_name(name)
    if not _is_whole(path):
        known = ", ".join(one.name for one in snapshots(home)) or "none"
        raise SnapshotFailed(f"there is no snapshot {name!r}; there are: {known}")
    return path


def is_imported(home: Home, name: str) -> bool:
    """Return whether a snapshot was made on another installation.

    Raises:
        SnapshotFailed: there is none of this name.
    """
    return (_found(home, name) / IMPORTED).exists()


def runs(home: Home, name: str) -> dict[str, list[str]]:
    """Return the names of what a snapshot has in it that runs, or can be run, by kind.

    Raises:
        SnapshotFailed: there is none of this name, or it cannot be read.
    """
    path = _found(home, name)
    try:
        return what_runs(path / JOURNAL)
    except AnotherFormat as error:
        raise SnapshotFailed(f"{name} {error.why}") from error


def load(home: Home, name: str, *, inert: bool = False) -> None:
    """Have the next engine that starts empty hold what a snapshot does.

    Args:
        inert: whether nothing of it is to run by itself.

    Raises:
        SnapshotFailed: there is none of this name, or another version has written it.
    """
    path = _found(home, name)
    try:
        records, _ = read_file(path / JOURNAL)
        check_versions(path / JOURNAL, records)
        check(path / JOURNAL)
    except AnotherFormat as error:
        raise SnapshotFailed(
            f"{name} {error.why}: load it with the version that wrote it"
        ) from error
    with _draft(home) as draft:
        copy_state(path, draft)
        if inert:
            _remove_domains(draft / APIS)
            with contextlib.closing(Journal(draft / JOURNAL)) as journal:
                journal.write([(INERT, ALL)])
        _put(draft, home.next_data)


def _remove_domains(path: Path) -> None:
    """Have no API answer under names that somebody else can have lead here."""
    if path.exists():
        kept = json.loads(path.read_bytes())
        if isinstance(kept, dict):
            path.write_text(json.dumps({**kept, "domainNames": {}, "mappings": {}}))


def delete(home: Home, name: str) -> None:
    """Remove a snapshot.

    Raises:
        SnapshotFailed: there is none of this name.
    """
    shutil.rmtree(_found(home, name))


def export(home: Home, name: str, file: Path) -> None:
    """Write a snapshot into one file, to be given to somebody else.

    Raises:
        SnapshotFailed: there is none of this name.
        OSError: the file cannot be written.
    """
    path = _found(home, name)
    draft = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        with tarfile.open(draft, "w:gz", compresslevel=3) as archive:
            for part in sorted(_files(path)):
                if part.name == IMPORTED:
                    continue
                archive.add(part, str(part.relative_to(path)))
        draft.replace(file)
    finally:
        draft.unlink(missing_ok=True)


def take(home: Home, file: Path, name: str, most: int | None = None) -> Snapshot:
    """Keep what a file holds that somebody has exported.

    Args:
        most: how many bytes it may be unpacked to; by default it depends on the file's size.

    Raises:
        SnapshotFailed: it holds something else.
        OSError: it cannot be read.
    """
    check_name(name)
    with _draft(home) as draft:
        try:
            unpack(file, draft, most)
        except NoSnapshot as error:
            raise SnapshotFailed(f"{file} {error}") from error
        try:
            check(draft / JOURNAL)
        except AnotherFormat as error:
            raise SnapshotFailed(f"{file} is no snapshot: it {error.why}") from error
        (draft / IMPORTED).write_text(json.dumps({"file": file.name}))
        _put(draft, home.snapshots / name)
    return _described(home.snapshots / name)
