"""The execution environments of one function: scale out, reuse, replace, reap."""

from __future__ import annotations

import asyncio
import logging
import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from local_aws.background import start_task
from local_cloud.lambda_endpoint.capacity import RESERVED, Capacity, TooManyRequests
from local_cloud.lambda_endpoint.debugger import REQUIREMENTS as DEBUGGER
from local_cloud.lambda_endpoint.execution_environment import (
    ExecutionEnvironment,
    Invocation,
    Outcome,
    error_outcome,
)
from local_cloud.lambda_endpoint.functions import Function
from local_cloud.lambda_endpoint.node_packages import install_node_packages
from local_cloud.lambda_endpoint.packages import RUNTIME_REQUIREMENTS, InstallError, install
from local_cloud.lambda_endpoint.runtimes import NODE, OWN_PYTHON, PYTHON, kind_of, python_of
from local_cloud.lambda_endpoint.sources import Sources
from local_cloud.lambda_endpoint.waiting import Call, Waiting

LOG = logging.getLogger(__name__)

IDLE_SECONDS = 300.0
# Until the first start has been timed; and how long a burst shares the workers there are at
# least, since one that is forked in no time may take much memory as soon as it is at work.
ASSUMED_START_SECONDS = 0.3
RETRY_SECONDS = 0.01
# A function that writes into its own folder changes its code at each start.
MAX_OUTDATED_STARTS = 3

MakeEnvironment = Callable[[Function, Sequence[Path]], ExecutionEnvironment]


