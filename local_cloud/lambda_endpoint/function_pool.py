"""The execution environments of one function: scale out, reuse, replace, reap."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from pathlib import Path

from local_cloud.lambda_endpoint.execution_environment import (
    ExecutionEnvironment,
    Invocation,
    Outcome,
)
from local_cloud.lambda_endpoint.functions import Function, fingerprint
from local_cloud.lambda_endpoint.packages import InstallError, install
from local_cloud.log_events import LogShipper

IDLE_SECONDS = 300.0
# Until the first start has been timed.
ASSUMED_START_SECONDS = 0.3


class TooManyRequests(RuntimeError):
    """The function's concurrency limit is reached."""


class FunctionPool:
    """Runs one function's invocations on as many workers as they need.

    Args:
        function: what to run; may be replaced when the template changes.
        shared_packages: folders of the language runtime.
        cache: where installed packages are kept.
        max_concurrency: invocations in flight; one more is refused.
    """

    def __init__(
        self,
        function: Function,
        runtime: Path,
        cache: Path,
        logs: LogShipper,
        max_concurrency: int,
        clock: Callable[[], float],
    ) -> None:
        self.function = function
        self.runtime = runtime
        self.cache = cache
        self.logs = logs
        reserved = function.reserved_concurrency
        self.max_concurrency = max_concurrency if reserved is None else reserved
        self.clock = clock
        self.in_flight = 0
        self.environments: set[ExecutionEnvironment] = set()
        self.idle: list[ExecutionEnvironment] = []
        self.waiters: deque[asyncio.Future[ExecutionEnvironment | Outcome]] = deque()
        self.starting = 0
        self.start_seconds = ASSUMED_START_SECONDS
        self.sources_mark = fingerprint(function.sources)
        self.tasks: set[asyncio.Task[Outcome] | asyncio.Task[None]] = set()

    async def packages(self) -> list[Path]:
        """Install what the function and its layers require; return its ``PYTHONPATH``."""
        own = await install(self.function.code / "requirements.txt", self.cache)
        paths = [own] if own else []
        for layer in self.function.layers:
            # A layer built by SAM has its code under python/, as Lambda wants it.
            packaged = layer / "python"
            installed = await install(layer / "requirements.txt", self.cache)
            paths += [packaged if packaged.is_dir() else layer, *([installed] if installed else [])]
        return [*paths, self.runtime]

    async def invoke(self, invocation: Invocation) -> Outcome:
        """Run an invocation on an idle worker, or on the first that is free or started.

        Raises:
            TooManyRequests: the concurrency limit is reached.
        """
        if self.in_flight >= self.max_concurrency:
            raise TooManyRequests
        # A caller that goes away does not stop a function, on AWS neither.
        run = asyncio.get_running_loop().create_task(self._run(invocation))
        self.tasks.add(run)
        run.add_done_callback(self.tasks.discard)
        return await asyncio.shield(run)

    async def _run(self, invocation: Invocation) -> Outcome:
        self.in_flight += 1
        try:
            self._drop_outdated()
            environment = self._take_idle() or await self._wait_for_one()
            # One that was handed over may have died before its turn came.
            while isinstance(environment, ExecutionEnvironment) and not environment.alive:
                self._retire(environment)
                environment = await self._wait_for_one()
            if isinstance(environment, Outcome):
                return environment
            try:
                return await environment.invoke(invocation)
            finally:
                self._give_back(environment)
        finally:
            self.in_flight -= 1

    def warm_up(self) -> asyncio.Task[None] | None:
        """Start a worker ahead of the first invocation, where there is none."""
        return None if self.environments or self.starting else self._start_one()

    def _take_idle(self) -> ExecutionEnvironment | None:
        while self.idle:
            environment = self.idle.pop()  # the latest used, so that the others can be reaped
            if environment.alive:
                return environment
            self._forget(environment)
        return None

    async def _wait_for_one(self) -> ExecutionEnvironment | Outcome:
        loop = asyncio.get_running_loop()
        waiter: asyncio.Future[ExecutionEnvironment | Outcome] = loop.create_future()
        self.waiters.append(waiter)
        if not self.environments and not self.starting:
            self._start_one()
        # A burst of short invocations shares the workers there are: one that has waited as long
        # as a start takes would have done better with a worker of its own.
        timer = loop.call_later(self.start_seconds, self._scale_out, waiter)
        try:
            return await waiter
        finally:
            timer.cancel()
            if waiter in self.waiters:
                self.waiters.remove(waiter)

    def _scale_out(self, waiter: asyncio.Future[ExecutionEnvironment | Outcome]) -> None:
        if not waiter.done() and self.starting < len(self.waiters):
            self._start_one()

    def _start_one(self) -> asyncio.Task[None]:
        self.starting += 1
        task = asyncio.get_running_loop().create_task(self._start())
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)
        return task

    async def _start(self) -> None:
        try:
            packages = await self.packages()
            environment = ExecutionEnvironment(self.function, packages, self.logs.open)
            await environment.start()
        except (InstallError, OSError) as error:
            self.starting -= 1
            self._hand_out(error)  # the one who waits is told
            return
        self.environments.add(environment)
        failure = await environment.wait_ready()
        self.starting -= 1
        if failure is not None:
            self._forget(environment)
            await environment.close()
            self._hand_out(failure)
        else:
            self.start_seconds = environment.init_seconds
            self._offer(environment)

    def _hand_out(self, result: ExecutionEnvironment | Outcome | Exception) -> bool:
        while self.waiters:
            waiter = self.waiters.popleft()
            if waiter.done():
                continue
            if isinstance(result, Exception):
                waiter.set_exception(result)
            else:
                waiter.set_result(result)
            return True
        return False

    def _offer(self, environment: ExecutionEnvironment) -> None:
        environment.idle_since = self.clock()
        if not self._hand_out(environment):
            self.idle.append(environment)

    def _give_back(self, environment: ExecutionEnvironment) -> None:
        if environment.alive and environment in self.environments:
            self._offer(environment)
            return
        self._retire(environment)
        if self.waiters and self.starting < len(self.waiters):
            self._start_one()

    def _drop_outdated(self) -> None:
        """Retire the workers that were started from code that has changed since."""
        mark = fingerprint(self.function.sources)
        if mark != self.sources_mark:
            self.sources_mark = mark
            self.retire_all()

    def retire_all(self) -> None:
        """Replace every worker: idle ones now, busy ones when they have answered."""
        for environment in self.idle:
            self._retire(environment)
        self.idle.clear()
        for environment in list(self.environments):
            self._forget(environment)

    def _retire(self, environment: ExecutionEnvironment) -> None:
        self._forget(environment)
        environment.stop()

    def _forget(self, environment: ExecutionEnvironment) -> None:
        self.environments.discard(environment)
        self.logs.close(environment.log)

    def reap(self, keep: int) -> None:
        """Stop the workers that have been idle for :data:`IDLE_SECONDS`, but for ``keep``."""
        now = self.clock()
        old = [e for e in self.idle if now - e.idle_since > IDLE_SECONDS]
        for environment in old[: max(0, len(self.environments) - keep)]:
            self.idle.remove(environment)
            self._retire(environment)

    def stop(self) -> None:
        for task in self.tasks:
            task.cancel()
        for environment in list(self.environments):
            environment.stop()
