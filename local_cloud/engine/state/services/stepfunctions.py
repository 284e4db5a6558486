"""Executions are kept one by one, with where each of their machines is; those that ran go on.

Of a Standard execution that ran, each machine goes on from the state that it had entered, with its
input, as in a redrive; a task is called again, with the token that it was given, and a wait ends
when it would have. An Express execution ends, as AWS does not promise to run it to its end either.
https://docs.aws.amazon.com/step-functions/latest/dg/concepts-standard-vs-express.html
"""

from __future__ import annotations

import contextlib
import datetime
import threading
from collections.abc import Callable
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

from localstack.aws.api.stepfunctions import (
    ExecutionAbortedEventDetails,
    ExecutionStatus,
    HistoryEvent,
    HistoryEventType,
    StateMachineType,
)
from localstack.services.plugins import Service
from localstack.services.stepfunctions.asl.component.state.state_execution.state_task.service.state_task_service_callback import (  # noqa: E501
    StateTaskServiceCallback,
)
from localstack.services.stepfunctions.asl.eval.callback.callback import (
    CallbackEndpoint,
    CallbackOutcome,
    CallbackPoolManager,
)
from localstack.services.stepfunctions.asl.eval.environment import Environment
from localstack.services.stepfunctions.asl.eval.event.event_manager import (
    EventHistoryContext,
    EventManager,
)
from localstack.services.stepfunctions.asl.eval.event.logging import CloudWatchLoggingSession
from localstack.services.stepfunctions.asl.eval.variable_store import VariableStore
from localstack.services.stepfunctions.asl.parse.asl_parser import AmazonStateLanguageParser
from localstack.services.stepfunctions.backend.execution import (
    BaseExecutionWorkerCommunication,
    Execution,
)
from localstack.services.stepfunctions.backend.execution_worker import ExecutionWorker
from localstack.services.stepfunctions.backend.models import SFNStore, sfn_stores
from localstack.utils.strings import long_uid

from local_cloud.engine.state.codec import NotReadable, checked, made_anew
from local_cloud.engine.state.keeper import note_change, save_now
from local_cloud.engine.state.noted import NotedDict, NotedList
from local_cloud.engine.workflows.clock import clock_of, may_run
from local_cloud.engine.workflows.playing_on import Beginning
from local_cloud.engine.workflows.progress import Entered, Place, machine_of, progress_of

#: Of an execution's attributes, those that change, and those that only this process can have.
_CHANGING = ("exec_status", "stop_date", "output", "output_details", "error", "cause", "redrives")
_ONLY_HERE = ("exec_worker", "_cloud_watch_logging_session", "_activity_store", "kept")
_keeping = threading.Lock()
INERT_CAUSE = "It was loaded to be looked at (--inert), and does not go on"
EXPRESS_CAUSE = "The cloud stopped while the Express execution ran; start it again"


@dataclass
class Standing:
    """Where a machine of an execution stood, in the form that a redrive reads."""

    entered: Entered | None
    variables: dict[str, Any]
    token: str | None


@dataclass
class Moment:
    """What of an execution changes while it runs."""

    attributes: dict[str, Any]
    running: dict[Place, Standing]
    done: dict[Place, Any]
    #: Answers to tokens that no state has taken.
    answers: dict[str, CallbackOutcome]
    scale: float
    #: Where it begins, and with which variables, if that is not its machine's start.
    beginning: tuple[str, dict[str, Any]] | None = None


class Now:
    """An execution as it is when it is written."""

    def __init__(self, execution: Execution) -> None:
        self.execution = execution


def prepare(_: Service) -> None:
    """Have executions note what changes."""
    SFNStore.__dict__["executions"].default = NotedDict
    start, end = Execution.start, BaseExecutionWorkerCommunication.terminated
    new_environment = ExecutionWorker._get_evaluation_environment
    add_event, notify = EventManager.add_event, CallbackPoolManager.notify
    stop = ExecutionWorker.stop

    def start_kept(self: Execution) -> None:
        keep(self)
        start(self)

    def environment_kept(self: ExecutionWorker) -> Environment:
        env = new_environment(self)
        execution = getattr(self._execution_communication, "execution", None)
        if (kept := getattr(execution, "kept", None)) is not None:
            env.event_manager._history_event_list = kept["history"]
            env.event_manager.kept = kept
            env.callback_pool_manager.kept = kept
        return env

    def add_event_kept(
        self: EventManager, context: Any, event_type: HistoryEventType, *args: Any, **kwargs: Any
    ) -> int:
        number: int = add_event(self, context, event_type, *args, **kwargs)
        _touch(self)
        machine = getattr(context, "machine", context)
        if event_type == HistoryEventType.TaskScheduled and getattr(machine, "token", None):
            save_now("stepfunctions")  # whoever is given the token may answer after a restart
        return number

    def notify_kept(self: CallbackPoolManager, *args: Any, **kwargs: Any) -> bool:
        found: bool = notify(self, *args, **kwargs)
        _touch(self)
        return found

    def stop_waiting(self: ExecutionWorker, *args: Any, **kwargs: Any) -> None:
        stop(self, *args, **kwargs)
        if self in _waiting:  # it has nothing to wait for but its end
            _waiting.remove(self)
            self.start()

    def terminated(self: BaseExecutionWorkerCommunication) -> None:
        end(self)
        _touch(self.execution)

    Execution.start = start_kept
    ExecutionWorker._get_evaluation_environment = environment_kept
    ExecutionWorker.stop = stop_waiting
    EventManager.add_event = add_event_kept
    CallbackPoolManager.notify = notify_kept
    BaseExecutionWorkerCommunication.terminated = terminated
    CallbackPoolManager.add = _answering(CallbackPoolManager.add)
    StateTaskServiceCallback._eval_body = _keeping_token(StateTaskServiceCallback._eval_body)
    made_anew("execution", Execution, keep, execution_of)
    made_anew("moment", Now, lambda now: list(_moment(now.execution)), moment_of)


