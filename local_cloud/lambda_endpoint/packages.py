"""Installs ``requirements.txt`` files apart from each other, cached by content."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import hashlib
import os
import platform
import shutil
import signal
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from uv import find_uv_bin

from local_cloud.lambda_endpoint.confinement import Confinement
from local_cloud.lambda_endpoint.zygote import ForkedProcess

#: A file of this name says that a zip is source, whose packages are still to be installed.
SOURCE_MARK = ".local-cloud-source"
# The language runtime that Lambda itself provides: the runtime client and boto3.
RUNTIME_REQUIREMENTS = Path(__file__).with_name("runtime-requirements.txt")

#: A list of requirements with hashes has some hundred kilobytes.
_MOST_BYTES = 4 << 20
_NO_ROOM = (os.strerror(errno.ENOSPC), os.strerror(errno.EFBIG), "SIGXFSZ")
_NO_ROOM_HINT = "Make room on the disk; the next call tries again."
_NETWORK_HINT = "Check the network, or the proxy variables (HTTPS_PROXY, SSL_CERT_FILE)."


#: ``any``, or ``prebuilt``: what is installed may not run code of its own meanwhile.
VARIABLE = "FUNCTION_PACKAGES"
_ANY, _PREBUILT = "any", "prebuilt"
#: The rules under which installers of this process run: what they install runs code, too.
CONFINEMENT: Confinement | None = None


class InstallError(RuntimeError):
    """The packages of a requirements file cannot be installed; the message says why."""


def only_prebuilt() -> bool:
    """Return whether packages are taken that need not be built, and whose scripts are not run.

    Raises:
        InstallError: ``FUNCTION_PACKAGES`` holds something else than ``any`` or ``prebuilt``.
    """
    said = os.environ.get(VARIABLE) or _ANY
    if said not in (_ANY, _PREBUILT):
        raise InstallError(f"{VARIABLE}={said!r} is not {_ANY} or {_PREBUILT}")
    return said == _PREBUILT


async def install(requirements: Path, cache: Path, python: str = sys.executable) -> Path | None:
    """Return a folder with the packages that ``requirements`` names, installing them once.

    Args:
        python: the interpreter that will load them.

    Returns ``None`` where there is no file or it names nothing.

    Raises:
        InstallError: the installer failed; carries its last words.
    """
    if not requirements.exists():
        return None
    if not requirements.is_file() or requirements.stat().st_size > _MOST_BYTES:
        raise InstallError(f"{requirements} is no file of at most {_MOST_BYTES >> 20} MB")
    try:
        text = requirements.read_text("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InstallError(f"{requirements} is not in UTF-8 ({error}): save it so") from error
    if not any(line.strip() and not line.strip().startswith("#") for line in text.splitlines()):
        return None
    version = sys.implementation.cache_tag if python == sys.executable else python
    key = f"{text}\n{version} {platform.system()} {platform.machine()}"
    if only_prebuilt():
        key += f" {_PREBUILT}"  # nothing that was built before
    target = cache / hashlib.sha256(key.encode()).hexdigest()[:20]
    if target.is_dir():
        return target
    with made_once(target) as draft:
        await _run_installer(requirements, draft, python)
    return target


@contextlib.contextmanager
def made_once(target: Path) -> Iterator[Path]:
    """Give a folder to fill, which is there as ``target`` when all went well, and whole."""
    target.parent.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(prefix="installing-", dir=target.parent))
    try:
        yield draft
        try:
            os.rename(draft, target)
        except OSError:  # another process was first; its copy is as good
            if not target.is_dir():
                raise
    finally:
        shutil.rmtree(draft, ignore_errors=True)


async def _run_installer(requirements: Path, target: Path, python: str) -> None:
    command = [find_uv_bin(), "pip", "install", "--quiet", "--system-certs", "--no-config"]
    command += ["--python", python, "--target", str(target), "--compile-bytecode"]
    command += ["--requirements", str(requirements)]
    command += ["--only-binary", ":all:"] if only_prebuilt() else []
    if (said := await failure_of(command)) is not None:
        hint = _NO_ROOM_HINT if any(word in said for word in _NO_ROOM) else _NETWORK_HINT
        raise InstallError(f"cannot install {requirements}: {said}\n{hint}")


async def failure_of(command: Sequence[str], folder: Path | None = None) -> str | None:
    """Run an installer; return what it said when it failed, ``None`` when it did not."""
    with tempfile.TemporaryFile() as output:
        process: ForkedProcess | asyncio.subprocess.Process
        if CONFINEMENT is not None:
            process = await CONFINEMENT.start(command, folder, None, output.fileno())
        else:
            process = await asyncio.create_subprocess_exec(
                *command,
                cwd=folder,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=output,
                stderr=asyncio.subprocess.STDOUT,
            )
        try:
            code = await process.wait()
        except asyncio.CancelledError:  # nobody waits for it
            process.kill()
            raise
        output.seek(0)
        said = output.read()
    if not code:
        return None
    words = said.decode(errors="replace").strip()
    return words or (f"signal {signal.Signals(-code).name}" if code < 0 else f"exit status {code}")


if __name__ == "__main__":  # ahead of the first function: python -m … FOLDER
    asyncio.run(install(RUNTIME_REQUIREMENTS, Path(sys.argv[1])))
