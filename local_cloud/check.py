"""Style, types and shell scripts, each checked by the tool that is best at it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

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
class Check:
    """A command that ends with 0 when all is well."""

    name: str
    command: list[str]
    folder: Path = PROJECT


def checks() -> Iterator[Check]:
    """Yield the checks. Functions share module names, so that each is typed on its own."""
    ruff = [sys.executable, "-m", "ruff"]
    yield Check("ruff check", [*ruff, "check", "--quiet"])
    yield Check("ruff format", [*ruff, "format", "--check", "--quiet"])
    mypy = [sys.executable, "-m", "mypy", "--config-file", str(PROJECT / "pyproject.toml")]
    yield Check("mypy", [*mypy, *PACKAGES, str(LAYER / "agent_common")])
    functions = [*TEMPLATE.parent.glob("*/index.py"), *EXAMPLES.glob("*/*/index.py")]
    for folder in sorted(index.parent for index in functions):
        cache = PROJECT / ".mypy_cache" / folder.name
        yield Check(f"mypy {folder.name}", [*mypy, "--cache-dir", str(cache), "."], folder)
    templates = [str(path) for path in (TEMPLATE, *sorted(EXAMPLES.glob("*/template.yaml")))]
    yield Check("cfn-lint", [str(Path(sys.executable).with_name("cfn-lint")), *templates])
    scripts = [
        PROJECT / "local-cloud",
        *sorted((PROJECT / ".ci").iterdir()),
        *sorted(SCRIPTS.glob("*.sh")),
    ]
    shellcheck = str(Path(sys.executable).with_name("shellcheck"))
    yield Check("shellcheck", [shellcheck, "-x", *map(str, scripts)])


def run_checks(say: Callable[[str], object]) -> list[str]:
    """Run every check, say how each went, and return the names of those that failed."""
    failed = []
    for check in checks():
        result = subprocess.run(
            check.command, cwd=check.folder, capture_output=True, text=True, check=False
        )
        if result.returncode:
            failed.append(check.name)
        mark = "[red]✗[/red]" if result.returncode else "[green]✓[/green]"
        say(f"{mark} {check.name}")
        if result.returncode:
            print(result.stdout + result.stderr)
    return failed
