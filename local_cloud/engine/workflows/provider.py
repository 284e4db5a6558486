"""What LocalStack's Step Functions leaves out.

On AWS the output of a ``lambda:invoke`` task tells which request it was, by which its lines in
the function's log are found; a definition whose states lead nowhere is refused; and an execution
that did not succeed can be redriven.

https://docs.aws.amazon.com/step-functions/latest/dg/connect-lambda.html
https://docs.aws.amazon.com/step-functions/latest/apireference/API_CreateStateMachine.html
"""

import json
import re
from collections.abc import Mapping
from typing import Any

from localstack.aws.api import RequestContext
from localstack.aws.api.stepfunctions import (
    DescribeExecutionOutput,
    DescribeMapRunOutput,
    ExecutionStatus,
    InvalidDefinition,
    InvalidName,
    InvalidOutput,
    InvalidToken,
    ListExecutionsOutput,
    RedriveExecutionOutput,
    ResourceNotFound,
    SendTaskFailureOutput,
    SendTaskHeartbeatOutput,
    SendTaskSuccessOutput,
    StartExecutionOutput,
    StateMachineType,
    TaskTimedOut,
    UpdateMapRunOutput,
    ValidateStateMachineDefinitionInput,
    ValidateStateMachineDefinitionOutput,
    ValidationException,
)
from localstack.services.stepfunctions.asl.component.state.state_execution.state_task import (
    lambda_eval_utils,
)
from localstack.services.stepfunctions.backend.execution import Execution
from localstack.services.stepfunctions.provider import StepFunctionsProvider
from localstack.utils.collections import PaginatedList

from local_cloud.engine.workflows.distributed_map.map_run import MapRun
from local_cloud.engine.workflows.fields import check_fields
from local_cloud.engine.workflows.redrive import redrive, redrives_of, why_not
from local_cloud.engine.workflows.transitions import Diagnostic, check_transitions
from local_cloud.engine.workflows.workbench import WrongScale, clock_of, starting

#: Executions that a page has at most.
MAX_PAGE = 1000
_METADATA = "ResponseMetadata"
_REFUSED = "Invalid State Machine Definition: "


