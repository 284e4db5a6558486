"""The invocations that wait for a worker, in the order in which they came.

A busy worker is sent some of them ahead, so that it need not sleep until it is told of the next.
Until it has read one, that waits as the others do, and is taken from there by who is free earlier.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

from local_cloud.lambda_endpoint.execution_environment import (
    ExecutionEnvironment,
    Invocation,
    Outcome,
)

#: Invocations that a worker is sent ahead.
MOST_AHEAD = 4


@dataclass(eq=False, slots=True)
class Call:
    """An invocation on its way, who waits for it, and where it runs."""

    invocation: Invocation
    answer: asyncio.Future[Outcome]
    environment: ExecutionEnvironment | None = None
    #: Whether it is one of the account's executions that are reserved for no function.
    counted: bool = False
    #: By which it has waited as long as the start of a worker takes.
    due: float = 0.0
    #: The worker that it was sent to ahead.
    ahead_at: ExecutionEnvironment | None = None


class Waiting:
    """A function's calls that no worker has begun."""

    def __init__(self) -> None:
        self._calls: deque[Call] = deque()
        #: Of these, what each worker was sent ahead.
        self._ahead: dict[ExecutionEnvironment, deque[Call]] = {}

    def __len__(self) -> int:
        return len(self._calls)

    def __iter__(self) -> Iterator[Call]:
        return iter(self._calls)

    def append(self, call: Call) -> None:
        """Have a call wait behind the others."""
        self._calls.append(call)

    def is_ahead_at(self, environment: ExecutionEnvironment) -> bool:
        """Return whether a worker has something that it was sent ahead."""
        return bool(self._ahead.get(environment))

    def next_for(self, environment: ExecutionEnvironment) -> Call | None:
        """Take out what a free worker runs: what it was sent, else what has waited longest."""
        if ahead := self._ahead.get(environment):
            return self._out(ahead.popleft())
        if self._calls and self._calls[0].ahead_at is None:
            return self._calls.popleft()
        return self._out(next(self._free(), None))

    def _out(self, call: Call | None) -> Call | None:
        if call is not None:
            self._calls.remove(call)
        return call

    def _free(self) -> Iterator[Call]:
        """Give what can be had, the first first; of others' calls what they have not read."""
        asked = set()
        for call in tuple(self._calls):
            if call.ahead_at is None:
                yield call
            elif call.ahead_at not in asked:
                asked.add(call.ahead_at)
                if (taken := self._take_back(call.ahead_at)) is not None:
                    yield taken

    def send_ahead(self, environment: ExecutionEnvironment) -> None:
        """Send a worker that has begun one what it may run after that."""
        if not self._calls:
            return
        ahead = self._ahead.setdefault(environment, deque())
        for call in self._calls:
            if len(ahead) == MOST_AHEAD:
                return
            if call.ahead_at is None:
                if not environment.send_ahead(call.invocation):
                    return
                call.ahead_at = environment
                ahead.append(call)

    def take_back(self, environment: ExecutionEnvironment) -> None:
        """Have what a worker was sent ahead, and has not read, wait for others."""
        while self.is_ahead_at(environment) and self._take_back(environment) is not None:
            pass

    def _take_back(self, environment: ExecutionEnvironment) -> Call | None:
        ahead = self._ahead[environment]
        while (request_id := environment.take_back()) is not None:
            for call in ahead:
                if call.invocation.request_id == request_id:
                    ahead.remove(call)
                    call.ahead_at = None
                    return call
        return None

    def leave(self, environment: ExecutionEnvironment) -> list[Call]:
        """Expect nothing of a worker any more; take out what it had begun without a word."""
        self.take_back(environment)
        begun = list(self._ahead.pop(environment, ()))
        for call in begun:
            self._calls.remove(call)
        return begun

    def give_up(self) -> Call | None:
        """Take out the one that has waited longest without a worker."""
        return self._out(next((call for call in self._calls if call.ahead_at is None), None))

    def clear(self) -> None:
        """Forget them all."""
        self._calls.clear()
        self._ahead.clear()
