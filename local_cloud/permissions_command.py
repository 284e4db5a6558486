"""``local-cloud permissions``: what functions were allowed, used and lacked."""

from __future__ import annotations

import json
from typing import Annotated, Any

import httpx
import typer
import yaml
from rich.console import Console

from local_cloud.failing import fail, running_or_fail
from local_cloud.installation import Home
from local_cloud.permission_report import Report, reports
from local_cloud.trace_store import TraceStore

console = Console(highlight=False, soft_wrap=True, emoji=False)  # :secret: is part of an ARN


def permissions(
    function: Annotated[str, typer.Argument(help="One function only, with its least policy")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object")] = False,
) -> None:
    """Show which permissions functions used, lacked and had for nothing, by their traces."""
    home = Home.from_environment()
    state = running_or_fail(home)
    if not home.traces.is_dir():
        fail("No traces are written: start the cloud without --no-traces, and use it")
    try:
        answer = httpx.get(f"{state.ports.engine_url}/_permissions", timeout=10, trust_env=False)
        told: Any = answer.raise_for_status().json()
    except (httpx.HTTPError, ValueError) as error:
        fail(f"the engine does not tell: {error}")
    found = reports(told["roles"], TraceStore(home.traces).refresh().values())
    if function and function not in found:
        fail(f"There is no function {function} (there are: {', '.join(found) or 'none'})", 2)
    shown = [found[function]] if function else list(found.values())
    if as_json:
        print(json.dumps({"mode": told["mode"], "functions": [one.as_json() for one in shown]}))
        return
    console.print(f"Calls that are not allowed: {told['mode']}")
    for one in shown:
        _show(one, whole=bool(function))


def _show(report: Report, *, whole: bool) -> None:
    console.print(f"\n[bold]{report.function}[/bold]  [dim]{report.role}[/dim]")
    if report.why_not is not None:
        console.print(f"  its policies are not known: {report.why_not}", markup=False)
    for (action, resource), count in sorted(report.missing.items()):
        console.print(f"  [red]missing[/red]  {action}  {resource}  [dim]{count}x[/dim]")
    for policy, action, resource in report.unused():
        console.print(f"  [yellow]unused[/yellow]   {action}  {resource}  [dim]{policy}[/dim]")
    if not whole:
        console.print(f"  used     {len(report.used)} permissions")
        return
    for (action, resource), count in sorted(report.used.items()):
        console.print(f"  [green]used[/green]     {action}  {resource}  [dim]{count}x[/dim]")
    if statements := report.least():
        console.print("\nThe least that allows what was asked for so far:\n")
        policies = {"Policies": [{"Version": "2012-10-17", "Statement": statements}]}
        print(yaml.safe_dump(policies, sort_keys=False, width=1000), end="")
