"""Reads and follows the parts' log files."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TextIO

from local_cloud.installation import Home

POLL_SECONDS = 0.2


def known_logs(home: Home) -> dict[str, Path]:
    """Return the log files there are, by part."""
    return {path.stem: path for path in sorted(home.logs.glob("*.log"))}


def last_lines(file: Path, count: int) -> list[str]:
    """Return a file's last lines, the oldest first."""
    with file.open(errors="replace") as lines:
        return [line.rstrip("\n") for line in deque(lines, maxlen=max(count, 0))]


def follow_files(files: Mapping[str, Path]) -> Iterator[tuple[str, str]]:
    """Yield name and line as lines are appended, without end."""
    opened: dict[str, TextIO] = {}
    for name, path in files.items():
        opened[name] = path.open(errors="replace")
        opened[name].seek(0, 2)
    while True:
        idle = True
        for name, file in opened.items():
            while line := file.readline():
                idle = False
                yield name, line.rstrip("\n")
        if idle:
            time.sleep(POLL_SECONDS)