class Provider(StepFunctionsProvider):  # type: ignore[misc]
    """LocalStack's provider, completed."""

    def redrive_execution(
        self, context: RequestContext, execution_arn: str, client_token: str = "", **kwargs: Any
    ) -> RedriveExecutionOutput:
        """Run an execution again from the state that it ended in."""
        self._validate_state_machine_execution_arn(execution_arn)
        return RedriveExecutionOutput(
            redriveDate=redrive(self._get_execution(context, execution_arn))
        )

    def start_execution(
        self, context: RequestContext, state_machine_arn: str, *args: Any, **kwargs: Any
    ) -> StartExecutionOutput:
        """Start an execution, by the time scale that its request or its machine names."""
        machine = self.get_store(context).state_machines.get(state_machine_arn.split("#")[0])
        manager = getattr(machine, "tag_manager", None)
        tags = {tag["key"]: tag["value"] for tag in manager.to_tag_list()} if manager else {}
        try:
            with starting(context.request.headers if context.request else {}, tags):
                return super().start_execution(context, state_machine_arn, *args, **kwargs)
        except WrongScale as error:
            raise ValidationException(str(error)) from error

    @staticmethod
    def _get_local_mock_test_case(state_machine_arn: str, state_machine_name: str) -> Any:
        try:
            return StepFunctionsProvider._get_local_mock_test_case(
                state_machine_arn, state_machine_name
            )
        except RuntimeError as error:  # no such machine, or no such case
            raise InvalidName(str(error)) from error

    def list_executions(
        self, context: RequestContext, map_run_arn: str | None = None, **kwargs: Any
    ) -> ListExecutionsOutput:
        """List the executions of a state machine, or the child executions of a map run."""
        redriven = kwargs.pop("redrive_filter", None)
        if map_run_arn is None:
            answer = super().list_executions(context, **kwargs)
            answer["executions"] = [
                execution
                for execution in answer["executions"]
                if _is_redriven(self._get_execution(context, execution["executionArn"]), redriven)
            ]
            return answer
        status = kwargs.get("status_filter")
        items = [
            child.execution.to_execution_list_item()
            for child in self._map_run(context, map_run_arn).children
            if child.execution is not None
            and child.execution.sm_type == StateMachineType.STANDARD
            and status in (None, child.status)
            and _is_redriven(child.execution, redriven)
        ]
        items.sort(key=lambda item: item["startDate"], reverse=True)
        page, token = PaginatedList(items).get_page(
            token_generator=lambda item: str(item["executionArn"]),
            page_size=kwargs.get("max_results") or MAX_PAGE,
            next_token=kwargs.get("next_token"),
        )
        return ListExecutionsOutput(executions=page, nextToken=token)

    def describe_map_run(
        self, context: RequestContext, map_run_arn: str, **kwargs: Any
    ) -> DescribeMapRunOutput:
        """Describe a map run, with how many of its items and executions are how far."""
        return self._map_run(context, map_run_arn).describe()

    def update_map_run(
        self,
        context: RequestContext,
        map_run_arn: str,
        max_concurrency: int | None = None,
        tolerated_failure_percentage: float | None = None,
        tolerated_failure_count: int | None = None,
        **kwargs: Any,
    ) -> UpdateMapRunOutput:
        """Change a map run's limits while it runs."""
        run = self._map_run(context, map_run_arn)
        limits = (max_concurrency, tolerated_failure_count, tolerated_failure_percentage)
        if limits == (None, None, None):
            raise ValidationException(
                "Must specify at least one of 'maxConcurrency', 'toleratedFailureCount' or "
                "'toleratedFailurePercentage'"
            )
        run.update(*limits)
        return UpdateMapRunOutput()

    def _map_run(self, context: RequestContext, arn: str) -> MapRun:
        for execution in list(self.get_store(context).executions.values()):
            if (run := execution.exec_worker.env.map_run_record_pool_manager.get(arn)) is not None:
                found: MapRun = run
                return found
        raise ResourceNotFound(f"Resource not found: '{arn}'")

    def send_task_success(
        self, context: RequestContext, task_token: str, output: str, **kwargs: Any
    ) -> SendTaskSuccessOutput:
        """Answer a task that waits."""
        self._refuse_ended(context, task_token)
        try:
            json.loads(output)
        except ValueError as error:
            raise InvalidOutput(f"Invalid Output: '{error}'") from error
        return super().send_task_success(context, task_token, output, **kwargs)

    def send_task_failure(
        self, context: RequestContext, task_token: str, **kwargs: Any
    ) -> SendTaskFailureOutput:
        """Fail a task that waits."""
        self._refuse_ended(context, task_token)
        return super().send_task_failure(context, task_token, **kwargs)

    def send_task_heartbeat(
        self, context: RequestContext, task_token: str, **kwargs: Any
    ) -> SendTaskHeartbeatOutput:
        """Tell that somebody is at work on a task."""
        self._refuse_ended(context, task_token)
        return super().send_task_heartbeat(context, task_token, **kwargs)

    def _refuse_ended(self, context: RequestContext, token: str) -> None:
        """Refuse a token whose task was answered, has timed out or was stopped, as AWS does.

        https://docs.aws.amazon.com/step-functions/latest/apireference/API_SendTaskSuccess.html
        """
        for execution in list(self.get_store(context).executions.values()):
            env = getattr(execution.exec_worker, "env", None)
            if env is None or (endpoint := env.callback_pool_manager.get(token)) is None:
                continue
            # An answer, or the task's end, has set it: nobody waits any more.
            if endpoint._notify_event.is_set() or execution.exec_status != ExecutionStatus.RUNNING:
                raise TaskTimedOut("Task Timed Out: 'Provided task does not exist anymore'")
            return
        raise InvalidToken("Invalid Token: 'Invalid token'")

    def describe_execution(
        self, context: RequestContext, execution_arn: str, included_data: Any = None, **kwargs: Any
    ) -> DescribeExecutionOutput:
        """Describe an execution, and whether it can be redriven."""
        answer = super().describe_execution(context, execution_arn, included_data, **kwargs)
        if context.is_internal_call:
            return answer  # a workflow that waits for this one is not told on AWS either
        execution = self._get_execution(context, execution_arn)
        redrives, reason = redrives_of(execution), why_not(execution)
        clock = clock_of(execution)
        if clock is not None and clock.scale != 1 and "stopDate" in answer:
            history = execution.exec_worker.env.event_manager.get_event_history()
            answer["stopDate"] = history[-1]["timestamp"]
        answer["redriveCount"] = redrives.count
        if redrives.date is not None:
            answer["redriveDate"] = redrives.date
        answer["redriveStatus"] = "NOT_REDRIVABLE" if reason else "REDRIVABLE"
        if reason:
            answer["redriveStatusReason"] = f"{reason}."
        return answer

    def validate_state_machine_definition(
        self, context: RequestContext, request: ValidateStateMachineDefinitionInput, **kwargs: Any
    ) -> ValidateStateMachineDefinitionOutput:
        """Return what is wrong with a definition, each with its place where that is known."""
        answer = super().validate_state_machine_definition(context, request, **kwargs)
        if any(d["message"].startswith(_REFUSED) for d in answer["diagnostics"]):
            answer["diagnostics"] = [
                {
                    "severity": "ERROR",
                    "code": diagnostic.code,
                    "message": diagnostic.message,
                    **({"location": diagnostic.location} if diagnostic.location else {}),
                }
                for diagnostic in wrong(request["definition"])
            ]
        return answer