def keep(execution: Execution) -> NotedDict:
    """Return what is kept of an execution: the same for who starts it and for who writes it."""
    with _keeping:
        kept: NotedDict | None = getattr(execution, "kept", None)
        if kept is None:
            same = {
                name: value
                for name, value in execution.__dict__.copy().items()
                if name not in (*_CHANGING, *_ONLY_HERE)
            }
            entries = {"same": same, "now": Now(execution), "history": NotedList()}
            kept = execution.kept = NotedDict(entries)
        return kept


def _touch(holder: Any) -> None:
    kept: NotedDict | None = getattr(holder, "kept", None)
    if kept is not None:
        kept.touch("now")
        note_change("stepfunctions")


def _keeping_token(theirs: Callable[[Any, Environment], None]) -> Any:
    def evaluate(self: Any, env: Environment) -> None:
        context, machine = env.states.context_object, machine_of(env)
        before = machine.token if getattr(env.event_history_context, "resumes", None) else None

        def update_task_token() -> str:
            token: str = before or long_uid()
            pool = env.callback_pool_manager
            if pool.get(token) is not None and token not in getattr(pool, "expected", ()):
                token = long_uid()  # an attempt before this one had it
            context.context_object_data["Task"] = {"Token": token}
            machine.token = token
            return token

        context.update_task_token = update_task_token
        theirs(self, env)

    return evaluate


def _answering(theirs: Callable[[Any, str], Any]) -> Any:
    def add(self: CallbackPoolManager, callback_id: str) -> Any:
        expected: set[str] = getattr(self, "expected", set())
        if callback_id in expected:  # handed out before, and perhaps answered since
            expected.discard(callback_id)
            return self.get(callback_id)
        return theirs(self, callback_id)

    return add


def _expect(pool: CallbackPoolManager, moment: Moment) -> None:
    """Let tokens be answered while the tasks that gave them out are not called again yet."""
    pool.expected = {one.token for one in moment.running.values() if one.token is not None}
    for token in pool.expected:
        endpoint = pool._pool[token] = CallbackEndpoint(token)
        if (answer := moment.answers.get(token)) is not None:
            endpoint.notify(answer)


def _moment(execution: Execution) -> tuple[Any, ...]:
    env: Environment | None = getattr(execution.exec_worker, "env", None)
    attributes = {
        name: execution.__dict__[name] for name in _CHANGING if name in execution.__dict__
    }
    begins: Beginning | None = getattr(execution.exec_worker, "beginning", None)
    beginning = (begins.state, dict(begins.variables)) if begins is not None else None
    if env is None:
        return attributes, {}, {}, {}, 1.0, beginning
    progress = progress_of(env)
    running = {place: _standing(one) for place, one in list(progress.running.items())}
    tokens = {standing.token for standing in running.values()}
    answers = {
        token: endpoint.get_outcome()
        for token, endpoint in list(env.callback_pool_manager._pool.items())
        if token in tokens and endpoint.get_outcome() is not None
    }
    return attributes, running, dict(progress.done), answers, clock_of(env).scale, beginning


def _standing(machine: Any) -> Standing:
    if isinstance(machine, Machine):
        return machine.standing
    context = machine.event_history_context
    return Standing(
        getattr(context, "entered", None),
        dict(machine.variable_store._inner_scope),
        getattr(context, "token", None),
    )


def moment_of(data: Any) -> Moment:
    """Return what of an execution changed while it ran.

    Raises:
        NotReadable: it is told in another way.
    """
    attributes, running, done, answers, scale, beginning = checked(data, list)
    for one in (attributes, running, done, answers):
        checked(one, dict)
    return Moment(attributes, running, done, answers, float(scale), beginning)


