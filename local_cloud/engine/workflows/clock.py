"""The time of an execution: every wait in it, which can be short, be skipped, and be stopped.

With a time scale, what an execution waits for passes that much faster: Wait states, pauses before
another attempt, and what runs until somebody answers a task. What is computed takes its time. The
history tells the times that it would have had: each branch is ahead of the real time by what it
did not wait for.
"""

from __future__ import annotations

import contextlib
import datetime
import itertools
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from localstack.services.stepfunctions.asl.component.common.retry import retrier_decl
from localstack.services.stepfunctions.asl.component.program.program import Program
from localstack.services.stepfunctions.asl.component.state import state
from localstack.services.stepfunctions.asl.component.state.state import CommonStateField
from localstack.services.stepfunctions.asl.component.state.state_execution import execute_state
from localstack.services.stepfunctions.asl.component.state.state_execution.state_map.state_map import (  # noqa: E501
    StateMap,
)
from localstack.services.stepfunctions.asl.component.state.state_execution.state_parallel.state_parallel import (  # noqa: E501
    StateParallel,
)
from localstack.services.stepfunctions.asl.component.state.state_wait.wait_function import (
    timestamp,
    wait_function,
)
from localstack.services.stepfunctions.asl.eval.callback import callback
from localstack.services.stepfunctions.asl.eval.environment import Environment
from localstack.services.stepfunctions.asl.eval.event.event_manager import (
    EventManager,
)
from localstack.services.stepfunctions.asl.eval.program_state import (
    ProgramRunning,
    ProgramStopped,
)

from local_cloud.engine.workflows.patience import CHECK_SECONDS, a_debugger_is_attached

MAX_SCALE = 1_000_000.0
#: How often a scaled time-out is looked at, while what it is of may begin to wait for an answer.
SLICE_SECONDS = 0.05
#: How long a Parallel or a Map that is stopped waits for what runs in it.
END_SECONDS = 1.0
_ENDS = frozenset(
    {"ExecutionAborted", "ExecutionFailed", "ExecutionSucceeded", "ExecutionTimedOut"}
)


class Stopped(BaseException):
    """The execution ends while a state waits. No error: no state can catch it."""


@dataclass(eq=False)
class Wait:
    """Something that is waited for; times in seconds, those of the execution."""

    number: int
    env: Environment
    state: str
    kind: str
    began: float
    seconds: float | None
    event: threading.Event
    token: str | None = None
    skipped: bool = False


@dataclass(eq=False)
class Clock:
    """The waits of one execution, how fast they pass, and when the execution times out."""

    scale: float = 1.0
    root: Environment | None = None
    deadline: float | None = None
    waits: dict[int, Wait] = field(default_factory=dict)
    numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def skip(self, number: int) -> bool:
        """End a wait as if its time had come; return whether there is one of this number."""
        wait = self.waits.get(number)
        if wait is None:
            return False
        wait.skipped = True
        wait.event.set()
        return True

    def limited(self, seconds: float | None, now: float) -> float | None:
        """Return how long is waited before the execution itself times out."""
        if self.deadline is None:
            return seconds
        left = max(0.0, self.deadline - now)
        return left if seconds is None else min(seconds, left)

    def time_out(self, now: float) -> None:
        """End the execution if its time has passed."""
        if self.root is not None and self.deadline is not None and now >= self.deadline:
            self.root.set_timed_out()

    def wake(self) -> None:
        """Have those notice who wait in what runs no more."""
        for wait in list(self.waits.values()):
            if not wait.env.is_running():
                wait.event.set()


class Pace:
    """How far a branch is ahead of the real time, in seconds."""

    def __init__(self, clock: Clock, ahead: float = 0.0) -> None:
        self.clock = clock
        self._ahead = ahead
        self._since: float | None = None

    @property
    def ahead(self) -> float:
        if self._since is None:
            return self._ahead
        return self._ahead + (time.monotonic() - self._since) * (self.clock.scale - 1)

    def now(self) -> float:
        """Return the time of the execution, in seconds since the epoch."""
        return time.time() + self.ahead

    @contextlib.contextmanager
    def passing(self, until: float | None = None) -> Iterator[None]:
        """Time passes by the clock's scale meanwhile.

        Args:
            until: when what is waited for is over. That a thread wakes later, by a moment of the
                real time, is no time of the execution.
        """
        if self.clock.scale != 1:
            self._since = time.monotonic()
        try:
            yield
        finally:
            self._ahead, self._since = self.ahead, None
            if self.clock.scale != 1 and until is not None:
                self._ahead = min(self._ahead, max(0.0, until - time.time()))

    def leap(self, to: float) -> None:
        """Be at a time, if that is not past already."""
        self._ahead = max(self._ahead, to - time.time())

    def fork(self) -> Pace:
        return Pace(self.clock, self.ahead)

    def join(self, other: Pace) -> None:
        """Be as late as a branch that has ended."""
        self._ahead = max(self._ahead, other.ahead)


