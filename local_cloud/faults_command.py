"""``local-cloud faults``: what goes wrong on purpose, at the gateway and at the AWS APIs."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any

import typer
import yaml

from local_aws import yaml_documents
from local_aws.faults import parted
from local_aws.printable import printable_line
from local_cloud.failing import fail, running_or_fail
from local_cloud.fault_rules import FaultRules, FaultsAway
from local_cloud.installation import Home
from local_cloud.terminal import terminal

app = typer.Typer(help=__doc__, no_args_is_help=True)
console = terminal(soft_wrap=True)

EXAMPLE = "on=call service=dynamodb action=fail error=ThrottlingException probability=0.2"


@app.command()
def add(
    words: Annotated[
        list[str] | None, typer.Argument(metavar="NAME=VALUE …", help=f"A rule, such as {EXAMPLE}")
    ] = None,
    file: Annotated[
        Path | None, typer.Option("--file", "-f", help="Rules in YAML or JSON: docs/faults.md")
    ] = None,
    seed: Annotated[int, typer.Option(help="The same faults for the same seed")] = 0,
) -> None:
    """Have faults strike from now on, beside those that do."""
    if (words is None) == (file is None):
        fail(f"name a rule, or a --file: ./local-cloud faults add {EXAMPLE}", 2)
    try:
        document: dict[str, Any] = (
            _read(file) if file is not None else {"seed": seed, "rules": [_rule(words or [])]}
        )
        parted(document)  # what is wrong is said whether the cloud runs or not
        _rules().add_all(document)
    except (ValueError, OSError, yaml.YAMLError) as error:
        fail(f"{file or 'the rule'}: {error}", 2)
    except FaultsAway as error:
        fail(str(error))
    added = len(document["rules"])
    told = "1 rule was added" if added == 1 else f"{added} rules were added"
    console.print(f"Faults strike on purpose: {told}.")


@app.command(name="list")
def list_rules(as_json: Annotated[bool, typer.Option("--json")] = False) -> None:
    """List the rules that there are, with how often each has struck."""
    try:
        rules = _rules().listed()
    except FaultsAway as error:
        fail(str(error))
    if as_json:
        print(json.dumps({"rules": rules}))
        return
    if not rules:
        console.print(f"No faults. Add one: ./local-cloud faults add {EXAMPLE}", markup=False)
    for rule in rules:
        struck = rule.pop("struck")
        told = " ".join(f"{name}={value}" for name, value in rule.items())
        console.print(f"{struck:>6} struck  {printable_line(told)}", markup=False)


@app.command()
def clear() -> None:
    """Have no fault strike any more."""
    try:
        _rules().clear()
    except FaultsAway as error:
        fail(str(error))
    console.print("No faults any more.")


def _rule(words: Iterable[str]) -> dict[str, str]:
    rule = {}
    for word in words:
        name, equals, value = word.partition("=")
        if not equals:
            raise ValueError(f"{word!r} is not NAME=VALUE")
        rule[name] = value
    return rule


def _read(file: Path) -> Any:
    # As plain words: YAML would read the key "on" as true.
    return yaml_documents.load(file.read_text(), yaml.BaseLoader)


def _rules() -> FaultRules:
    ports = running_or_fail(Home.from_environment()).ports
    return FaultRules(ports.engine_url, ports.gateway_url)
