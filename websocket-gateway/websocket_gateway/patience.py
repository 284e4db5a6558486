"""A time-out that stands still while a debugger is attached to what is waited for."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from types import TracebackType

#: How long before its end a time-out is looked at, in seconds; a quarter of it at most.
AHEAD = 0.25


class PatientTimeout:
    """Bounds what is done inside, as :func:`asyncio.timeout` does.

    Args:
        seconds: how long it may take.
        is_debugged: asked shortly before the time is up; if so, the time begins anew.

    Raises:
        TimeoutError: the time is up.
    """

    def __init__(self, seconds: float, is_debugged: Callable[[], Awaitable[bool]]) -> None:
        self.seconds = seconds
        self.is_debugged = is_debugged
        self._limit = asyncio.timeout(seconds)
        self._look: asyncio.Task[None] | None = None

    async def __aenter__(self) -> None:
        await self._limit.__aenter__()
        self._plan()

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._timer.cancel()
        if self._look is not None:
            self._look.cancel()
        await self._limit.__aexit__(kind, error, trace)

    def _plan(self) -> None:
        when = self.seconds - min(AHEAD, self.seconds / 4)
        self._timer = asyncio.get_running_loop().call_later(when, self._begin_to_look)

    def _begin_to_look(self) -> None:
        self._look = asyncio.get_running_loop().create_task(self._prolong())

    async def _prolong(self) -> None:
        if await self.is_debugged() and not self._limit.expired():
            self._limit.reschedule(asyncio.get_running_loop().time() + self.seconds)
            self._plan()