def clock_of(env: Environment) -> Clock:
    """Return the clock of the execution that an environment is of."""
    manager = env.event_manager
    if not hasattr(manager, "clock"):
        manager.clock = Clock()
    found: Clock = manager.clock
    return found


def pace_of(env: Environment) -> Pace:
    """Return the pace of the branch that an environment is of."""
    if not hasattr(env, "pace"):
        keep_pace(env, Pace(clock_of(env)))
    found: Pace = env.pace
    return found


def keep_pace(env: Environment, pace: Pace) -> None:
    """Have a branch be at a pace."""
    env.pace = env.event_history_context.pace = pace


@contextlib.contextmanager
def _waiting(
    env: Environment, kind: str, seconds: float | None, event: threading.Event
) -> Iterator[Wait]:
    clock, pace = clock_of(env), pace_of(env)
    name = env.states.context_object.context_object_data.get("State", {}).get("Name", "")
    token = env.states.context_object.context_object_data.get("Task", {}).get("Token")
    wait = Wait(next(clock.numbers), env, str(name), kind, pace.now(), seconds, event, token=token)
    clock.waits[wait.number] = wait
    try:
        yield wait
    finally:
        del clock.waits[wait.number]


def pause(env: Environment, seconds: float, kind: str) -> None:
    """Wait until a time has passed, is skipped, or the execution ends.

    Args:
        kind: ``wait`` or ``retry``.
    """
    if kind == "wait":
        seconds -= _waited_before(env)
    if seconds <= 0:
        return
    pace, event = pace_of(env), threading.Event()
    with _waiting(env, kind, seconds, event) as wait:
        limited = pace.clock.limited(seconds, wait.began) or 0.0
        if env.is_running():
            with pace.passing(wait.began + limited):
                event.wait(limited / pace.clock.scale)
            if env.is_running():
                pace.leap(wait.began + limited)
                pace.clock.time_out(pace.now())


def _waited_before(env: Environment) -> float:
    """Return how long a wait that the engine ended in has been going on."""
    entered: int | None = getattr(env.event_history_context, "resumes", None)
    manager = env.event_manager
    if entered is None or entered > getattr(manager, "restored_at", 0):
        return 0.0
    began: datetime.datetime = manager._history_event_list[entered - 1]["timestamp"]
    return pace_of(env).now() - began.timestamp()


_current = threading.local()


class ClockEvent(threading.Event):
    """What a state waits for; the execution's time-outs are what its waits have.

    Whose it is, is known where it is waited for: in the thread of a state, or of its task.
    """

    kind = "answer"

    def wait(self, timeout: float | None = None) -> bool:
        env: Environment | None = getattr(_current, "env", None)
        if env is None or self.is_set():
            return super().wait(timeout)
        with _waiting(env, self.kind, timeout, self) as wait:
            if env.is_running():
                self._wait(pace_of(env), timeout)
            if not env.is_running():
                self._stop()
            if wait.skipped:
                pace_of(env).leap(wait.began + (timeout or 0))
                return False
        return self.is_set()

    def _stop(self) -> None:
        """The execution ends: nothing to do, who waits looks for that itself."""

    def _wait(self, pace: Pace, timeout: float | None) -> None:
        began = pace.now()
        limited = pace.clock.limited(timeout, began)
        with pace.passing(None if limited is None else began + limited):
            if super().wait(None if limited is None else limited / pace.clock.scale):
                return
        if pace.clock.scale != 1:
            pace.clock.time_out(pace.now())
        while a_debugger_is_attached():
            if super().wait(CHECK_SECONDS):
                return


class TaskEvent(ClockEvent):
    """The end of a task. Its time-out is real, for as long as nobody's answer is waited for."""

    kind = "task"

    def _stop(self) -> None:
        if isinstance(_current.state, (StateParallel, StateMap)):
            threading.Event.wait(self, END_SECONDS)  # what runs inside is told to end, too
        raise Stopped

    def _wait(self, pace: Pace, timeout: float | None) -> None:
        began = pace.now()
        while not self.is_set():
            left = None if timeout is None else timeout - (pace.now() - began)
            if left is not None and left <= 0:
                if not a_debugger_is_attached():
                    return
                left = CHECK_SECONDS
            scaled = pace.clock.scale != 1
            threading.Event.wait(
                self, min(left or SLICE_SECONDS, SLICE_SECONDS) if scaled else left
            )