class FunctionPool:
    """Runs one function's invocations on as many workers as they need.

    Args:
        function: what to run.
        runtime: the folder of the language runtime's packages.
        cache: where installed packages are kept.
        make: makes a worker that has not been started, of a function and its ``PYTHONPATH``.
        capacity: what all functions share.
        debugged: whether a debugger attaches: it does to one worker.
    """

    def __init__(
        self,
        function: Function,
        runtime: Path,
        cache: Path,
        make: MakeEnvironment,
        capacity: Capacity,
        *,
        debugged: bool = False,
    ) -> None:
        self.function = function
        self.runtime = runtime
        self.cache = cache
        self.make = make
        self.debugged = debugged
        self.capacity = capacity
        self.reserve(function.reserved_concurrency)
        #: What is in flight, and of it what waits for a worker.
        self.calls: set[Call] = set()
        self.queue = Waiting()
        self._look: asyncio.TimerHandle | None = None
        self._retry: asyncio.TimerHandle | None = None
        #: Whether the template has another function in its place: nobody else will come.
        self.retired = False
        self.environments: set[ExecutionEnvironment] = set()
        self.idle: list[ExecutionEnvironment] = []
        self.starting = 0
        self.workers = 0
        self.start_seconds = ASSUMED_START_SECONDS
        self.sources = Sources(function.sources)
        self.sources_mark = self.sources.mark()
        self.outdated_starts = 0
        self.tasks: set[asyncio.Task[None]] = set()

    def reserve(self, executions: int | None) -> None:
        """Let the function have so many concurrent executions, which no other one may have."""
        self.reserved = executions
        self.capacity.reserve(self, self.function.name, executions)

    async def packages(self) -> list[Path]:
        """Install what the function and its layers require; return where packages are found."""
        if kind_of(self.function.runtime) == NODE:
            return await self._node_packages()
        python = python_of(self.function.runtime)
        own = sys.executable if python == OWN_PYTHON else python
        runtime: Path | None = self.runtime
        if own != sys.executable and kind_of(self.function.runtime) == PYTHON:
            runtime = await install(RUNTIME_REQUIREMENTS, self.cache, own)
        paths = []
        for folder in () if self.function.packaged else (self.function.code,):
            installed = await install(folder / "requirements.txt", self.cache, own)
            paths += [installed] if installed else []
        for layer in self.function.layers:
            # A layer built by SAM has its code under python/, as Lambda wants it.
            packaged = layer / "python"
            paths.append(packaged if packaged.is_dir() else layer)
            if not self.function.packaged:
                installed = await install(layer / "requirements.txt", self.cache, own)
                paths += [installed] if installed else []
        if self.debugged:
            debugger = await install(DEBUGGER, self.cache, own)
            paths += [debugger] if debugger else []
        return [*paths, *([runtime] if runtime else [])]

    async def _node_packages(self) -> list[Path]:
        layers = [layer / "nodejs" / "node_modules" for layer in self.function.layers]
        installed = await install_node_packages(self.function.code, self.cache)
        return [*(p for p in layers if p.is_dir()), *([installed] if installed else [])]

    def submit(self, invocation: Invocation) -> asyncio.Future[Outcome]:
        """Run an invocation on an idle worker, or on the first that is free or started.

        A caller that goes away does not stop a function, on AWS neither.

        Returns:
            The outcome; or :class:`TooManyRequests` when the function has as many concurrent
            executions as are reserved for it, or the account as many as it may have;
            :class:`InstallError` or :class:`OSError` when no worker could start.
        """
        call = Call(invocation, asyncio.get_running_loop().create_future())
        try:
            self._drop_outdated()
            if self.reserved is None:
                self.capacity.begin()
                call.counted = True
            elif len(self.calls) >= self.reserved:
                raise TooManyRequests(RESERVED)
        except (TooManyRequests, OSError) as error:
            call.answer.set_exception(error)
            return call.answer
        self.calls.add(call)
        environment = self._take_idle()
        if environment is not None:
            self._begin(environment, call)
        else:
            self._wait(call)
        return call.answer

    def _begin(self, environment: ExecutionEnvironment, call: Call) -> None:
        call.environment = environment
        sent = call.ahead_at is environment
        environment.begin(call.invocation, partial(self._done, environment, call), sent=sent)
        if self.queue and environment in self.environments:
            self.queue.send_ahead(environment)

    def _done(self, environment: ExecutionEnvironment, call: Call, outcome: Outcome) -> None:
        self._answer(call, outcome)
        self._give_back(environment)

    def _answer(self, call: Call, outcome: Outcome | Exception) -> None:
        if call in self.calls:
            self.calls.remove(call)
            if call.counted:
                self.capacity.end()
        if call.answer.done():
            return
        if isinstance(outcome, Exception):
            call.answer.set_exception(outcome)
        else:
            call.answer.set_result(outcome)

    def seconds_of(self, request_id: str) -> float | None:
        """Return how long an invocation has run, 0 while it waits; ``None`` if it is not here."""
        for call in self.calls:
            if call.invocation.request_id == request_id:
                return call.invocation.seconds()
        return None

    def warm_up(self) -> asyncio.Task[None] | None:
        """Start a worker ahead of the first invocation, where there is none."""
        return None if self.environments or self.starting else self._start_one()

    def _take_idle(self) -> ExecutionEnvironment | None:
        while self.idle:
            environment = self.idle.pop()  # the latest used, so that the others can be reaped
            if environment.alive:
                return environment
            self.environments.discard(environment)
        return None

    def _wait(self, call: Call) -> None:
        self.queue.append(call)
        if not self.environments and not self.starting:
            self._start_one()
        # A burst of short invocations shares the workers there are: one that has waited as long
        # as a start takes would have done better with a worker of its own.
        loop = asyncio.get_running_loop()
        call.due = loop.time() + self.start_seconds
        if self._look is None:
            self._look = loop.call_at(call.due, self.scale_out)

    def scale_out(self) -> None:
        """Start a worker for each that has waited long enough; look again when another one has.

        Where the machine is to have no more of them, they wait for those that there are.
        """
        if self._look is not None:
            self._look.cancel()
            self._look = None
        if self.debugged and (self.environments or self.starting):
            return
        loop = asyncio.get_running_loop()
        now = loop.time()
        for call in self.queue:
            if call.due > now:
                self._look = loop.call_at(call.due, self.scale_out)
                return
            if self.starting >= len(self.queue) or not self.capacity.may_start(self):
                return
            self._start_one()

    def _start_one(self) -> asyncio.Task[None]:
        self.starting += 1
        self.capacity.worker_starts(self)
        task = start_task(self._start(), f"the start of a worker of {self.function.name}")
        self.tasks.add(task)
        task.add_done_callback(self._start_ended)
        return task

    def _start_ended(self, task: asyncio.Task[None]) -> None:
        self.tasks.discard(task)
        self.capacity.start_ended()

    async def _start(self) -> None:
        launched = None
        try:
            mark = self.sources.mark()
            environment = self.make(self.function, await self.packages())
            await environment.start()
            launched = environment
            environment.exited.add_done_callback(self._worker_ended)
            self.environments.add(environment)
            failure = await environment.wait_ready()
            outdated = self._is_outdated(mark)
        except Exception as error:  # noqa: BLE001 - whatever it is, those who wait are told
            self.starting -= 1
            if launched is None:
                self._worker_ended()
            else:
                self._retire(launched)
            self._start_failed(error)
            return
        self.starting -= 1
        if outdated:
            self._retire(environment)
            if self.queue:
                self._start_one()
        elif failure is not None:
            self.environments.discard(environment)
            await environment.close()
            self._fail(failure)
        else:
            self.start_seconds = max(environment.init_seconds, ASSUMED_START_SECONDS)
            self.environments.add(environment)  # though it may be a replaced one by now
            self._give_back(environment)

    def _worker_ended(self, _: object = None) -> None:
        self.capacity.worker_ended(self)

    def _is_outdated(self, mark: int) -> bool:
        """Return whether the code has changed since a start began, and another one is worth it."""
        if self.retired or self.sources.mark() == mark:
            self.outdated_starts = 0
            return False
        self.outdated_starts += 1
        if self.outdated_starts < MAX_OUTDATED_STARTS:
            return True
        LOG.warning("%s: its files change while it starts; it runs as it is", self.function.name)
        self.outdated_starts = 0
        return False

    def _start_failed(self, error: Exception) -> None:
        """Leave those who wait to the workers there are; where there is none, say why."""
        if not isinstance(error, InstallError | OSError):
            LOG.error("%s: a worker did not start", self.function.name, exc_info=error)
            words = f"{self.function.name} could not be started: {error!r}"
            error = InstallError(f"{words}. The log of the Lambda endpoint says where.")
        if isinstance(error, OSError):
            self.capacity.pause()
        if self.environments:
            self.scale_out()  # as soon as that is worth it
        elif isinstance(error, OSError):
            self._fail(error)
        else:
            while (call := self.queue.give_up()) is not None:  # of them all it is the same
                self._answer(call, error)

    def _fail(self, reason: Outcome | Exception) -> None:
        """Tell the one who has waited longest that no worker came; start one for the next."""
        call = self.queue.give_up()
        if call is not None:
            self._answer(call, reason)
        if self.queue and not self.environments and not self.starting:
            self._start_one()

    def _offer(self, environment: ExecutionEnvironment) -> None:
        call = self.queue.next_for(environment)
        if call is not None:
            self._begin(environment, call)
        elif self.retired:
            self._retire(environment)
        else:
            loop = asyncio.get_running_loop()
            environment.idle_since = loop.time()
            self.idle.append(environment)
            if self.queue and self._retry is None:
                # What waits lies behind what another worker has been sent and not read yet.
                self._retry = loop.call_later(RETRY_SECONDS, self._serve_again)

    def _serve_again(self) -> None:
        self._retry = None
        if self.queue and (environment := self._take_idle()) is not None:
            self._offer(environment)

    def _give_back(self, environment: ExecutionEnvironment) -> None:
        keeps = environment in self.environments or self.queue.is_ahead_at(environment)
        if environment.alive and keeps:
            self._offer(environment)
            return
        for call in self.queue.leave(environment):
            words = f"RequestId: {call.invocation.request_id} Error: the worker has ended"
            self._answer(call, error_outcome("Runtime.ExitError", words))
        self._retire(environment)
        if self.queue and not self.environments and not self.starting:
            self._start_one()
        self.scale_out()

    def _drop_outdated(self) -> None:
        """Retire the workers that were started from code that has changed since."""
        mark = self.sources.mark()
        if mark != self.sources_mark:
            self.sources_mark = mark
            self.retire_all()

    def retire_all(self) -> None:
        """Replace every worker: idle ones now, busy ones when they have answered."""
        for environment in self.idle:
            self._retire(environment)
        self.idle.clear()
        for environment in self.environments:
            self.queue.take_back(environment)
        self.environments.clear()

    def retire(self) -> None:
        """Replace every worker, and keep none that is free: this pool gets no more to do."""
        self.capacity.reserve(self, self.function.name, None)
        self.retired = True
        self.retire_all()
        self.sources.close()

    def _retire(self, environment: ExecutionEnvironment) -> None:
        self.environments.discard(environment)
        environment.stop()

    def reap(self, keep: int) -> None:
        """Stop the workers that have been idle for :data:`IDLE_SECONDS`, but for ``keep``."""
        now = asyncio.get_running_loop().time()
        old = [e for e in self.idle if now - e.idle_since > IDLE_SECONDS]
        for environment in old[: max(0, len(self.environments) - keep)]:
            self.idle.remove(environment)
            self._retire(environment)

    def idle_since(self) -> float | None:
        """Return since when the worker has been idle that was used least lately, if one is."""
        return next((one.idle_since for one in self.idle if one.alive), None)

    def end_idle(self) -> None:
        """Stop that worker: another function needs its place."""
        environment = next(one for one in self.idle if one.alive)
        self.idle.remove(environment)
        self._retire(environment)

    async def close(self) -> None:
        """Stop every worker, and wait until they are gone and have said their last."""
        self.sources.close()
        self.capacity.forget(self)
        for timer in (self._look, self._retry):
            if timer is not None:
                timer.cancel()
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)
        self.queue.clear()
        for call in self.calls:
            call.answer.cancel()
        # One that is replaced works here until it has answered.
        working = {call.environment for call in self.calls if call.environment is not None}
        await asyncio.gather(*(one.close() for one in self.environments | working))
