"""Runs an execution again from the state that it ended in.

https://docs.aws.amazon.com/step-functions/latest/dg/redrive-executions.html
"""

import datetime
from collections.abc import Sequence
from dataclasses import dataclass

from localstack.aws.api.stepfunctions import (
    ExecutionNotRedrivable,
    ExecutionRedrivenEventDetails,
    ExecutionStatus,
    HistoryEvent,
    HistoryEventType,
    StateMachineType,
)
from localstack.services.stepfunctions.asl.eval.environment import Environment
from localstack.services.stepfunctions.asl.eval.event.event_detail import EventDetails
from localstack.services.stepfunctions.asl.eval.event.event_manager import EventHistoryContext
from localstack.services.stepfunctions.asl.parse.asl_parser import AmazonStateLanguageParser
from localstack.services.stepfunctions.backend.execution import Execution
from localstack.services.stepfunctions.backend.execution_worker import ExecutionWorker

from local_cloud.engine.workflows.progress import progress_of

TOO_MUCH_DATA = "States.DataLimitExceeded"
PERIOD = datetime.timedelta(days=14)
#: What the history may hold for one more redrive to have room in it.
MAX_EVENTS = 24_999


@dataclass(frozen=True)
class Redrives:
    """How often an execution was redriven, and when last."""

    count: int = 0
    date: datetime.datetime | None = None


def redrives_of(execution: Execution) -> Redrives:
    """Return what is known of an execution's redrives."""
    found: Redrives = getattr(execution, "redrives", Redrives())
    return found


def history_of(execution: Execution) -> Sequence[HistoryEvent]:
    """Return an execution's events, to be read only: LocalStack's own way copies each, deeply."""
    events: Sequence[HistoryEvent] = execution.exec_worker.env.event_manager._history_event_list
    return events


def why_not(execution: Execution) -> str | None:
    """Return why an execution cannot be redriven, ``None`` when it can."""
    if execution.sm_type != StateMachineType.STANDARD:
        return "Execution is EXPRESS and cannot be redriven"
    if execution.exec_status in (ExecutionStatus.RUNNING, ExecutionStatus.SUCCEEDED):
        return f"Execution is {execution.exec_status.value} and cannot be redriven"
    ended = execution.stop_date
    if ended is not None and datetime.datetime.now(tz=datetime.UTC) - ended > PERIOD:
        return "Execution redrivable period exceeded"
    if len(history_of(execution)) >= MAX_EVENTS:
        return "Execution history event limit exceeded"
    return None


def redrive(execution: Execution) -> datetime.datetime:
    """Run an execution again from the states that did not succeed, with their input.

    Of a Parallel and of an inline Map the branches and items that did not succeed run again; all
    of them where the state had produced more data than may be.

    Returns:
        When.

    Raises:
        ExecutionNotRedrivable: it runs, has succeeded, or is of an Express workflow.
    """
    if (reason := why_not(execution)) is not None:
        raise ExecutionNotRedrivable(f"{reason}.")
    return run_again(execution)


def run_again(execution: Execution) -> datetime.datetime:
    """Run an execution that has ended again; return when."""
    now = datetime.datetime.now(tz=datetime.UTC)
    redrives = Redrives(redrives_of(execution).count + 1, now)
    worker = RedriveWorker(execution, redrives.count)
    execution.redrives = redrives
    execution.exec_worker = worker
    execution.exec_status = ExecutionStatus.RUNNING
    execution.stop_date = execution.error = execution.cause = None
    execution.publish_execution_status_change_event()
    worker.start()
    return now


class RedriveWorker(ExecutionWorker):  # type: ignore[misc]
    """Goes on with the history and the variables of the worker before."""

    env: Environment

    def __init__(self, execution: Execution, count: int) -> None:
        first = execution._get_start_execution_worker()
        super().__init__(
            first._evaluation_details,
            first._execution_communication,
            first._cloud_watch_logging_session,
            first._activity_store,
            first._local_mock_test_case,
        )
        before: Environment = execution.exec_worker.env
        self.count = count
        # There from the start: an execution without one has no history to show.
        self.env = self._get_evaluation_environment()
        self.env.event_manager = before.event_manager
        self.env.variable_store = before.variable_store
        self.env.map_run_record_pool_manager = before.map_run_record_pool_manager
        last = history_of(execution)[-1]["id"]
        self.env.event_history_context = EventHistoryContext(previous_event_id=last)
        self.env.states.reset(execution.input_data)
        progress = progress_of(self.env)
        state = progress.last_entered()
        if execution.error == TOO_MUCH_DATA and state is not None:
            progress.forget((state.state,))
        progress.resume()
        self.definition = execution.state_machine.definition

    def _execution_logic(self) -> None:
        self.env.event_manager.add_event(
            context=self.env.event_history_context,
            event_type=HistoryEventType.ExecutionRedriven,
            event_details=EventDetails(
                executionRedrivenEventDetails=ExecutionRedrivenEventDetails(redriveCount=self.count)
            ),
        )
        AmazonStateLanguageParser.parse(self.definition)[0].eval(self.env)
        self._execution_communication.terminated()
