"""Style, types, shell scripts and known vulnerabilities, each by the tool that is best at it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from rich.markup import escape

from local_cloud.audit import audits
from local_cloud.installation import PROJECT, SCRIPTS, TEMPLATE

PACKAGES = (
    "local_aws",
    "local_cloud",
    "websocket-gateway/websocket_gateway",
    "tests",
    "benchmarks",
)
EXAMPLES = PROJECT / "examples"
LAYER = TEMPLATE.parent / "agent_common"


@dataclass(frozen=True)
class Linter:
    """A command that ends with 0 when all is well."""

    name: str
    command: list[str]
    folder: Path = PROJECT


def linters() -> Iterator[Linter]:
    """Yield the commands. Functions share module names, so that each is typed on its own."""
    ruff = [sys.executable, "-m", "ruff"]
    yield Linter("ruff check", [*ruff, "check", "--quiet"])
    yield Linter("ruff format", [*ruff, "format", "--check", "--quiet"])
    mypy = [sys.executable, "-m", "mypy", "--config-file", str(PROJECT / "pyproject.toml")]
    yield Linter("mypy", [*mypy, *PACKAGES, str(LAYER / "agent_common")])
    functions = [*TEMPLATE.parent.glob("*/index.py"), *EXAMPLES.glob("*/*/index.py")]
    for folder in sorted(index.parent for index in functions):
        cache = PROJECT / ".mypy_cache" / folder.name
        yield Linter(f"mypy {folder.name}", [*mypy, "--cache-dir", str(cache), "."], folder)
    templates = [str(path) for path in (TEMPLATE, *sorted(EXAMPLES.glob("*/template.yaml")))]
    yield Linter("cfn-lint", [str(Path(sys.executable).with_name("cfn-lint")), *templates])
    scripts = [
        PROJECT / "local-cloud",
        *sorted((PROJECT / ".ci").iterdir()),
        *sorted(SCRIPTS.glob("*.sh")),
    ]
    shellcheck = str(Path(sys.executable).with_name("shellcheck"))
    yield Linter("shellcheck", [shellcheck, "-x", *map(str, scripts)])


def run_checks(say: Callable[[str], object]) -> list[str]:
    """Run every check, say how each went, and return the names of those that failed."""
    failed = []
    for linter in linters():
        result = subprocess.run(
            linter.command, cwd=linter.folder, capture_output=True, text=True, check=False
        )
        if result.returncode:
            failed.append(linter.name)
        mark = "[red]✗[/red]" if result.returncode else "[green]✓[/green]"
        say(f"{mark} {linter.name}")
        if result.returncode:
            print(result.stdout + result.stderr)
    for audit in audits():
        if audit.unasked:
            say(f"[yellow]-[/yellow] {audit.name}: not asked here ({escape(audit.unasked)})")
            continue
        mark = "[red]✗[/red]" if audit.vulnerable else "[green]✓[/green]"
        say(f"{mark} {audit.name}")
        for line in audit.vulnerable:
            print(line)
        if audit.vulnerable:
            failed.append(audit.name)
    return failed
