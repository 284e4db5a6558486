"""``local-cloud permissions``: what functions were allowed, used and lacked."""

from __future__ import annotations

import json
from typing import Annotated, Any

import typer
import yaml
from rich.markup import escape

from local_aws.printable import printable, printable_line
from local_cloud.ask import NoAnswer, ask
from local_cloud.failing import fail, running_or_fail
from local_cloud.installation import Home
from local_cloud.terminal import terminal

console = terminal(soft_wrap=True, emoji=False)  # :secret: is part of an ARN


def permissions(
    function: Annotated[str, typer.Argument(help="One function only, with its least policy")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object")] = False,
) -> None:
    """Show which permissions functions used, lacked and had for nothing, by their traces."""
    state = running_or_fail(Home.from_environment())
    try:
        told = ask(f"{state.ports.console_url}/api/permissions")
    except NoAnswer as error:
        fail(str(error))
    found = {one["function"]: one for one in told["functions"]}
    if function and function not in found:
        fail(f"There is no function {function} (there are: {', '.join(found) or 'none'})", 2)
    shown = [found[function]] if function else list(found.values())
    if as_json:
        print(json.dumps({"mode": told["mode"], "functions": shown}))
        return
    console.print(f"Calls that are not allowed: {told['mode']}")
    for one in shown:
        _show(one, whole=bool(function))


def _show(report: dict[str, Any], *, whole: bool) -> None:
    """Show a function's report; see :meth:`.Report.as_json`."""
    console.print(
        f"\n[bold]{escape(report['function'])}[/bold]  [dim]{escape(report['role'])}[/dim]"
    )
    if report["notKnown"] is not None:
        console.print(f"  its policies are not known: {report['notKnown']}", markup=False)
    for one in report["missing"]:
        _show_one("[red]missing[/red]  ", one, f"{one['count']}x")
    for one in report["unused"]:
        _show_one("[yellow]unused[/yellow]   ", one, one["policy"])
    if not whole:
        console.print(f"  used     {len(report['used'])} permissions")
        return
    for one in report["used"]:
        _show_one("[green]used[/green]     ", one, f"{one['count']}x")
    if statements := report["least"]:
        console.print("\nThe least that allows what was asked for so far:\n")
        policies = {"Policies": [{"Version": "2012-10-17", "Statement": statements}]}
        print(printable(yaml.safe_dump(policies, sort_keys=False, width=1000)), end="")


def _show_one(mark: str, permission: dict[str, Any], more: str) -> None:
    what = escape(printable_line(f"{permission['action']}  {permission['resource']}"))
    console.print(f"  {mark}{what}  [dim]{escape(printable_line(more))}[/dim]")
