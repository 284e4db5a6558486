"""What LocalStack's Step Functions leaves out.

On AWS the output of a ``lambda:invoke`` task tells which request it was, by which its lines in
the function's log are found; a definition whose states lead nowhere is refused; and an execution
that did not succeed can be redriven.

https://docs.aws.amazon.com/step-functions/latest/dg/connect-lambda.html
https://docs.aws.amazon.com/step-functions/latest/apireference/API_CreateStateMachine.html
"""

import contextlib
import re
from collections.abc import Iterator, Mapping
from typing import Any

from localstack.aws.api import RequestContext
from localstack.aws.api.stepfunctions import (
    DescribeExecutionOutput,
    DescribeMapRunOutput,
    ExecutionStatus,
    GetExecutionHistoryOutput,
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
    TestStateInput,
    TestStateOutput,
    UpdateMapRunOutput,
    ValidateStateMachineDefinitionInput,
    ValidateStateMachineDefinitionOutput,
    ValidationException,
)
from localstack.services.stepfunctions.asl.component.state.state_execution.state_task import (
    lambda_eval_utils,
)
from localstack.services.stepfunctions.asl.eval.callback.callback import (
    ActivityCallbackEndpoint,
    CallbackNotifyConsumerError,
    CallbackOutcome,
    CallbackOutcomeFailure,
    CallbackOutcomeSuccess,
)
from localstack.services.stepfunctions.asl.eval.environment import Environment
from localstack.services.stepfunctions.asl.static_analyser.express_static_analyser import (
    ExpressStaticAnalyser,
)
from localstack.services.stepfunctions.asl.static_analyser.static_analyser import StaticAnalyser
from localstack.services.stepfunctions.asl.static_analyser.test_state.test_state_analyser import (
    TestStateStaticAnalyser,
)
from localstack.services.stepfunctions.backend.execution import Execution
from localstack.services.stepfunctions.provider import StepFunctionsProvider
from localstack.utils.collections import PaginatedList

from local_aws.json_text import loads
from local_cloud.engine import spans
from local_cloud.engine.workflows.distributed_map.map_run import MapRun
from local_cloud.engine.workflows.playing_on import NoSuchPlace
from local_cloud.engine.workflows.redrive import history_of, redrive, redrives_of, why_not
from local_cloud.engine.workflows.validation import doubts_of, schema_of, ways_of
from local_cloud.engine.workflows.validation.diagnostics import SCHEMA, Diagnostic
from local_cloud.engine.workflows.validation.languages import JSONPATH
from local_cloud.engine.workflows.validation.states import check_state
from local_cloud.engine.workflows.workbench import WrongScale, clock_of, starting

