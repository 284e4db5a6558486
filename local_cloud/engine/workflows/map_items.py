"""What a Map goes over: an array, or an object pair by pair.

https://docs.aws.amazon.com/step-functions/latest/dg/input-output-itemspath.html
"""

from __future__ import annotations

from typing import Any

from localstack.aws.api.stepfunctions import ExecutionFailedEventDetails, HistoryEventType
from localstack.services.stepfunctions.asl.component.common.error_name.failure_event import (
    FailureEvent,
    FailureEventException,
)
from localstack.services.stepfunctions.asl.component.common.path.items_path import ItemsPath
from localstack.services.stepfunctions.asl.component.state.state_execution.state_map.items.items import (  # noqa: E501
    ItemsJSONata,
)
from localstack.services.stepfunctions.asl.eval.environment import Environment
from localstack.services.stepfunctions.asl.eval.event.event_detail import EventDetails

from local_cloud.engine.workflows.error_names import name_of

_ERROR = "States.Runtime"


def take_items() -> None:
    """Have LocalStack's interpreter take objects, and refuse in AWS's words what has no items."""
    jsonata = ItemsJSONata._eval_body

    def of_path(self: ItemsPath, env: Environment) -> None:
        self.string_sampler.eval(env=env)
        items = _pairs(env.stack[-1])
        if not isinstance(items, list):
            path = self.string_sampler.literal_value
            raise _refused(env, f'Reference path "{path}" must point to array.')
        env.stack[-1] = items

    def of_jsonata(self: ItemsJSONata, env: Environment) -> None:
        self.string_jsonata.eval(env=env)
        if isinstance(env.stack[-1], dict):
            env.stack[-1] = _pairs(env.stack[-1])
        else:
            env.stack.pop()
            jsonata(self, env)

    ItemsPath._eval_body = of_path
    ItemsJSONata._eval_body = of_jsonata


def _pairs(value: Any) -> Any:
    if isinstance(value, dict):
        return [{"Key": key, "Value": inner} for key, inner in value.items()]
    return value


def _refused(env: Environment, cause: str) -> FailureEventException:
    details = ExecutionFailedEventDetails(error=_ERROR, cause=cause)
    return FailureEventException(
        failure_event=FailureEvent(
            env=env,
            error_name=name_of(_ERROR),
            event_type=HistoryEventType.ExecutionFailed,
            event_details=EventDetails(executionFailedEventDetails=details),
        )
    )
