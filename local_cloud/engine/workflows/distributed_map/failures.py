"""Why a map run fails."""

from __future__ import annotations

from localstack.aws.api.stepfunctions import HistoryEventType, MapRunFailedEventDetails
from localstack.services.stepfunctions.asl.component.common.error_name.failure_event import (
    FailureEvent,
    FailureEventException,
)
from localstack.services.stepfunctions.asl.eval.environment import Environment
from localstack.services.stepfunctions.asl.eval.event.event_detail import EventDetails

from local_cloud.engine.workflows.error_names import name_of


class MapRunFailure(Exception):
    """A map run fails with an error's name and a cause."""

    def __init__(self, error: str, cause: str) -> None:
        super().__init__(cause)
        self.error = error
        self.cause = cause

    def of(self, env: Environment) -> FailureEventException:
        """Return it as LocalStack's interpreter has it: retried, caught, or the execution's end."""
        details = MapRunFailedEventDetails(error=self.error, cause=self.cause)
        return FailureEventException(
            failure_event=FailureEvent(
                env=env,
                error_name=name_of(self.error),
                event_type=HistoryEventType.MapRunFailed,
                event_details=EventDetails(mapRunFailedEventDetails=details),
            )
        )