def execution_of(kept: Any) -> Execution:
    """Return an execution, which waits for what only this process can give it.

    Raises:
        NotReadable: it is kept in another way.
    """
    if type(dict.get(checked(kept, NotedDict), "now")) is not Moment or "same" not in kept:
        raise NotReadable("an execution of no moment")
    execution = object.__new__(Execution)
    execution.__dict__.update(dict.__getitem__(kept, "same"))
    execution.__dict__.update(dict.__getitem__(kept, "now").attributes)
    execution.kept = kept
    return execution


class Machine:
    """A machine of an execution that is not in this process any more."""

    def __init__(self, standing: Standing) -> None:
        self.standing = standing
        self.event_history_context = SimpleNamespace(entered=standing.entered, token=standing.token)
        self.variable_store = VariableStore()
        self.variable_store._inner_scope.update(standing.variables)


class Resumed(ExecutionWorker):  # type: ignore[misc]
    """Goes on with an execution that ran when the engine ended."""

    definition: str

    def _execution_logic(self) -> None:
        AmazonStateLanguageParser.parse(self.definition)[0].eval(self.env)
        self._execution_communication.terminated()


_waiting: list[ExecutionWorker] = []


def go_on() -> int:
    """Have the executions go on that ran when the engine ended; return how many."""
    count = 0
    with contextlib.suppress(IndexError):
        while True:
            _waiting.pop(0).start()
            count += 1
    return count


def quiet(_: Service) -> None:
    """End the executions that ran, as if somebody had stopped them."""
    for regions in sfn_stores.values():
        for store in regions.values():
            for execution in list(store.executions.values()):
                if execution.exec_status == ExecutionStatus.RUNNING:
                    _abort(execution)


def _abort(execution: Execution) -> None:
    execution.exec_status = ExecutionStatus.ABORTED
    execution.stop_date = datetime.datetime.now(tz=datetime.UTC)
    execution.cause = INERT_CAUSE
    history: NotedList = dict.__getitem__(execution.kept, "history")
    history.append(
        HistoryEvent(
            timestamp=execution.stop_date,
            type=HistoryEventType.ExecutionAborted,
            id=len(history) + 1,
            previousEventId=len(history),
            executionAbortedEventDetails=ExecutionAbortedEventDetails(cause=INERT_CAUSE),
        )
    )
    # What it stood at is nobody's any more.
    moment: Moment = dict.__getitem__(execution.kept, "now")
    moment.attributes.update(
        exec_status=execution.exec_status, stop_date=execution.stop_date, cause=execution.cause
    )
    moment.running.clear()


def resume(_: Service) -> None:
    """Give executions what they lack; those that ran wait for :func:`go_on`."""
    for regions in sfn_stores.values():
        for store in regions.values():
            for execution in list(store.executions.values()):
                _attach(execution, store)


def _attach(execution: Execution, store: SFNStore) -> None:
    kept = execution.kept
    moment: Moment = dict.__getitem__(kept, "now")
    configuration = execution.state_machine.cloud_watch_logging_configuration
    execution._activity_store = store.activities
    execution._cloud_watch_logging_session = (
        CloudWatchLoggingSession(execution_arn=execution.exec_arn, configuration=configuration)
        if configuration is not None
        else None
    )
    first = execution._get_start_execution_worker()
    first.scale = moment.scale
    history: NotedList = dict.__getitem__(kept, "history")
    runs = execution.exec_status == ExecutionStatus.RUNNING
    if runs and not history and execution.sm_type == StateMachineType.STANDARD:
        first.beginning = Beginning(*moment.beginning) if moment.beginning else None
        execution.exec_worker = first
        kept["now"] = Now(execution)
        first.env = first._get_evaluation_environment()
        may_run(first.env)
        _waiting.append(first)
        return
    worker = execution.exec_worker = Resumed(
        first._evaluation_details,
        first._execution_communication,
        first._cloud_watch_logging_session,
        first._activity_store,
        first._local_mock_test_case,
    )
    worker.scale = moment.scale
    worker.definition = execution.state_machine.definition
    env = worker.env = worker._get_evaluation_environment()
    manager = env.event_manager
    manager._event_id_gen._next_id = len(history) + 1
    progress = progress_of(env)
    progress.running.update({place: Machine(one) for place, one in moment.running.items()})
    progress.done.update(moment.done)
    _expect(env.callback_pool_manager, moment)
    env.event_history_context = EventHistoryContext(previous_event_id=len(history))
    env.states.reset(execution.input_data)
    kept["now"] = Now(execution)
    if not runs:
        return
    if execution.sm_type == StateMachineType.EXPRESS:
        execution.exec_status = ExecutionStatus.FAILED
        execution.error, execution.cause = "States.Runtime", EXPRESS_CAUSE
        execution.stop_date = datetime.datetime.now(tz=datetime.UTC)
        return
    manager.restored_at = len(history)
    may_run(env)
    progress.resume()
    _waiting.append(worker)
