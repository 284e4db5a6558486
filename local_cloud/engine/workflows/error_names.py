"""Names of errors that come from within: of a branch, an item, an answer, a mock.

LocalStack takes each for a name that the workflow made up, and fails where it is one of the
language's own, as ``States.Timeout`` of a branch is.
https://states-language.net/spec.html#appendix-a
"""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any

from localstack.services.stepfunctions.asl.component.common.error_name.custom_error_name import (
    CustomErrorName,
)
from localstack.services.stepfunctions.asl.component.common.error_name.error_name import ErrorName
from localstack.services.stepfunctions.asl.component.common.error_name.failure_event import (
    FailureEventException,
)
from localstack.services.stepfunctions.asl.component.common.error_name.states_error_name import (
    StatesErrorName,
)
from localstack.services.stepfunctions.asl.component.common.error_name.states_error_name_type import (  # noqa: E501
    StatesErrorNameType,
)
from localstack.services.stepfunctions.asl.component.state.state_execution.state_map.iteration import (  # noqa: E501
    iteration_worker,
)
from localstack.services.stepfunctions.asl.component.state.state_execution.state_parallel import (
    branches_decl,
)
from localstack.services.stepfunctions.asl.component.state.state_execution.state_task import (
    local_mock_eval_utils,
    state_task_activitiy,
    state_task_lambda,
)
from localstack.services.stepfunctions.asl.component.state.state_execution.state_task.service import (  # noqa: E501
    state_task_service_callback,
    state_task_service_lambda,
    state_task_service_sfn,
)
from localstack.services.stepfunctions.asl.component.state.state_fail import state_fail
from localstack.services.stepfunctions.asl.parse import preprocessor

_NAMED = "An error occurred while executing the state "
_OWN = {kind.to_name() for kind in StatesErrorNameType}
#: Where errors of this kind are met.
MODULES: tuple[ModuleType, ...] = (
    branches_decl,
    iteration_worker,
    local_mock_eval_utils,
    preprocessor,
    state_fail,
    state_task_activitiy,
    state_task_lambda,
    state_task_service_callback,
    state_task_service_lambda,
    state_task_service_sfn,
)


def name_of(error_name: str | None) -> ErrorName:
    """Return the name of an error, of whosesoever making."""
    if error_name is None or not error_name.startswith("States."):
        return CustomErrorName(error_name)
    if error_name in _OWN:
        return StatesErrorName.from_name(error_name)
    return ErrorName(error_name)


def name_errors() -> None:
    """Have LocalStack's interpreter take every name of an error that it is told."""
    FailureEventException.get_execution_failed_event_details = _told_once(
        FailureEventException.get_execution_failed_event_details
    )
    for module in MODULES:
        setattr(module, "CustomErrorName", name_of)  # noqa: B010 - a module has no such type


def _told_once(theirs: Callable[[FailureEventException], Any]) -> Any:
    """Have a cause name the state that failed, and not again those that it lies in."""

    def details(self: FailureEventException) -> Any:
        told = theirs(self)
        pair = self.extract_error_cause_pair()
        if told is not None and pair is not None and str(pair[1]).startswith(_NAMED):
            told["cause"] = pair[1]
        return told

    return details
