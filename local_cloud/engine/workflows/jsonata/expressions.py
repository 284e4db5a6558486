"""Has LocalStack's interpreter of workflows evaluate its expressions here."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from localstack.aws.api.stepfunctions import HistoryEventType
from localstack.services.stepfunctions.asl.component.common.assign import (
    assign_template_value_array as assign_array,
)
from localstack.services.stepfunctions.asl.component.common.assign import (
    assign_template_value_terminal as assign_terminal,
)
from localstack.services.stepfunctions.asl.component.common.error_name import (
    failure_event,
    states_error_name,
    states_error_name_type,
)
from localstack.services.stepfunctions.asl.component.common.jsonata import (
    jsonata_template_value_array as template_array,
)
from localstack.services.stepfunctions.asl.component.common.string.string_expression import (
    StringJSONata,
    StringVariableSample,
)
from localstack.services.stepfunctions.asl.component.eval_component import EvalComponent
from localstack.services.stepfunctions.asl.component.state.state_choice.choices_decl import (
    ChoicesDecl,
)
from localstack.services.stepfunctions.asl.component.state.state_execution import execute_state
from localstack.services.stepfunctions.asl.eval.environment import Environment
from localstack.services.stepfunctions.asl.eval.event.event_detail import EventDetails
from localstack.services.stepfunctions.asl.eval.event.event_manager import EventManager
from localstack.services.stepfunctions.asl.eval.states import States
from localstack.services.stepfunctions.asl.eval.variable_store import VariableStore
from localstack.services.stepfunctions.asl.parse import preprocessor
from localstack.services.stepfunctions.asl.utils.encoding import to_json_str

from local_cloud.engine.workflows.jsonata.evaluate import QueryFailed, evaluate
from local_cloud.engine.workflows.jsonata.fields import field, inside, part_of

#: Whether a state has a result: one that is null is one, too.
_HAS_RESULT = "kit_has_result"


def bindings(env: Environment) -> dict[str, Any]:
    """Return the variables that an expression sees, without ``$``."""
    store, states = env.variable_store, env.states
    seen = {"input": states._states_data["input"], "context": states._states_data["context"]}
    if getattr(states, _HAS_RESULT, False):
        seen["result"] = states._states_data["result"]
    if (error := states._states_data.get("errorOutput")) is not None:
        seen["errorOutput"] = error
    return {**store._outer_scope, **store._inner_scope, "states": seen}


def _evaluate(self: StringJSONata | StringVariableSample, env: Environment) -> None:
    try:
        result = evaluate(self.expression, bindings(env))
    except QueryFailed as failed:
        raise _failure(env, self.expression, failed.words) from failed
    env.stack.append(result)


class _Told(dict[str, Any]):
    """What the history has been told of a failed expression already."""


class _Failed(failure_event.FailureEventException):  # type: ignore[misc]
    """Stops a state; whoever catches it may tell the history again, which is left out."""

    told = False

    def get_evaluation_failed_event_details(self) -> Any:
        details = super().get_evaluation_failed_event_details()
        return _Told(details) if self.told else details


def _failure(env: Environment, expression: str, words: str) -> _Failed:
    """Tell the history of a failed expression, and return what stops the state."""
    kind = states_error_name_type.StatesErrorNameType.StatesQueryEvaluationError
    error = states_error_name.StatesErrorName(typ=kind)
    where = field()
    cause = f"The JSONata expression '{expression}' specified for the field '{where}'{words}"
    details = _Told(cause=cause, error=error.error_name, location=where)
    event = failure_event.FailureEvent(
        env=env,
        error_name=error,
        event_type=HistoryEventType.EvaluationFailed,
        event_details=EventDetails(evaluationFailedEventDetails=details),
    )
    failed = _Failed(failure_event=event)
    env.event_manager.add_event(
        context=env.event_history_context,
        event_type=HistoryEventType.EvaluationFailed,
        event_details=EventDetails(
            evaluationFailedEventDetails=failed.get_evaluation_failed_event_details()
        ),
    )
    failed.told = True
    return failed


def _evaluate_array(self: Any, env: Environment) -> None:
    values = []
    for index, value in enumerate(self.values):
        with inside(f"[{index}]"):
            value.eval(env)
        values.append(env.stack.pop())
    env.stack.append(values)


def evaluate_here() -> None:
    """Put these in the places of LocalStack's own."""
    StringJSONata._eval_body = _evaluate
    StringVariableSample._eval_body = _evaluate
    template_array.JSONataTemplateValueArray._eval_body = _evaluate_array
    assign_array.AssignTemplateValueArray._eval_body = _evaluate_array
    _name_fields()
    _know_results()
    _read_texts()
    _tell_failures_once()
    _keep_failures()


def _name_fields() -> None:
    evaluate_component, make_choices = EvalComponent.eval, ChoicesDecl.__init__

    def eval_within(self: EvalComponent, env: Environment) -> None:
        part = part_of(self)
        if part is None:
            evaluate_component(self, env)
            return
        with inside(part):
            evaluate_component(self, env)

    def number_choices(self: ChoicesDecl, rules: list[Any]) -> None:
        make_choices(self, rules)
        for index, rule in enumerate(rules):
            rule.index_in_choices = index

    EvalComponent.eval = eval_within
    ChoicesDecl.__init__ = number_choices


def _know_results() -> None:
    set_result, reset = States.set_result, States.reset

    def with_result(self: States, result: Any) -> None:
        set_result(self, result)
        setattr(self, _HAS_RESULT, True)

    def without_result(self: States, input_value: Any) -> None:
        reset(self, input_value)
        setattr(self, _HAS_RESULT, False)

    States.set_result, States.reset = with_result, without_result


def _read_texts() -> None:
    """Have texts be what their JSON says; LocalStack keeps escapes, or reads them as Python's."""

    def read(parser_rule_context: Any) -> str:
        return str(json.loads(parser_rule_context.getText()))

    def visit(self: Any, context: Any) -> Any:
        value = read(context.string_literal())
        return assign_terminal.AssignTemplateValueTerminalLit(value=value)

    def assigned(self: VariableStore) -> dict[str, str]:
        names = self._declaration_tracing
        return {name: to_json_str(self.get(name), separators=(",", ":")) for name in names}

    preprocessor.from_string_literal = read
    preprocessor.Preprocessor.visitAssign_template_value_terminal_string_literal = visit
    VariableStore.get_assigned_variables = assigned


def _tell_failures_once() -> None:
    add = EventManager.add_event

    def add_event(
        self: EventManager,
        context: Any,
        event_type: Any,
        event_details: Any = None,
        **more: Any,
    ) -> Any:
        details = (event_details or {}).get("evaluationFailedEventDetails")
        if not isinstance(details, _Told):
            return add(self, context, event_type, event_details, **more)
        return context.source_event_id

    EventManager.add_event = add_event


def _keep_failures() -> None:
    """Have every kind of task fail for its expression; some name an error of their service."""
    pending = [execute_state.ExecutionState]
    while pending:
        state = pending.pop()
        pending += state.__subclasses__()
        if "_from_error" in vars(state):
            state._from_error = _kept(state._from_error)


def _kept(theirs: Callable[[Any, Environment, Exception], Any]) -> Callable[..., Any]:
    def from_error(self: Any, env: Environment, ex: Exception) -> Any:
        return ex.failure_event if isinstance(ex, _Failed) else theirs(self, env, ex)

    return from_error
