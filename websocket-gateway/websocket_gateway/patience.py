"""A time-out that is put off while what is waited for has not had its time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from types import TracebackType

from local_aws.background import start_task

#: How long before its end a time-out is looked at, in seconds; a quarter of it at most.
AHEAD = 1.0


class PatientTimeout:
    """Bounds what is done inside, as :func:`asyncio.timeout` does.

    Args:
        seconds: how long it may take.
        left: asked shortly before the time is up: how many seconds there are really left, since a
            debugger is attached or since it has waited, which is none of its time.

    Raises:
        TimeoutError: the time is up.
    """

    def __init__(self, seconds: float, left: Callable[[], Awaitable[float]]) -> None:
        self.seconds = seconds
        self.left = left
        self._limit = asyncio.timeout(seconds)
        self._look: asyncio.Task[None] | None = None

    async def __aenter__(self) -> None:
        await self._limit.__aenter__()
        self._plan(self.seconds)

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

    def _plan(self, seconds: float) -> None:
        self._ahead = min(AHEAD, self.seconds / 4)
        when = max(0.0, seconds - self._ahead)
        self._timer = asyncio.get_running_loop().call_later(when, self._begin_to_look)

    def _begin_to_look(self) -> None:
        self._look = start_task(self._prolong(), "a time-out")

    async def _prolong(self) -> None:
        left = await self.left()
        # Else that is the time by which it was looked at ahead.
        if left > 1.5 * self._ahead and not self._limit.expired():
            self._limit.reschedule(asyncio.get_running_loop().time() + left)
            self._plan(left)
