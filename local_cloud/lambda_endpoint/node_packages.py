"""Installs what a Node.js function imports, apart from the function and cached by content."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
from pathlib import Path
from typing import Any

from local_cloud.lambda_endpoint.packages import InstallError, failure_of, made_once, only_prebuilt
from local_cloud.lambda_endpoint.runtimes import node_version

# Lambda's runtime brings the AWS SDK; it is installed where the code names it.
_SDK = re.compile(r"""["'](@(?:aws-sdk|smithy|aws-crypto)/[a-z0-9-]+)["'/]""")
_SOURCES = (".js", ".mjs", ".cjs", ".ts")


async def install_node_packages(code: Path, cache: Path) -> Path | None:
    """Return a ``node_modules`` with what ``package.json`` and the code ask for.

    ``None`` where nothing is missing: the function brings its packages, or needs none.

    Raises:
        InstallError: npm is not there, or failed; carries its last words.
    """
    wanted = _wanted(code)
    if not wanted:
        return None
    key = json.dumps([sorted(wanted.items()), node_version(), *_without_scripts()])
    target = cache / f"node-{hashlib.sha256(key.encode()).hexdigest()[:20]}"
    if not target.is_dir():
        await _install(wanted, target)
    return target / "node_modules"


async def install_tool(name: str, version: str, cache: Path) -> Path:
    """Return a program of an npm package, installing it once.

    Raises:
        InstallError: npm is not there, or failed; carries its last words.
    """
    target = cache / f"node-tool-{name}-{version}"
    if not target.is_dir():
        await _install({name: version}, target)
    return target / "node_modules" / ".bin" / name


def _wanted(code: Path) -> dict[str, str]:
    brought = code / "node_modules"
    wanted: dict[str, str] = {}
    package = code / "package.json"
    if package.is_file() and not brought.is_dir():
        try:
            described: Any = json.loads(package.read_text())
        except ValueError as error:
            raise InstallError(f"{package} is no JSON: {error}") from error
        if not isinstance(described, dict):
            raise InstallError(f"{package} is no JSON object")
        wanted |= {str(k): str(v) for k, v in (described.get("dependencies") or {}).items()}
    for name in _sdk_packages(code):
        if not (brought / name).is_dir():
            wanted.setdefault(name, "3" if name.startswith("@aws-sdk/") else "*")
    return wanted


def _sdk_packages(code: Path) -> set[str]:
    found: set[str] = set()
    for folder, folders, files in os.walk(code):
        folders[:] = [name for name in folders if name != "node_modules"]
        for name in files:
            path = Path(folder) / name
            if name.endswith(_SOURCES) and path.is_file():  # no pipe and no device
                text = path.read_text(errors="replace")
                found |= set(_SDK.findall(text))
    return found


def _without_scripts() -> list[str]:
    """Return npm's option where what is installed may not run code of its own."""
    return ["--ignore-scripts"] if only_prebuilt() else []


async def _install(wanted: dict[str, str], target: Path) -> None:
    npm = shutil.which("npm")
    if npm is None:
        names = ", ".join(sorted(wanted))
        raise InstallError(f"npm is not there to install {names}. Install it (apt install npm)")
    with made_once(target) as draft:
        (draft / "package.json").write_text(json.dumps({"private": True, "dependencies": wanted}))
        command = [npm, "install", "--omit=dev", "--no-audit", "--no-fund", "--loglevel=error"]
        command += _without_scripts()
        if (said := await failure_of(command, draft)) is not None:
            raise InstallError(f"npm cannot install {', '.join(sorted(wanted))}: {said}")
