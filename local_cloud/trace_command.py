"""``local-cloud trace``: what messages have caused, in the terminal."""

from __future__ import annotations

import json
import time
from datetime import datetime
from typing import Annotated, Any

import typer
from rich.text import Text

from local_aws.printable import printable_line
from local_cloud.failing import fail
from local_cloud.installation import Home, State
from local_cloud.terminal import terminal
from local_cloud.trace_source import TraceConsole, TraceFiles, TracesAway, TraceSource
from local_cloud.trace_store import TraceStore

#: Wide enough to see the order of things, in characters.
BAR_WIDTH = 24
POLL_SECONDS = 0.25
#: Of the latest, among which one is looked for by its name.
MOST = 500
console = terminal(soft_wrap=True, emoji=False)


def trace(
    name: Annotated[
        str, typer.Argument(help="A trace, by its name or the end of it; else they are listed")
    ] = "",
    last: Annotated[int, typer.Option("--last", "-n", min=1, help="How many of the latest")] = 10,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on as they come")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, one line each")] = False,
) -> None:
    """Show what messages, invocations and executions have caused: the latest, or one as a tree."""
    source = _source()
    try:
        if name:
            _show_tree(_named(source, name), as_json=as_json)
            return
        for one in reversed(source.latest(last)):
            _show_line(one, as_json=as_json)
        if follow:
            _follow(source, as_json=as_json)
    except TracesAway as error:
        fail(str(error))
    except KeyboardInterrupt:
        raise typer.Exit(0) from None


def _source() -> TraceSource:
    home = Home.from_environment()
    state = State.read(home)
    if state is not None and state.mode == "docker":
        return TraceConsole(state.ports.console_url)
    if not home.traces.is_dir():
        fail(f"There are no traces in {home.traces}: ./local-cloud up -d writes them")
    return TraceFiles(TraceStore(home.traces))


def _named(source: TraceSource, name: str) -> dict[str, Any]:
    found = {one["trace"] for one in source.latest(MOST) if one["trace"].endswith(name)}
    if len(found) > 1:
        fail(f"There are {len(found)} whose names end so: ./local-cloud trace lists them")
    whole = source.whole(found.pop() if found else name)
    if whole is None:
        fail("There is none of that name: ./local-cloud trace lists them")
    return whole


def _follow(source: TraceSource, *, as_json: bool) -> None:
    shown = {one["trace"] for one in source.latest(MOST)}
    while True:
        for one in reversed(source.latest(MOST)):
            # One is told of when what began it has ended, and not by its first call.
            if one["trace"] not in shown and one["whole"]:
                shown.add(one["trace"])
                _show_line(one, as_json=as_json)
        time.sleep(POLL_SECONDS)  # a file that grows tells nobody


def _show_line(summary: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        print(json.dumps(summary), flush=True)
        return
    at = datetime.fromtimestamp(summary["start"]).astimezone().strftime("%H:%M:%S.%f")[:-3]
    line = Text(f"{at}  {summary['trace'][-8:]}  {summary['seconds'] * 1000:>9.1f} ms  ")
    line.append(printable_line(f"{summary['kind']} {summary['name']}"), "bold")
    line.append(f"  {summary['spans']} spans", "dim")
    if summary["errors"]:
        line.append(f"  {summary['errors']} failed", "red")
    console.print(line)


def _show_tree(one: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        for span in one["tree"]:
            print(json.dumps(span))
        return
    began, seconds = one["start"], max(one["seconds"], 1e-6)
    for span in one["tree"]:
        console.print(_row(span, span["depth"], began, seconds))
    cost = one["costs"]
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
    row.append("  " * depth + printable_line(f"{span['kind']} {span['name']}"))
    for detail in ("resource", "key"):
        if span.get(detail):
            row.append(printable_line(f" {span[detail]}"), "dim")
    if "error" in span:
        row.append(printable_line(f"  {str(span['error'])[:120]}"), "red")
    return row
