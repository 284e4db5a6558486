"""``local-cloud trace``: what messages have caused, in the terminal."""

from __future__ import annotations

import json
import time
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.text import Text

from local_cloud.costs import costs
from local_cloud.failing import fail
from local_cloud.installation import Home
from local_cloud.trace_store import Trace, TraceStore

#: Wide enough to see the order of things, in characters.
BAR_WIDTH = 24
POLL_SECONDS = 0.25
console = Console(highlight=False, soft_wrap=True, emoji=False)


def trace(
    name: Annotated[
        str, typer.Argument(help="A trace, by its name or the end of it; else they are listed")
    ] = "",
    last: Annotated[int, typer.Option("--last", "-n", min=1, help="How many of the latest")] = 10,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on as they come")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, one line each")] = False,
) -> None:
    """Show what messages, invocations and executions have caused: the latest, or one as a tree."""
    folder = Home.from_environment().traces
    if not folder.is_dir():
        fail(f"There are no traces in {folder}: start the cloud (./local-cloud up -d) and use it")
    store = TraceStore(folder)
    if name:
        _show_tree(_named(store, name), as_json=as_json)
        return
    for one in reversed(store.latest(last)):
        _show_line(one, as_json=as_json)
    if follow:
        try:
            _follow(store, folder, as_json=as_json)
        except KeyboardInterrupt:
            raise typer.Exit(0) from None


def _named(store: TraceStore, name: str) -> Trace:
    found = [one for key, one in store.refresh().items() if key.endswith(name)]
    if len(found) != 1:
        known = "none of that name" if not found else f"{len(found)} whose names end so"
        fail(f"There is {known}: ./local-cloud trace lists them")
    return found[0]


def _follow(store: TraceStore, folder: Path, *, as_json: bool) -> None:
    told = set(store.refresh())
    while True:
        for name, one in list(store.refresh().items()):
            # One is told of when what began it has ended, and not by its first call.
            if name not in told and one.summary()["whole"]:
                told.add(name)
                _show_line(one, as_json=as_json)
        time.sleep(POLL_SECONDS)  # a file that grows tells nobody


def _show_line(one: Trace, *, as_json: bool) -> None:
    summary = one.summary()
    if as_json:
        print(json.dumps(summary), flush=True)
        return
    at = datetime.fromtimestamp(summary["start"]).astimezone().strftime("%H:%M:%S.%f")[:-3]
    line = Text(f"{at}  {one.name[-8:]}  {summary['seconds'] * 1000:>9.1f} ms  ")
    line.append(f"{summary['kind']} {summary['name']}", "bold")
    line.append(f"  {summary['spans']} spans", "dim")
    if summary["errors"]:
        line.append(f"  {summary['errors']} failed", "red")
    console.print(line)


def _show_tree(one: Trace, *, as_json: bool) -> None:
    if as_json:
        for span in one.spans.values():
            print(json.dumps(span))
        return
    summary = one.summary()
    began, seconds = summary["start"], max(summary["seconds"], 1e-6)
    tree = list(one.tree())
    for depth, span in tree:
        console.print(_row(span, depth, began, seconds))
    cost = costs(span for _, span in tree)
    most = ", ".join(f"{item['amount']:g} {item['what']}" for item in cost["items"])
    console.print(
        f"On AWS: {cost['usd'] * 1e6:,.2f} USD for a million of these "
        f"({cost['region']}, {cost['asOf']}: {most or 'nothing'})",
        style="dim",
    )


def _row(span: dict[str, Any], depth: int, began: float, seconds: float) -> Text:
    start, end = float(span["start"]), float(span["end"])
    first = int((start - began) / seconds * BAR_WIDTH)
    length = max(1, round((end - start) / seconds * BAR_WIDTH))
    bar = " " * min(first, BAR_WIDTH - 1) + "█" * length
    row = Text(f"{(start - began) * 1000:>9.1f} {(end - start) * 1000:>9.1f} ms ")
    row.append(f"{bar[:BAR_WIDTH]:<{BAR_WIDTH}} ", "red" if "error" in span else "cyan")
    row.append("  " * depth + f"{span['kind']} {span['name']}")
    for detail in ("resource", "key"):
        if span.get(detail):
            row.append(f" {span[detail]}", "dim")
    if "error" in span:
        row.append(f"  {str(span['error'])[:120]}", "red")
    return row
