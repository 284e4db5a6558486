"""A map run: its child executions, a number of them at a time, until they have ended.

https://docs.aws.amazon.com/step-functions/latest/dg/concepts-examine-map-run.html
https://docs.aws.amazon.com/step-functions/latest/dg/maprun-fail-threshold.html
https://docs.aws.amazon.com/step-functions/latest/dg/redrive-map-run.html
"""

from __future__ import annotations

import collections
import datetime
import threading
import uuid
from typing import Any

from localstack.aws.api.stepfunctions import (
    DescribeMapRunOutput,
    ExecutionStatus,
    MapRunExecutionCounts,
    MapRunStatus,
)
from localstack.services.stepfunctions.asl.component.program.program import Program
from localstack.services.stepfunctions.asl.component.state.state_execution.state_map.iteration.itemprocessor.map_run_record import (  # noqa: E501
    MapRunRecord,
)
from localstack.services.stepfunctions.asl.eval.environment import Environment
from localstack.services.stepfunctions.backend.execution import Execution
from localstack.services.stepfunctions.backend.models import sfn_stores

from local_cloud.engine.workflows.clock import ClockEvent, Pace, pace_of
from local_cloud.engine.workflows.distributed_map.batches import ChildInput
from local_cloud.engine.workflows.distributed_map.children import (
    Child,
    ChildExecution,
    child_machine,
)
from local_cloud.engine.workflows.distributed_map.definition import Definition
from local_cloud.engine.workflows.distributed_map.failures import MapRunFailure

_TOO_MANY = "The specified tolerated failure threshold was exceeded"
EXCEEDED = "States.ExceedToleratedFailureThreshold"
#: Children that run at a time where the definition names no number: each has a thread.
MAX_CONCURRENCY = 1_000
#: With how many it begins, and how many more it starts when none of them ends for a while: what
#: computes is not faster for more of them, what waits is.
STEP, STEP_SECONDS = 16, 0.05
#: How long children that are told to end are waited for.
END_SECONDS = 0.8
_FAILED = (ExecutionStatus.FAILED, ExecutionStatus.TIMED_OUT)


class _Woken(ClockEvent):
    """What a map run waits for: that a child has ended, or that its limits have changed."""

    kind = "map"


