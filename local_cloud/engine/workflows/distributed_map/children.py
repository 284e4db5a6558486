"""The child executions of a map run.

https://docs.aws.amazon.com/step-functions/latest/dg/state-map-distributed.html
"""

from __future__ import annotations

import datetime
import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from localstack.aws.api.stepfunctions import (
    DescribeExecutionOutput,
    DescribeStateMachineForExecutionOutput,
    ExecutionListItem,
    ExecutionStatus,
    StateMachineType,
)
from localstack.services.stepfunctions.asl.component.eval_component import EvalComponent
from localstack.services.stepfunctions.asl.component.program.program import Program
from localstack.services.stepfunctions.asl.eval.environment import Environment
from localstack.services.stepfunctions.backend.execution import (
    BaseExecutionWorkerCommunication,
    Execution,
)
from localstack.services.stepfunctions.backend.execution_worker import ExecutionWorker
from localstack.services.stepfunctions.backend.state_machine import StateMachineInstance

from local_cloud.engine.workflows.clock import Clock, Pace, keep_pace, pace_of
from local_cloud.engine.workflows.distributed_map.batches import ChildInput
from local_cloud.engine.workflows.redrive import redrives_of, run_again, why_not

if TYPE_CHECKING:
    from local_cloud.engine.workflows.distributed_map.map_run import MapRun

_UNSUCCESSFUL = (ExecutionStatus.FAILED, ExecutionStatus.TIMED_OUT, ExecutionStatus.ABORTED)


@dataclass(eq=False)
class Child:
    """What a map run runs: an input and, once it has begun, its execution."""

    run: MapRun
    given: ChildInput
    name: str = field(default_factory=lambda: str(uuid.uuid4()))
    execution: ChildExecution | None = None
    #: Starts of an Express child; a Standard one is redriven.
    starts: int = 0

    @property
    def status(self) -> ExecutionStatus | None:
        """Its status, ``None`` while it waits for its turn."""
        return self.execution.exec_status if self.execution is not None else None

    @property
    def output(self) -> Any:
        return self.execution.output if self.execution is not None else None

    @property
    def is_unsuccessful(self) -> bool:
        return self.status in _UNSUCCESSFUL

    def can_run(self) -> bool:
        """Return whether it has to begin, or can go on where it failed."""
        return self.status is None or (self.is_unsuccessful and not self.why_not_redrivable())

    @property
    def redrives(self) -> int:
        if self.execution is None:
            return 0
        return max(self.starts - 1, 0) or redrives_of(self.execution).count

    def why_not_redrivable(self) -> str | None:
        if self.execution is None:
            return None
        reason = None
        if self.execution.sm_type == StateMachineType.STANDARD or not self.is_unsuccessful:
            reason = why_not(self.execution)
        return f"{reason}." if reason else None

    def start(self, pace: Pace) -> None:
        """Begin, or go on where it was.

        Args:
            pace: how far the map run is ahead of the real time.
        """
        if (
            self.execution is not None
            and self.is_unsuccessful
            and self.execution.sm_type == StateMachineType.STANDARD
        ):
            run_again(self.execution)
            return
        self.execution = ChildExecution(self, pace)
        self.starts += 1
        self.run.keep(self.execution)
        self.execution.start()

    def stop(self) -> None:
        """End it, because the map run ends."""
        if self.execution is not None and self.status == ExecutionStatus.RUNNING:
            self.execution.stop(datetime.datetime.now(tz=datetime.UTC), None, None)


class ChildExecution(Execution):  # type: ignore[misc]
    """An execution of the item processor, which tells its map run when it ends."""

    def __init__(self, child: Child, pace: Pace) -> None:
        run = child.run
        parent = run.parent
        machine = run.machine
        super().__init__(
            name=child.name,
            sm_type=machine.sm_type,
            role_arn=parent.role_arn,
            exec_arn=f"{run.execution_arn_prefix}:{child.name}",
            account_id=parent.account_id,
            region_name=parent.region_name,
            state_machine=machine,
            start_date=datetime.datetime.now(tz=datetime.UTC),
            cloud_watch_logging_session=None,
            activity_store=parent._activity_store,
            input_data=child.given.value,
            local_mock_test_case=parent.local_mock_test_case,
        )
        self.child = child
        self.pace = pace

    def _get_start_execution_worker(self) -> ChildWorker:
        return ChildWorker(super()._get_start_execution_worker(), self)

    def _get_start_execution_worker_comm(self) -> BaseExecutionWorkerCommunication:
        return _Ended(self)

    def publish_execution_status_change_event(self) -> None:
        """Tell nobody: a map run's children are told of by the map run."""

    def to_describe_output(self) -> DescribeExecutionOutput:
        return {**super().to_describe_output(), "mapRunArn": self.child.run.map_run_arn}

    def to_execution_list_item(self) -> ExecutionListItem:
        item = {
            **super().to_execution_list_item(),
            "mapRunArn": self.child.run.map_run_arn,
            "itemCount": self.child.given.items,
        }
        redrives = redrives_of(self)
        if redrives.date is not None:
            item |= {"redriveCount": redrives.count, "redriveDate": redrives.date}
        return item

    def to_describe_state_machine_for_execution_output(
        self,
    ) -> DescribeStateMachineForExecutionOutput:
        return {
            **super().to_describe_state_machine_for_execution_output(),
            "mapRunArn": self.child.run.map_run_arn,
            "label": self.child.run.label,
        }


class ChildWorker(ExecutionWorker):  # type: ignore[misc]
    """Runs the item processor that the parent's definition was read to."""

    def __init__(self, theirs: ExecutionWorker, execution: ChildExecution) -> None:
        super().__init__(
            evaluation_details=theirs._evaluation_details,
            exec_comm=theirs._execution_communication,
            cloud_watch_logging_session=None,
            activity_store=execution._activity_store,
            local_mock_test_case=execution.local_mock_test_case,
        )
        self.execution = execution

    def _get_evaluation_entrypoint(self) -> EvalComponent:
        return _InThisThread(self.execution.child.run.program)

    def _get_evaluation_environment(self) -> Environment:
        if self.env is not None:
            return self.env
        env = super()._get_evaluation_environment()
        pace = self.execution.pace
        env.event_manager.clock = Clock(pace.clock.scale)
        keep_pace(env, Pace(env.event_manager.clock, pace.ahead))
        env.states.reset(self.execution.input_data)
        return env


class _InThisThread:
    """Runs a program that has no time-out of its own: it needs no second thread."""

    def __init__(self, program: Program) -> None:
        self.program = program

    def eval(self, env: Environment) -> None:
        env.next_state_name = self.program.start_at.start_at_name
        EvalComponent.eval(self.program, env)


class _Ended(BaseExecutionWorkerCommunication):  # type: ignore[misc]
    def terminated(self) -> None:
        execution: ChildExecution = self.execution
        try:
            super().terminated()
        finally:
            execution.child.run.on_ended(execution.child, pace_of(execution.exec_worker.env))


def child_machine(run: MapRun, processor: str, express: bool) -> StateMachineInstance:
    """Return the item processor as a state machine of its own."""
    machine = run.parent.state_machine
    return StateMachineInstance(
        name=f"{machine.name}/{run.label}",
        arn=run.map_state_machine_arn,
        definition=processor,
        role_arn=run.parent.role_arn,
        logging_config=machine.logging_config,
        create_date=machine.create_date,
        sm_type=StateMachineType.EXPRESS if express else StateMachineType.STANDARD,
    )
