"""The most memory that a worker was seen to hold, as ``REPORT`` lines tell it.

https://docs.aws.amazon.com/lambda/latest/dg/python-logging.html
"""

from __future__ import annotations

import contextlib
import math
import os

import psutil

LOOK_SECONDS = 0.001
_PAGE = os.sysconf("SC_PAGE_SIZE")


class ResidentMemory:
    """Reads a process's resident set, after each invocation: so on Linux from a file kept open.

    Args:
        pid: of the process, which may have ended.
    """

    def __init__(self, pid: int) -> None:
        self._most = 0
        self._looked_at = -math.inf
        self._file = -1
        self._process: psutil.Process | None = None
        with contextlib.suppress(OSError):
            self._file = os.open(f"/proc/{pid}/statm", os.O_RDONLY)
            return
        with contextlib.suppress(psutil.Error):
            self._process = psutil.Process(pid)

    def most_megabytes(self, now: float = math.inf) -> int:
        """Return the most that it held whenever it was looked at.

        Args:
            now: in seconds. It is not looked at again within a millisecond, in which it can hardly
                have taken a megabyte more.
        """
        if now - self._looked_at < LOOK_SECONDS:
            return self._most >> 20
        self._looked_at = now
        with contextlib.suppress(OSError, psutil.Error):  # it has ended
            if self._file >= 0:
                self._most = max(self._most, int(os.pread(self._file, 256, 0).split()[1]) * _PAGE)
            elif self._process is not None:
                self._most = max(self._most, self._process.memory_info().rss)
        return self._most >> 20

    def close(self) -> None:
        """Let go of the process."""
        if self._file >= 0:
            os.close(self._file)
        self._file, self._process = -1, None
