"""Spans of executions and of their states, in the trace of who started them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from typing import Any

from localstack.aws.api.stepfunctions import HistoryEventType
from localstack.services.stepfunctions.asl.component.state.state_execution.state_map.iteration.iteration_worker import (  # noqa: E501
    IterationWorker,
)
from localstack.services.stepfunctions.asl.component.state.state_execution.state_parallel.branch_worker import (  # noqa: E501
    BranchWorker,
)
from localstack.services.stepfunctions.asl.eval.environment import Environment
from localstack.services.stepfunctions.asl.eval.event.event_manager import EventManager
from localstack.services.stepfunctions.backend.execution import Execution
from localstack.services.stepfunctions.backend.execution_worker import ExecutionWorker

from local_aws.redaction import shown
from local_aws.traces import Span, header_of
from local_cloud.engine import spans
from local_cloud.engine.workflows.progress import machine_of

#: Events by which an execution ends.
_ENDS = {
    HistoryEventType.ExecutionSucceeded,
    HistoryEventType.ExecutionFailed,
    HistoryEventType.ExecutionAborted,
    HistoryEventType.ExecutionTimedOut,
}


class ExecutionSpans:
    """The spans of one execution; those of its states that are open, by their machine.

    Args:
        execution: its ``trace_header`` says what started it.
    """

    def __init__(self, execution: Execution) -> None:
        assert spans.traces is not None
        self.execution = execution
        trace = spans.traces
        self.span = trace.begin(
            "execution",
            str(execution.name),
            execution.trace_header,
            execution=execution.exec_arn,
            state_machine=execution.state_machine.arn,
            type=str(execution.sm_type),
        )
        # The same after a restart of the engine: what was written before is below it.
        self.span.id = hashlib.sha256(execution.exec_arn.encode()).hexdigest()[:16]
        self.span.began = execution.start_date.timestamp()
        self.open: dict[int, Span] = {}

    def note(self, context: Any, kind: HistoryEventType, details: Mapping[str, Any] | None) -> None:
        """Note what the execution's history says next."""
        machine = getattr(context, "machine", context)
        told: Mapping[str, Any] = next(iter(details.values()), {}) if details else {}
        if kind.endswith("StateEntered"):
            self._enter(machine, told)
        span = self.open.get(id(machine))
        if kind.endswith("StateExited"):
            self._exit(machine, told)
        elif kind in _ENDS:
            self._end(kind, told)
        elif span is not None:
            if "error" in told:
                span.details.setdefault("errors", []).append(str(told["error"]))
            token = getattr(machine, "token", None)
            if kind == HistoryEventType.TaskScheduled and token:
                spans.waiting[token] = span
                span.details["token"] = True
        spans.here.header = span.header if span is not None else self.span.header

    def _enter(self, machine: Any, told: Mapping[str, Any]) -> None:
        assert spans.traces is not None
        if (before := self.open.pop(id(machine), None)) is not None:
            before.end("it was not left")
        inside = getattr(machine, "inside", None) or self.span
        span = spans.traces.begin(
            "state",
            str(told.get("name")),
            header_of(self.span.trace, inside.id),
            execution=self.execution.exec_arn,
            request=shown(str(told.get("input", ""))),
        )
        self.open[id(machine)] = machine.span = span

    def _exit(self, machine: Any, told: Mapping[str, Any]) -> None:
        span = self.open.pop(id(machine), None)
        if span is None:
            return
        _forget(span)
        span.end(None, response=shown(str(told.get("output", ""))))

    def _end(self, kind: HistoryEventType, told: Mapping[str, Any]) -> None:
        error = None
        if kind != HistoryEventType.ExecutionSucceeded:
            words = (told.get("error"), told.get("cause"))
            error = ": ".join(str(word) for word in words if word) or kind.value
        for span in self.open.values():
            _forget(span)
            span.end(error or "the execution has ended")
        self.open.clear()
        self.span.end(error, response=shown(str(told.get("output", ""))))


def _forget(span: Span) -> None:
    if span.details.pop("token", None):
        for token, waits in list(spans.waiting.items()):  # other threads add theirs
            if waits is span:
                del spans.waiting[token]


def trace_states() -> None:
    """Write spans of executions, where spans are wanted."""
    if spans.traces is None:
        return
    ExecutionWorker._get_evaluation_environment = _traced(
        ExecutionWorker._get_evaluation_environment
    )
    EventManager.add_event = _noting(EventManager.add_event)
    BranchWorker.__init__ = _branching(BranchWorker.__init__)
    IterationWorker._eval_job = _iterating(IterationWorker._eval_job)


def _traced(theirs: Callable[[ExecutionWorker], Environment]) -> Any:
    def environment(self: ExecutionWorker) -> Environment:
        env = theirs(self)
        execution = getattr(self._execution_communication, "execution", None)
        if isinstance(execution, Execution) and not hasattr(env.event_manager, "spans"):
            env.event_manager.spans = ExecutionSpans(execution)
        return env

    return environment


def _noting(theirs: Callable[..., int]) -> Any:
    def add_event(
        self: EventManager,
        context: Any,
        event_type: HistoryEventType,
        event_details: Any = None,
        *args: Any,
        **kwargs: Any,
    ) -> int:
        number = theirs(self, context, event_type, event_details, *args, **kwargs)
        spans: ExecutionSpans | None = getattr(self, "spans", None)
        if spans is not None:
            spans.note(context, event_type, event_details)
        return number

    return add_event


def _branching(theirs: Callable[..., None]) -> Any:
    def init(self: BranchWorker, *args: Any, **kwargs: Any) -> None:
        theirs(self, *args, **kwargs)
        above = next(a for a in (*args, *kwargs.values()) if isinstance(a, Environment))
        self.env.event_history_context.inside = span_of(above)

    return init


def _iterating(theirs: Callable[..., None]) -> Any:
    def evaluate(self: IterationWorker, env: Environment, job: Any) -> None:
        env.event_history_context.inside = span_of(self._env)
        theirs(self, env, job)

    return evaluate


def span_of(env: Environment) -> Span | None:
    """Return the span of the state that an environment is in, where spans are written."""
    return getattr(machine_of(env), "span", None)