#: Of an event: what was sent and given.
_DATA = ("input", "output", "parameters", "assignedVariables")
#: Executions that a page has at most.
MAX_PAGE = 1000
MAX_DIAGNOSTICS = 100
#: Bytes of a definition.
MAX_DEFINITION = 1_048_576
#: Types of states that lead somewhere, or end.
_LEADING = ("Task", "Pass", "Wait", "Parallel", "Map")
_METADATA = "ResponseMetadata"
_GONE = "Task Timed Out: 'Provided task does not exist anymore'"
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

    def get_execution_history(
        self,
        context: RequestContext,
        execution_arn: str,
        include_execution_data: bool | None = None,
        **kwargs: Any,
    ) -> GetExecutionHistoryOutput:
        """Return an execution's events, without what was sent and given where that is asked."""
        answer = super().get_execution_history(context, execution_arn, **kwargs)
        if include_execution_data is False:
            answer["events"] = [_without_data(event) for event in answer["events"]]
        return answer

    def start_execution(
        self, context: RequestContext, state_machine_arn: str, *args: Any, **kwargs: Any
    ) -> StartExecutionOutput:
        """Start an execution, by the time scale and at the state that its request names."""
        machine = self.get_store(context).state_machines.get(state_machine_arn.split("#")[0])
        manager = getattr(machine, "tag_manager", None)
        tags = {tag["key"]: tag["value"] for tag in manager.to_tag_list()} if manager else {}
        try:
            headers = context.request.headers if context.request else {}
            definition = getattr(machine, "definition", "{}")
            if (trace := spans.header_of(context)) is not None:
                kwargs.setdefault("trace_header", trace)
            with starting(headers, tags, definition):
                return super().start_execution(context, state_machine_arn, *args, **kwargs)
        except (WrongScale, NoSuchPlace) as error:
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
            if redriven is None:
                return answer
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
        for _, env in self._begun(context):
            if (run := env.map_run_record_pool_manager.get(arn)) is not None:
                found: MapRun = run
                return found
        raise ResourceNotFound(f"Resource not found: '{arn}'")

    def send_task_success(
        self, context: RequestContext, task_token: str, output: str, **kwargs: Any
    ) -> SendTaskSuccessOutput:
        """Answer a task that waits."""
        env = self._waiting(context, task_token)
        try:
            loads(output)
        except ValueError as error:
            raise InvalidOutput(f"Invalid Output: '{error}'") from error
        _notify(env, CallbackOutcomeSuccess(callback_id=task_token, output=output))
        return SendTaskSuccessOutput()

    def send_task_failure(
        self,
        context: RequestContext,
        task_token: str,
        error: str | None = None,
        cause: str | None = None,
        **kwargs: Any,
    ) -> SendTaskFailureOutput:
        """Fail a task that waits."""
        env = self._waiting(context, task_token)
        _notify(env, CallbackOutcomeFailure(callback_id=task_token, error=error, cause=cause))
        return SendTaskFailureOutput()

    def send_task_heartbeat(
        self, context: RequestContext, task_token: str, **kwargs: Any
    ) -> SendTaskHeartbeatOutput:
        """Tell that somebody is at work on a task."""
        env = self._waiting(context, task_token)
        with _as_aws():
            env.callback_pool_manager.heartbeat(callback_id=task_token)
        return SendTaskHeartbeatOutput()

    def _begun(self, context: RequestContext) -> Iterator[tuple[Execution, Environment]]:
        """Yield the executions that have begun; one that could not begin has nothing."""
        for execution in list(self.get_store(context).executions.values()):
            env: Environment | None = getattr(execution.exec_worker, "env", None)
            if env is not None:
                yield execution, env

    def _send_activity_task_started(
        self, context: RequestContext, task_token: str, worker_name: str | None
    ) -> None:
        for _, env in self._begun(context):
            endpoint = env.callback_pool_manager.get(callback_id=task_token)
            if isinstance(endpoint, ActivityCallbackEndpoint):
                endpoint.notify_activity_task_start(worker_name=worker_name)
                return
        raise InvalidToken()

    def _waiting(self, context: RequestContext, token: str) -> Environment:
        """Return where a task waits for its token.

        One that was answered, has timed out or was stopped is refused as on AWS.
        https://docs.aws.amazon.com/step-functions/latest/apireference/API_SendTaskSuccess.html
        """
        for execution, env in self._begun(context):
            if (endpoint := env.callback_pool_manager.get(token)) is None:
                continue
            # An answer, or the task's end, has set it: nobody waits any more.
            if endpoint._notify_event.is_set() or execution.exec_status != ExecutionStatus.RUNNING:
                raise TaskTimedOut(_GONE)
            return env
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
            answer["stopDate"] = history_of(execution)[-1]["timestamp"]
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
        definition = request["definition"]
        express = request.get("type") == StateMachineType.EXPRESS
        most = request.get("maxResults") or MAX_DIAGNOSTICS
        found = wrong(definition, express)
        errors = bool(found)
        if request.get("severity") == "WARNING" and not errors:
            found = doubts_of(definition)
        return ValidateStateMachineDefinitionOutput(
            result="FAIL" if errors else "OK",
            diagnostics=[_told(diagnostic) for diagnostic in found[:most]],
            truncated=len(found) > most,
        )

    def test_state(
        self, context: RequestContext, request: TestStateInput, **kwargs: Any
    ) -> TestStateOutput:
        """Run one state."""
        try:
            state = loads(request["definition"])
        except ValueError:
            state = None  # LocalStack says why
        if isinstance(state, dict) and "States" in state:
            _refuse(schema_of(request["definition"]))
        elif isinstance(state, dict):
            alone = "Next" not in state and "End" not in state
            state = {**state, "End": True} if alone and state.get("Type") in _LEADING else state
            _refuse(check_state(state, "", JSONPATH))
        return super().test_state(context, request, **kwargs)


@contextlib.contextmanager
def _as_aws() -> Iterator[None]:
    """Say as AWS does that nobody waits for a token any more."""
    try:
        yield
    except CallbackNotifyConsumerError as error:
        raise TaskTimedOut(_GONE) from error


def _notify(env: Environment, outcome: CallbackOutcome) -> None:
    with _as_aws():
        env.callback_pool_manager.notify(callback_id=outcome.callback_id, outcome=outcome)


def _without_data(event: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: {key: one for key, one in value.items() if key not in _DATA}
        if isinstance(value, dict)
        else value
        for name, value in event.items()
    }


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


def _told(diagnostic: Diagnostic) -> dict[str, str]:
    told = {
        "severity": diagnostic.severity,
        "code": diagnostic.code,
        "message": diagnostic.message,
    }
    return {**told, "location": diagnostic.location} if diagnostic.location else told


def wrong(definition: str, express: bool = False) -> list[Diagnostic]:
    """Return what is wrong with a definition: with its schema, else with its ways."""
    if found := schema_of(definition, express):
        return found
    analyser = ExpressStaticAnalyser() if express else StaticAnalyser()
    try:
        _theirs(definition, [analyser])
    except InvalidDefinition as error:
        return [Diagnostic(SCHEMA, str(error.message).removeprefix(_REFUSED))]
    return ways_of(definition)


def _refuse(found: list[Diagnostic]) -> None:
    if found:
        raise InvalidDefinition(f"{_REFUSED}'{', '.join(map(str, found))}'")


_theirs = StepFunctionsProvider._validate_definition


def refuse_wrong_definitions() -> None:
    """Have definitions checked when a state machine is created or updated, too."""

    def validate_all(definition: str, static_analysers: list[Any]) -> None:
        if len(definition.encode()) > MAX_DEFINITION:
            raise ValidationException(
                "1 validation error detected: Value at 'definition' failed to satisfy constraint: "
                f"Member must have length less than or equal to {MAX_DEFINITION}"
            )
        if any(isinstance(one, TestStateStaticAnalyser) for one in static_analysers):
            _theirs(definition, static_analysers)  # of one state, which is checked by itself
            return
        express = any(isinstance(one, ExpressStaticAnalyser) for one in static_analysers)
        _refuse(schema_of(definition, express))
        _theirs(definition, static_analysers)
        _refuse(ways_of(definition))

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