class MapRun(MapRunRecord):  # type: ignore[misc]
    """One map run.

    Args:
        env: of the Map state.
        tolerated: how many failed items are tolerated: number and percentage.
    """

    def __init__(
        self,
        env: Environment,
        definition: Definition,
        program: Program,
        max_concurrency: int,
        tolerated: tuple[int, float],
        label: str | None,
    ) -> None:
        context = env.states.context_object.context_object_data
        super().__init__(
            state_machine_arn=context["StateMachine"]["Id"],
            execution_arn=context["Execution"]["Id"],
            max_concurrency=max_concurrency,
            tolerated_failure_count=tolerated[0],
            tolerated_failure_percentage=tolerated[1],
            label=label or str(uuid.uuid4()),
        )
        details = env.aws_execution_details
        self.store = sfn_stores[details.account][details.region]
        self.parent: Execution = self.store.executions[self.execution_arn]
        self.program = program
        self.definition = definition
        self.tolerates = set(definition.tolerates)
        self.machine = child_machine(self, definition.processor, definition.express)
        self.children: list[Child] = []
        self.redrive_count = 0
        self.redrive_date: datetime.datetime | None = None
        self.update_event = _Woken()
        self._lock = threading.Lock()
        self._running = self._failed_items = self._items = 0
        self._ahead: Pace | None = None

    @property
    def uuid(self) -> str:
        return str(self.map_run_arn.rpartition(":")[2])

    @property
    def label(self) -> str:
        return str(self.map_state_machine_arn.rpartition("/")[2])

    @property
    def execution_arn_prefix(self) -> str:
        kind = "express" if self.definition.express else "execution"
        return str(self.map_state_machine_arn.replace(":stateMachine:", f":{kind}:"))

    def take(self, inputs: list[ChildInput]) -> None:
        """Take the inputs of its children."""
        self.children = [Child(self, given) for given in inputs]
        self._items = sum(given.items for given in inputs)

    def keep(self, execution: ChildExecution) -> None:
        """Have a child's execution be found; Express ones are nowhere listed."""
        if not self.definition.express:
            self.store.executions[execution.exec_arn] = execution

    def run(self, env: Environment) -> None:
        """Run the children that have not succeeded.

        Raises:
            MapRunFailure: more failed than are tolerated.
        """
        pace = pace_of(env)
        waiting = collections.deque(child for child in self.children if child.can_run())
        self._failed_items = sum(
            child.given.items
            for child in set(self.children).difference(waiting)
            if child.status in _FAILED
        )
        width = STEP
        while True:
            self.update_event.clear()
            done = not waiting and not self._running
            if not env.is_running():
                self.stop(MapRunStatus.ABORTED)
                return
            if self._failed_too_many():
                self.stop(MapRunStatus.FAILED)
                raise MapRunFailure(EXCEEDED, _TOO_MANY)
            limit = min(self.max_concurrency or MAX_CONCURRENCY, MAX_CONCURRENCY)
            while waiting and self._running < min(limit, width):
                child = waiting.popleft()
                with self._lock:
                    self._running += 1
                child.start(pace)
            if done:
                break
            more = waiting and self._running < limit
            if not self.update_event.wait(STEP_SECONDS if more else None):
                width += STEP
        if self._ahead is not None:
            pace.join(self._ahead)
        self.set_stop(MapRunStatus.SUCCEEDED)

    def on_ended(self, child: Child, pace: Pace) -> None:
        """Take notice that a child has ended, at a pace of its own."""
        with self._lock:
            self._running -= 1
            if child.status in _FAILED:
                self._failed_items += child.given.items
            if self._ahead is None or pace.ahead > self._ahead.ahead:
                self._ahead = pace
        self.update_event.set()

    def stop(self, status: MapRunStatus) -> None:
        """End the children that run."""
        for child in self.children:
            child.stop()
        ended = threading.Event.wait
        while self._running and ended(self.update_event, END_SECONDS):
            self.update_event.clear()
        self.set_stop(status)

    def redrive(self) -> None:
        """Be about to run what did not succeed again."""
        self.redrive_count += 1
        self.redrive_date = datetime.datetime.now(tz=datetime.UTC)
        self.status, self.stop_date = MapRunStatus.RUNNING, None

    def update(
        self,
        max_concurrency: int | None,
        tolerated_failure_count: int | None,
        tolerated_failure_percentage: float | None,
    ) -> None:
        """Change its limits while it runs."""
        if tolerated_failure_count is not None:
            self.tolerates.add("Count")
        if tolerated_failure_percentage is not None:
            self.tolerates.add("Percentage")
        super().update(max_concurrency, tolerated_failure_count, tolerated_failure_percentage)

    def _failed_too_many(self) -> bool:
        failed = self._failed_items
        if not self.tolerates:
            return failed > 0
        return ("Count" in self.tolerates and failed > self.tolerated_failure_count) or (
            "Percentage" in self.tolerates
            and failed * 100 > self.tolerated_failure_percentage * self._items
        )

    def describe(self) -> DescribeMapRunOutput:
        """Return what DescribeMapRun answers."""
        described: DescribeMapRunOutput = super().describe()
        described["executionCounts"] = self._counts(lambda child: 1)
        described["itemCounts"] = self._counts(lambda child: child.given.items)
        described["redriveCount"] = self.redrive_count
        if self.redrive_date is not None:
            described["redriveDate"] = self.redrive_date
        return described

    def _counts(self, weight: Any) -> MapRunExecutionCounts:
        counts: collections.Counter[Any] = collections.Counter()
        lost = 0
        for child in self.children:
            counts[child.status] += weight(child)
            if child.is_unsuccessful and child.why_not_redrivable():
                lost += weight(child)
        succeeded = counts[ExecutionStatus.SUCCEEDED]
        written = succeeded if self.status == MapRunStatus.SUCCEEDED else 0
        return MapRunExecutionCounts(
            pending=counts[None],
            running=counts[ExecutionStatus.RUNNING],
            succeeded=succeeded,
            failed=counts[ExecutionStatus.FAILED],
            timedOut=counts[ExecutionStatus.TIMED_OUT],
            aborted=counts[ExecutionStatus.ABORTED],
            total=sum(counts.values()),
            resultsWritten=written,
            failuresNotRedrivable=lost,
            pendingRedrive=0,
        )
