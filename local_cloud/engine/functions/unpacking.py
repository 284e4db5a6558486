"""Unpacks the code of functions and layers: into its own folder, and nowhere else.

LocalStack has ``unzip`` do that, and where it fails unpacks what is missing, through the links that
are there by then; the folder is named by what a function's record says, and modes are given to what
links lead to. Records and packages may be a colleague's, in a snapshot.
https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
"""

from __future__ import annotations

import contextlib
import os
import shutil
import stat
import tempfile
import zipfile
import zlib
from pathlib import Path
from typing import IO, Any

from localstack import config
from localstack.services.lambda_.invocation import lambda_models
from localstack.services.lambda_.invocation.lambda_models import S3Code

#: As Lambda has it: everybody may read and run what is unpacked.
MODE = 0o755
_COPY_BYTES = 1 << 20
#: How long the path may be that a link leads to, as on Linux.
_LINK_BYTES = 4096
#: What :mod:`zipfile` says of an archive that is damaged, encrypted or packed in another way, and
#: what the system says of a name that is a file's or a link's and a folder's, too.
_NO_ARCHIVE = (
    *(zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, EOFError, ValueError),
    *(FileExistsError, IsADirectoryError, NotADirectoryError, PermissionError),
)


class NotUnpacked(Exception):
    """A package cannot be unpacked; the message says why."""


def unpack(package: str, folder: str, *_: object) -> None:
    """Unpack a zip archive into an empty folder.

    Links are made when all files are there, so that none is written through one.

    Raises:
        NotUnpacked: it is none, names a place outside, or is larger than Lambda allows.
    """
    target, left = Path(folder), config.LAMBDA_LIMITS_CODE_SIZE_UNZIPPED
    links: list[tuple[Path, str]] = []
    try:
        with zipfile.ZipFile(package) as archive:
            for entry in archive.infolist():
                path = target / _inside(entry.filename)
                if entry.is_dir():
                    path.mkdir(MODE, parents=True, exist_ok=True)
                    continue
                path.parent.mkdir(MODE, parents=True, exist_ok=True)
                with archive.open(entry) as source:
                    if stat.S_ISLNK(entry.external_attr >> 16):
                        links.append((path, os.fsdecode(source.read(_LINK_BYTES))))
                        continue
                    with path.open("wb") as written:
                        left -= _copy(source, written, left)
            for path, leads_to in links:
                path.unlink(missing_ok=True)  # of two entries of a name the last counts
                path.symlink_to(leads_to)
    except _NO_ARCHIVE as error:
        raise NotUnpacked(f"it is no zip archive that can be unpacked: {error}") from error


def _inside(name: str) -> str:
    """Return the path of an entry below the folder.

    Raises:
        NotUnpacked: it is outside.
    """
    parts = name.replace("\\", "/").split("/")
    if name.startswith("/") or ".." in parts:
        raise NotUnpacked(f"it names a place outside of its folder, {name[:100]!r}")
    return name


def _copy(source: IO[bytes], target: IO[bytes], most: int) -> int:
    count = 0
    while data := source.read(_COPY_BYTES):
        count += len(data)
        if count > most:
            raise NotUnpacked(
                f"it unpacks to more than {config.LAMBDA_LIMITS_CODE_SIZE_UNZIPPED} bytes"
            )
        target.write(data)
    return count


def give_modes(folder: str, mode: int) -> None:
    """Give a folder and all in it a mode, and nothing that a link leads to."""
    os.chmod(folder, mode)
    for path, folders, files in os.walk(folder):
        for name in (*folders, *files):
            one = os.path.join(path, name)
            if not os.path.islink(one):
                os.chmod(one, mode)


def folder_of(code: S3Code) -> Path:
    """Return where a package is unpacked.

    Raises:
        NotUnpacked: its record names another place than one of its own.
    """
    for name in (code.s3_bucket, code.id):
        if not isinstance(name, str) or name in ("", ".", "..") or {"/", "\0"} & set(name):
            raise NotUnpacked(f"{str(name)[:100]!r} names no folder for a function's code")
    return Path(tempfile.gettempdir(), "lambda", code.s3_bucket, code.id, "code")


def _forget(code: S3Code) -> None:
    """Remove what a package was unpacked to."""
    with contextlib.suppress(NotUnpacked):  # it never was
        shutil.rmtree(folder_of(code).parent, ignore_errors=True)


def unpack_within_bounds() -> None:
    """Have LocalStack unpack packages by this."""
    names: Any = lambda_models
    names.unzip, names.chmod_r = unpack, give_modes
    S3Code.get_unzipped_code_location = folder_of
    S3Code.destroy_cached = _forget
