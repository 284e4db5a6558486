"""Asks what is known to be vulnerable of all that is installed: pip-audit, npm audit.

https://pypi.org/project/pip-audit/
https://docs.npmjs.com/cli/commands/npm-audit
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from local_cloud.installation import PROJECT

# In an environment of its own, which the kit's locked packages know nothing of.
PIP_AUDIT = "pip-audit==2.10.1"
WEB = PROJECT / "local_cloud" / "console" / "web"
SECONDS = 180

#: Findings that are accepted, by id, each with why. SECURITY.md explains them at length.
ACCEPTED: dict[str, str] = {}


@dataclass(frozen=True)
class Audit:
    """What an audit found: ``vulnerable`` are lines, ``unasked`` says why there is no answer."""

    name: str
    vulnerable: list[str] = field(default_factory=list)
    unasked: str = ""


def audits() -> Iterator[Audit]:
    """Yield what is known of the Python packages, and of those that the console is built with."""
    yield audit_python()
    yield audit_npm()


def audit_python() -> Audit:
    """Ask PyPI about the locked packages."""
    name = "pip-audit"
    uv = [sys.executable, "-m", "uv"]
    with tempfile.TemporaryDirectory() as folder:
        listed = Path(folder) / "requirements.txt"
        export = [*uv, "export", "--frozen", "--quiet", "--no-emit-project", "--no-hashes"]
        _run([*export, "--no-dev", "--output-file", str(listed)])
        said = _run(
            [
                *(
                    *uv,
                    "tool",
                    "run",
                    "--quiet",
                    "--system-certs",
                    "--from",
                    PIP_AUDIT,
                    "pip-audit",
                ),
                *("--requirement", str(listed), "--no-deps", "--disable-pip"),
                *("--progress-spinner", "off", "--format", "json"),
            ]
        )
    report = _json(said)
    if report is None:
        return Audit(name, unasked=said.strip()[-200:] or "it said nothing")
    return read_pip_audit(name, report)


def read_pip_audit(name: str, report: Any) -> Audit:
    """Read pip-audit's report."""
    packages = report["dependencies"]
    if all("skip_reason" in package for package in packages):
        return Audit(name, unasked="the advisory database knows none of the packages")
    return Audit(
        name,
        [
            f"{package['name']} {package['version']}: {one['id']} ({', '.join(one['aliases'])})"
            for package in packages
            for one in package.get("vulns", [])
            if not ACCEPTED.keys() & {one["id"], *one["aliases"]}
        ],
    )


def audit_npm() -> Audit:
    """Ask npm's registry about the packages that the console is built with."""
    name = "npm audit"
    npm = shutil.which("npm")
    if npm is None:
        return Audit(name, unasked="npm is not installed")
    said = _run([npm, "audit", "--package-lock-only", "--json"], WEB)
    report = _json(said)
    if report is None or "vulnerabilities" not in report:
        return Audit(name, unasked=str((report or {}).get("message", said[-200:])))
    return read_npm_audit(name, report)


def read_npm_audit(name: str, report: Any) -> Audit:
    """Read npm's report."""
    found = []
    for package, finding in report["vulnerabilities"].items():
        for advisory in finding["via"]:
            if isinstance(advisory, dict):
                identifier = str(advisory["url"]).rpartition("/")[2]
                if identifier not in ACCEPTED:
                    found.append(f"{package}: {identifier} {advisory['title']}")
    return Audit(name, found)


def _run(command: list[str], folder: Path = PROJECT) -> str:
    try:
        done = subprocess.run(
            command, cwd=folder, capture_output=True, text=True, check=False, timeout=SECONDS
        )
    except subprocess.TimeoutExpired:
        return f"no answer within {SECONDS} s"
    return done.stdout or done.stderr


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return None
