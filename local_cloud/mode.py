"""What a way of running the cloud has to know; the supervisor knows the rest."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from local_cloud.installation import Home, Options, Ports
from local_cloud.parts import Part


@dataclass(frozen=True)
class Progress:
    """Something that a user wants to see: a part is under way, ready, has died."""

    part: str
    text: str
    seconds: float | None = None
    bad: bool = False
    under_way: bool = False


Report = Callable[[Progress], None]


class Mode(Protocol):
    """One way to run the four parts: as child processes, or as containers and SAM."""

    name: str
    home: Home
    ports: Ports
    #: Of the process that runs it.
    umask: int

    @property
    def options(self) -> Options:
        """What a user asked for."""

    def parts(self) -> list[Part]:
        """Return the parts: ``engine``, ``lambda``, ``gateway`` and ``console``."""

    @property
    def keeps_state(self) -> bool:
        """Whether an engine finds what the one before it held."""

    async def go_on(self) -> None:
        """Have the executions go on that ran when the last engine ended.

        Raises:
            PartFailed: says why they do not.
        """

    async def empty(self) -> None:
        """Remove what the services held, or put in its place what is to come.

        Nothing runs meanwhile.

        Raises:
            PartFailed: says why it is still there.
        """

    async def copy_state(self, target: Path) -> None:
        """Copy what the services hold into an empty folder, whether they run or not.

        Raises:
            PartFailed: says why it cannot be reached.
        """

    async def prepare_engine(self) -> None:
        """Make what an engine needs that is started again while the rest runs."""

    async def prepare(self, report: Report) -> None:
        """Make what the parts need to start, once for each time that all of them start.

        Raises:
            PartFailed: says what to do.
        """

    def provisioning(self) -> tuple[list[str], dict[str, str]]:
        """Return the command that creates the resources, and its environment."""

    async def clean_up(self) -> None:
        """Remove what the stopped parts leave behind."""

    def memory_mb(self, pids: dict[str, int]) -> dict[str, float]:
        """Return the memory that each part takes."""
