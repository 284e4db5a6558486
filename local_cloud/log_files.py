"""Reads and follows the parts' log files, and keeps them short."""

from __future__ import annotations

import itertools
import os
import shutil
import time
from collections import deque
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import BinaryIO

from local_aws.printable import printable
from local_cloud.installation import Home

POLL_SECONDS = 0.2
#: A file that is longer is put aside, in place of the one before.
MOST_BYTES = 20 << 20
#: In bytes; what is longer is read as several lines.
LONGEST_LINE = 64 << 10
#: Of a last line, what is told.
MOST_WORDS = 300


def rotate(home: Home) -> None:
    """Put logs aside that have become long; who writes them goes on in the same file.

    Raises:
        OSError: one cannot be put aside; it stays as it is.
    """
    for path in known_logs(home).values():
        if path.stat().st_size <= MOST_BYTES:
            continue
        draft = path.with_suffix(".new")
        try:
            draft.unlink(missing_ok=True)
            draft.touch(0o600)
            shutil.copyfile(path, draft)
            draft.replace(_before(path))
        finally:
            draft.unlink(missing_ok=True)
        os.truncate(path, 0)  # it is written at its end, wherever that is


def _before(path: Path) -> Path:
    return path.with_suffix(".log.1")


def known_logs(home: Home) -> dict[str, Path]:
    """Return the log files there are, by part."""
    return {path.stem: path for path in sorted(home.logs.glob("*.log"))}


def last_lines(file: Path, count: int) -> list[str]:
    """Return a file's last lines, the oldest first."""
    both = [path for path in (_before(file), file) if path.exists()]
    lines = itertools.chain.from_iterable(map(_lines, both))
    return list(deque(lines, maxlen=max(count, 0)))


def _lines(file: Path) -> Iterator[str]:
    with file.open("rb") as opened:
        while line := opened.readline(LONGEST_LINE):
            yield _text(line)


def _text(line: bytes) -> str:
    return line.removesuffix(b"\n").decode(errors="replace")


def last_words(file: Path) -> str:
    """Return the end of a log's last line that says something; nothing where there is none."""
    try:
        with file.open("rb") as opened:
            opened.seek(-min(LONGEST_LINE, os.fstat(opened.fileno()).st_size), os.SEEK_END)
            lines = _text(opened.read(LONGEST_LINE)).strip().splitlines()
    except OSError:
        return ""
    return printable(lines[-1].strip()[:MOST_WORDS]) if lines else ""


def follow_files(files: Mapping[str, Path]) -> Iterator[tuple[str, str]]:
    """Yield name and line as lines are appended, without end."""
    opened: dict[str, BinaryIO] = {}
    for name, path in files.items():
        opened[name] = path.open("rb")
        opened[name].seek(0, 2)
    while True:
        idle = True
        for name, file in opened.items():
            at = os.lseek(file.fileno(), 0, os.SEEK_CUR)
            if os.fstat(file.fileno()).st_size < at:  # put aside
                file.seek(0)
            while line := file.readline(LONGEST_LINE):
                idle = False
                yield name, _text(line)
        if idle:
            time.sleep(POLL_SECONDS)
