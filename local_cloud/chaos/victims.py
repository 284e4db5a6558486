"""How the parts of a cloud are killed and stopped: here, as processes of this machine."""

from __future__ import annotations

import signal
from collections.abc import Callable
from typing import Protocol

import psutil

from local_cloud.installation import Home, State
from local_cloud.processes import family, send

#: What dies; ``workers`` are those of the functions.
PARTS = ("engine", "lambda", "gateway", "console", "workers")
KILL, STOP = "SIGKILL", "SIGSTOP"


class Victims(Protocol):
    """The parts of a cloud that runs."""

    def kill(self, part: str) -> None:
        """Kill a part."""

    def stop(self, part: str) -> Callable[[], None]:
        """Stop a part where it is; return what has it go on."""

    def left(self) -> list[str]:
        """Return what is there of them when all have ended, in words; remove it."""


class Processes:
    """The parts of an embedded cloud: processes, with their children."""

    def __init__(self, home: Home) -> None:
        self.home = home

    def kill(self, part: str) -> None:
        """Kill a part's processes."""
        send(self._processes(part), signal.SIGKILL)

    def stop(self, part: str) -> Callable[[], None]:
        """Stop a part's processes; return what has them go on."""
        processes = self._processes(part)
        send(processes, signal.SIGSTOP)
        return lambda: send(processes, signal.SIGCONT)

    def left(self) -> list[str]:
        """Return nothing: every process that there was is looked for."""
        return []

    def _processes(self, part: str) -> list[psutil.Process]:
        state = State.read(self.home)
        assert state is not None, "the supervisor is gone"
        if part == "workers":
            return family(state.parts["lambda"])[1:]
        return family(state.parts[part])
