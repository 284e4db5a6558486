"""``local-cloud snapshot``: copies of what the services hold."""

from __future__ import annotations

import asyncio
import json
import re
import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from local_aws.printable import printable_line
from local_cloud import daemon, snapshots
from local_cloud.installation import Home, Options, Ports
from local_cloud.make_mode import make_mode
from local_cloud.mode import Mode
from local_cloud.parts import PartFailed
from local_cloud.snapshot_diff import Difference, differences
from local_cloud.snapshots import SnapshotFailed
from local_cloud.terminal import terminal

app = typer.Typer(help=__doc__, no_args_is_help=True)
console = terminal()
errors = terminal(stderr=True)

Name = Annotated[str, typer.Argument(help="The snapshot's name")]
InDocker = Annotated[bool, typer.Option("--docker", help="Where none runs: the cloud in Docker")]


def _or_fail[T](work: Callable[[], T]) -> T:
    try:
        return work()
    except (SnapshotFailed, PartFailed, OSError) as error:
        errors.print(f"local-cloud: {error}", soft_wrap=True, markup=False)
        raise typer.Exit(1) from error


@app.command()
def save(name: Name, docker: InDocker = False) -> None:
    """Keep a copy of what the services hold, in place of one of the same name."""
    home = Home.from_environment()
    made = _or_fail(lambda: snapshots.save(_mode(home, docker), name))
    console.print(f"Saved {made.name} ({_size(made.size)}).", markup=False)


@app.command()
def load(
    name: Name,
    docker: InDocker = False,
    yes: Annotated[
        bool, typer.Option("--yes", "-y", help="Do not ask before loading what was imported")
    ] = False,
    inert: Annotated[
        bool, typer.Option("--inert", help="Load it, and have nothing of it run by itself")
    ] = False,
) -> None:
    """Have the services hold what a snapshot does, in place of what they do; or the next start."""
    home = Home.from_environment()
    if not (yes or inert) and _or_fail(lambda: snapshots.is_imported(home, name)):
        _or_fail(lambda: _ask(home, name))

    def put() -> str:
        state = snapshots.running(home)
        snapshots.load(home, name, inert=inert)
        if state is None:
            asyncio.run(_mode(home, docker).empty())
            return "; it is there at the next start"
        with console.status(f"Loading {escape(name)}"):
            daemon.begin_anew(home, state)
        return ""

    console.print(f"Loaded {name}{_or_fail(put)}.", markup=False)


#: How many names of a kind are shown before somebody is asked.
_SHOWN = 10
#: How much of a name is.
_NAME_LENGTH = 140


def _ask(home: Home, name: str) -> None:
    """Ask whether what was imported is to be loaded, and say what it runs.

    Raises:
        SnapshotFailed: nobody can be asked.
        typer.Exit: the answer was no.
    """
    found = snapshots.runs(home, name)
    kinds = ", ".join(f"{kind} ({len(names)})" for kind, names in found.items())
    if not sys.stdin.isatty():
        raise SnapshotFailed(
            f"{name} was imported and brings {kinds or 'nothing that runs'}: "
            "--yes loads it, --inert loads it and has nothing of it run by itself"
        )
    console.print(f"{name} was imported. What it brings runs with your rights:", markup=False)
    for kind, names in found.items():
        more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
        said = ", ".join(_short(name) for name in names[:_SHOWN])
        console.print(f"  {kind} ({len(names)}): {said}{more}", markup=False, soft_wrap=True)
    if not found:
        console.print("  nothing that runs")
    if not typer.confirm("Load it? (--inert has nothing of it run by itself)"):
        raise typer.Exit(1)


def _short(name: str) -> str:
    """Return a name as a part of a line, so that none hides what else is there."""
    line = printable_line(name)
    return line if len(line) <= _NAME_LENGTH else f"{line[:_NAME_LENGTH]}…"


def _mode(home: Home, docker: bool) -> Mode:
    """Return the mode of the cloud that runs, else the one that is asked for."""
    state = snapshots.running(home)
    if state is not None:
        return make_mode(state.mode, state.ports, home, state.options)
    return make_mode("docker" if docker else "embedded", Ports.from_environment(), home, Options())


@app.command("list")
def list_snapshots(
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON")] = False,
) -> None:
    """Show the snapshots."""
    found = _or_fail(lambda: snapshots.snapshots(Home.from_environment()))
    if as_json:
        told = [{"name": s.name, "made": s.made.isoformat(), "bytes": s.size} for s in found]
        print(json.dumps(told))
        return
    if not found:
        console.print("There are none: ./local-cloud snapshot save NAME")
        return
    table = Table(box=None)
    for title in ("name", "made", "size"):
        table.add_column(title)
    for one in found:
        table.add_row(escape(one.name), one.made.astimezone().strftime("%F %T"), _size(one.size))
    console.print(table)


@app.command()
def diff(
    name: Name,
    other: Annotated[
        str | None, typer.Argument(help="Another one; what the services hold now")
    ] = None,
    docker: InDocker = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON lines")] = False,
) -> None:
    """Show what is different in another snapshot, or now. Secrets are not shown."""
    home = Home.from_environment()

    def compared() -> list[Difference]:
        before = snapshots.held(home, name)
        if other is not None:
            return list(differences(before, snapshots.held(home, other)))
        return list(differences(before, snapshots.held_now(_mode(home, docker))))

    for one in _or_fail(compared):
        if as_json:
            print(json.dumps(asdict(one)))
            continue
        sign = "+" if one.before is None else "-" if one.after is None else "~"
        values = " → ".join(value for value in (one.before, one.after) if value is not None)
        console.print(
            printable_line(f"{sign} {one.service} {' / '.join(filter(None, one.path))}: {values}"),
            style={"+": "green", "-": "red", "~": "yellow"}[sign],
            soft_wrap=True,
            markup=False,
        )


@app.command()
def delete(name: Name) -> None:
    """Remove a snapshot."""
    _or_fail(lambda: snapshots.delete(Home.from_environment(), name))
    console.print(f"Deleted {name}.", markup=False)


@app.command("export")
def export_snapshot(
    name: Name, file: Annotated[Path, typer.Argument(help="The file to write")]
) -> None:
    """Write a snapshot into one file. It holds all that the services do, secrets, too."""
    _or_fail(lambda: snapshots.export(Home.from_environment(), name, file))
    size = _size(file.stat().st_size)
    console.print(f"Exported {name} to {file} ({size}).", soft_wrap=True, markup=False)


@app.command("import")
def import_snapshot(
    file: Annotated[Path, typer.Argument(help="A file that was exported", exists=True)],
    name: Name,
    up_to: Annotated[
        str | None, typer.Option("--up-to", help="What it may unpack to, such as 4G")
    ] = None,
) -> None:
    """Keep what an exported file holds, under a name."""
    most = None if up_to is None else _or_fail(lambda: _bytes(up_to))
    made = _or_fail(lambda: snapshots.take(Home.from_environment(), file, name, most))
    console.print(f"Imported {made.name} ({_size(made.size)}).", markup=False)


def _bytes(said: str) -> int:
    found = re.fullmatch(r"([0-9]{1,9})([KMGT]?)B?", said.upper())
    if found is None:
        raise SnapshotFailed(f"{said!r} is no size: say it like 500M or 4G")
    return int(found[1]) << 10 * " KMGT".index(found[2] or " ")


def _size(count: int) -> str:
    return f"{count / 2**20:.1f} MB" if count >= 2**20 else f"{count / 2**10:.0f} KB"
