"""The language runtimes: which run here, with what, and why one does not.

https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtimes.html
"""

from __future__ import annotations

import functools
import re
import shutil
import subprocess
import sys

PYTHON, NODE, PROVIDED = "python", "nodejs", "provided"

#: The interpreter that the kit itself runs on, without its packages.
OWN_PYTHON: str = getattr(sys, "_base_executable", sys.executable)


def kind_of(runtime: str) -> str:
    """Return the family of a runtime, such as ``nodejs`` of ``nodejs22.x``."""
    return next((kind for kind in (PYTHON, NODE, PROVIDED) if runtime.startswith(kind)), "")


def why_not(runtime: str) -> str | None:
    """Return why functions of a runtime do not run here, and what to do; ``None`` if they do."""
    kind = kind_of(runtime)
    if not kind:
        return (
            f"the runtime {runtime} needs its container image; run it with "
            "sam local start-lambda (./local-cloud up --docker)"
        )
    if kind == NODE and node() is None:
        return (
            f"the runtime {runtime} needs Node.js: install it (apt install nodejs, or nodejs.org)"
        )
    return None


def python_of(runtime: str) -> str:
    """Return the interpreter of this version, the kit's own where the machine has none."""
    version = runtime.removeprefix(PYTHON)
    if version == f"{sys.version_info.major}.{sys.version_info.minor}":
        return OWN_PYTHON
    found = shutil.which(f"python{version}") if re.fullmatch(r"3\.\d+", version) else None
    return found if found and _answers(found, version) else OWN_PYTHON


@functools.cache
def _answers(python: str, version: str) -> bool:
    """Return whether an interpreter runs: a version manager has names without one behind them."""
    try:
        said = subprocess.run([python, "--version"], capture_output=True, text=True, timeout=10)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return said.returncode == 0 and said.stdout.startswith(f"Python {version}.")


def node() -> str | None:
    """Return where Node.js is."""
    return shutil.which("node")


@functools.cache
def node_version() -> int:
    """Return the major version of Node.js, 0 where there is none."""
    found = node()
    if found is None:
        return 0
    said = subprocess.run([found, "--version"], capture_output=True, text=True, check=False)
    match = re.match(r"v(\d+)\.", said.stdout)
    return int(match[1]) if match else 0


def instead_of(runtime: str) -> str | None:
    """Return in words what runs a function in place of what it names, if it is not the same."""
    match kind_of(runtime):
        case "python":
            python = python_of(runtime)
            own = f"{sys.version_info.major}.{sys.version_info.minor}"
            if python == OWN_PYTHON and runtime != f"python{own}":
                return f"{runtime} is not on this machine: Python {own} runs in its place"
        case "nodejs":
            wanted = re.match(r"nodejs(\d+)", runtime)
            if wanted and int(wanted[1]) != node_version():
                return (
                    f"{runtime} is not on this machine: Node.js {node_version()} runs in its place"
                )
    return None