def _is_redriven(execution: Execution, asked: str | None) -> bool:
    """Return whether an execution was redriven, or was not, as it is asked for."""
    return asked is None or (asked == "REDRIVEN") == (redrives_of(execution).count > 0)


def admit_child_arns() -> None:
    """Have ARNs of child executions be some: they name the machine and the Map's label."""
    theirs = StepFunctionsProvider._STATE_MACHINE_EXECUTION_ARN_REGEX
    name = "[a-zA-Z0-9-_.]+"
    # It is used by its class's name, which a subclass cannot override.
    StepFunctionsProvider._STATE_MACHINE_EXECUTION_ARN_REGEX = re.compile(
        theirs.pattern.replace(f":{name}", f":{name}(/{name})?", 1)
    )


def wrong(definition: str) -> list[Diagnostic]:
    """Return what is wrong with a definition: with its fields, else with its ways."""
    return _wrong_fields(definition) or _wrong_transitions(definition)


def _wrong_fields(definition: str) -> list[Diagnostic]:
    try:
        machine = json.loads(definition)
    except ValueError:
        return []  # LocalStack says why
    # What TestState is given is a single state.
    return check_fields(machine) if isinstance(machine, dict) and "States" in machine else []


def _wrong_transitions(definition: str) -> list[Diagnostic]:
    machine = json.loads(definition)
    return check_transitions(machine) if "States" in machine else []


def refuse_wrong_definitions() -> None:
    """Have definitions checked when a state machine is created or updated, too."""
    validate = StepFunctionsProvider._validate_definition

    def validate_all(definition: str, static_analysers: list[Any]) -> None:
        if found := _wrong_fields(definition):
            raise InvalidDefinition(f"{_REFUSED}'{', '.join(map(str, found))}'")
        validate(definition, static_analysers)
        if found := _wrong_transitions(definition):
            raise InvalidDefinition(f"{_REFUSED}'{', '.join(map(str, found))}'")

    # It is called by its class's name, which a subclass cannot override.
    StepFunctionsProvider._validate_definition = staticmethod(validate_all)


def keep_sdk_metadata() -> None:
    """Have ``lambda:invoke`` tasks keep what the SDK says of the call."""
    select = lambda_eval_utils.select_from_typed_dict

    def keep(typed_dict: Any, obj: Mapping[str, Any]) -> dict[str, Any]:
        kept: dict[str, Any] = select(typed_dict=typed_dict, obj=obj)
        # A mocked answer of a test case was no call.
        return {**kept, **_sdk_metadata(obj[_METADATA])} if _METADATA in obj else kept

    lambda_eval_utils.select_from_typed_dict = keep


def _sdk_metadata(metadata: Mapping[str, Any]) -> dict[str, Any]:
    headers: Mapping[str, str] = metadata.get("HTTPHeaders", {})
    return {
        "SdkHttpMetadata": {
            "AllHttpHeaders": {name: [value] for name, value in headers.items()},
            "HttpHeaders": dict(headers),
            "HttpStatusCode": metadata.get("HTTPStatusCode", 200),
        },
        "SdkResponseMetadata": {"RequestId": metadata.get("RequestId", "")},
    }