class TaskThread(threading.Thread):
    """A task's thread, which knows whose it is."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.env = getattr(_current, "env", None)

    def run(self) -> None:
        _current.env = self.env
        super().run()


def keep_time() -> None:
    """Have LocalStack's interpreter wait by these clocks."""

    class Threading:
        Event = TaskEvent

    class Datetime:
        UTC = datetime.UTC

        class datetime:  # noqa: N801 - as its callers name it
            @staticmethod
            def now(tz: datetime.tzinfo) -> datetime.datetime:
                return datetime.datetime.fromtimestamp(pace_of(_current.env).now(), tz)

    state.datetime = Datetime
    Program.eval = _limiting(Program.eval)
    Program._eval_body = _noting(Program._eval_body)
    execute_state.threading = Threading
    execute_state.Thread = TaskThread
    callback.Event = ClockEvent
    CommonStateField._eval_body = _stopping(CommonStateField._eval_body)
    wait_function.WaitFunction._wait_interval = lambda self, env, wait_seconds: pause(
        env, wait_seconds, "wait"
    )
    timestamp.Timestamp._get_wait_seconds = _until(timestamp.Timestamp)
    retrier_decl.RetrierDecl._eval_body = _retrying(retrier_decl.RetrierDecl._eval_body)
    for name in ("set_stop", "set_error", "set_timed_out", "set_ended"):
        setattr(Environment, name, _waking(getattr(Environment, name)))
    Environment.open_frame = _sharing(Environment.open_frame)
    Environment.open_inner_frame = _forking(Environment.open_inner_frame)
    Environment.close_frame = _joining(Environment.close_frame)
    EventManager.add_event = _dating(EventManager.add_event)


def _limiting(theirs: Callable[[Any, Environment], None]) -> Any:
    def evaluate(self: Program, env: Environment) -> None:
        if self.timeout_seconds is not None and not env.is_frame():
            clock = clock_of(env)
            clock.root = env
            began = pace_of(env).now()
            if hasattr(env.event_manager, "restored_at"):  # it began before the engine did
                began = env.event_manager._history_event_list[0]["timestamp"].timestamp()
            clock.deadline = began + self.timeout_seconds.timeout_seconds
        try:
            theirs(self, env)
        except RuntimeError:
            if not isinstance(env.program_state(), ProgramStopped):
                raise
        stopped = isinstance(env.program_state(), ProgramStopped) and not env.is_frame()
        if stopped and not hasattr(env, "has_run"):  # before it began: only its end is to be told
            self._eval_body(env)

    return evaluate


def _noting(theirs: Callable[[Any, Environment], None]) -> Any:
    def evaluate(self: Program, env: Environment) -> None:
        env.has_run = True
        theirs(self, env)

    return evaluate


def may_run(env: Environment) -> None:
    """Have an execution that is about to begin be one that can be stopped."""
    if env.program_state() is None:
        env._program_state = ProgramRunning()


def _stopping(theirs: Callable[[Any, Environment], None]) -> Any:
    def evaluate(self: CommonStateField, env: Environment) -> None:
        _current.env, _current.state = env, self
        try:
            theirs(self, env)
        except Stopped:
            return  # the machine looks whether it runs, and tells its end

    return evaluate


def _until(kind: Any) -> Any:
    theirs, read = kind._get_wait_seconds, kind._from_timestamp_string

    def seconds(self: Any, env: Environment) -> float:
        self.string.eval(env=env)
        if (said := read(timestamp=env.stack.pop())) is None:
            return float(theirs(self, env))  # it is no time: they say so
        return float(said.replace(tzinfo=datetime.UTC).timestamp() - pace_of(env).now())

    return seconds


def _retrying(theirs: Callable[[Any, Environment], None]) -> Any:
    def evaluate(self: Any, env: Environment) -> None:
        _current.env = env
        theirs(self, env)

    class Sleep:
        @staticmethod
        def sleep(seconds: float) -> None:
            pause(_current.env, seconds, "retry")

    retrier_decl.time = Sleep
    return evaluate


def _waking(theirs: Callable[..., None]) -> Any:
    def end(self: Environment, *args: Any, **kwargs: Any) -> None:
        theirs(self, *args, **kwargs)
        clock_of(self).wake()

    return end


def _sharing(theirs: Callable[..., Environment]) -> Any:
    def open_frame(self: Environment, *args: Any, **kwargs: Any) -> Environment:
        frame = theirs(self, *args, **kwargs)
        keep_pace(frame, pace_of(self))
        return frame

    return open_frame


def _forking(theirs: Callable[..., Environment]) -> Any:
    def open_inner_frame(self: Environment, *args: Any, **kwargs: Any) -> Environment:
        frame = theirs(self, *args, **kwargs)
        keep_pace(frame, pace_of(self).fork())
        return frame

    return open_inner_frame


def _joining(theirs: Callable[..., None]) -> Any:
    def close_frame(self: Environment, frame: Environment) -> None:
        theirs(self, frame)
        if pace_of(frame) is not pace_of(self):
            pace_of(self).join(pace_of(frame))

    return close_frame


def _dating(theirs: Callable[..., int]) -> Any:
    def add_event(
        self: EventManager, context: Any, event_type: str, *args: Any, **kwargs: Any
    ) -> int:
        if getattr(self, "closed", False) and event_type != "ExecutionRedriven":
            return int(context.source_event_id)  # of a thread that has not noticed the end
        pace: Pace | None = getattr(context, "pace", None)
        if pace is not None and pace.ahead:
            told = datetime.datetime.fromtimestamp(pace.now(), datetime.UTC)
            kwargs.setdefault("timestamp", told)
        event_id = theirs(self, context, event_type, *args, **kwargs)
        self.closed = event_type in _ENDS
        return event_id

    return add_event
