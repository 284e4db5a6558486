"""Runs a distributed Map, in the place of LocalStack's.

https://docs.aws.amazon.com/step-functions/latest/dg/state-map-distributed.html
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from localstack.aws.api.stepfunctions import (
    HistoryEventType,
    MapRunStartedEventDetails,
    MapStateStartedEventDetails,
)
from localstack.services.stepfunctions.asl.component.common.error_name.failure_event import (
    FailureEventException,
)
from localstack.services.stepfunctions.asl.component.state.state_execution.state_map.state_map import (  # noqa: E501
    StateMap,
)
from localstack.services.stepfunctions.asl.eval.environment import Environment
from localstack.services.stepfunctions.asl.eval.event.event_detail import EventDetails
from localstack.services.stepfunctions.asl.eval.states import ItemData, MapData

from local_cloud.engine.workflows.distributed_map.batches import batched
from local_cloud.engine.workflows.distributed_map.definition import Definition, read_definitions
from local_cloud.engine.workflows.distributed_map.failures import MapRunFailure
from local_cloud.engine.workflows.distributed_map.map_run import MapRun
from local_cloud.engine.workflows.distributed_map.readers import read, source_of
from local_cloud.engine.workflows.distributed_map.results import output_of
from local_cloud.engine.workflows.progress import inside_of, progress_of


def run_distributed_maps() -> None:
    """Have LocalStack's interpreter run distributed Maps in child executions."""
    read_definitions()
    StateMap._eval_execution = _evaluating(StateMap._eval_execution)


def _evaluating(theirs: Callable[[StateMap, Environment], None]) -> Any:
    def evaluate(self: StateMap, env: Environment) -> None:
        definition: Definition | None = getattr(self, "distributed", None)
        if definition is None:
            theirs(self, env)
        else:
            _evaluate(self, definition, env)

    return evaluate


def _add(env: Environment, event: HistoryEventType, details: Any = None, **more: Any) -> None:
    env.event_manager.add_event(
        context=env.event_history_context, event_type=event, event_details=details, **more
    )


def _evaluate(state: StateMap, definition: Definition, env: Environment) -> None:
    state.max_concurrency_decl.eval(env=env)
    max_concurrency = env.stack.pop()
    # What is tolerated is evaluated after the state has started, and is told of as if before.
    frame = env.open_frame()
    try:
        given = None if definition.reader else _given(state, env)
        length = MapStateStartedEventDetails(length=0 if given is None else len(given))
        started = EventDetails(mapStateStartedEventDetails=length)
        _add(env, HistoryEventType.MapStateStarted, started)
        tolerated = _tolerated(state, frame, env)
    finally:
        env.close_frame(frame)
    progress, place = progress_of(env), inside_of(env)
    run = progress.map_runs.get(place) if progress.take(place) else None
    try:
        if run is None:
            progress.forget(place)
            label = state.label.label if state.label else None
            run = MapRun(
                env,
                definition,
                state.iteration_component._get_iteration_program(),
                max_concurrency,
                tolerated,
                label,
            )
            progress.map_runs[place] = run
            env.map_run_record_pool_manager.add(run)
            about = MapRunStartedEventDetails(mapRunArn=run.map_run_arn)
            begun = EventDetails(mapRunStartedEventDetails=about)
            _add(env, HistoryEventType.MapRunStarted, begun)
        else:
            run.redrive()
            again = {"mapRunArn": run.map_run_arn, "redriveCount": run.redrive_count}
            _add(
                env,
                HistoryEventType.MapRunRedriven,
                EventDetails(mapRunRedrivenEventDetails=again),
            )
        output = _run(run, state, definition, env, given)
    except MapRunFailure as failure:
        if run is not None:
            run.set_stop("FAILED")
        failed = failure.of(env)
        _add(env, HistoryEventType.MapRunFailed, failed.failure_event.event_details)
        raise failed from failure
    except FailureEventException:
        if run is not None:
            run.set_stop("FAILED")
        _add(env, HistoryEventType.MapRunFailed)
        raise
    if not env.is_running():
        _add(env, HistoryEventType.MapRunAborted)
        return
    env.stack.append(output)
    _add(env, HistoryEventType.MapRunSucceeded)
    _add(env, HistoryEventType.MapStateSucceeded, update_source_event_id=False)


def _given(state: StateMap, env: Environment) -> list[Any]:
    """Return the items that the state's input has."""
    if state.items_path:
        state.items_path.eval(env=env)
    if state.items:
        state.items.eval(env=env)
    items: list[Any] = env.stack.pop()
    return items


def _tolerated(state: StateMap, frame: Environment, env: Environment) -> tuple[int, float]:
    frame.states.reset(input_value=env.states.get_input())
    frame.stack = [env.states.get_input()]
    state.tolerated_failure_count_decl.eval(env=frame)
    count = frame.stack.pop()
    state.tolerated_failure_percentage_decl.eval(env=frame)
    return count, frame.stack.pop()


def _run(run: MapRun, state: StateMap, definition: Definition, env: Environment, given: Any) -> Any:
    if not run.children:
        items = read(definition, env) if given is None else given
        items = _selected(items, state, definition, env)
        run.take(batched(items, definition, env))
    try:
        run.run(env)
    except MapRunFailure:
        if "Resource" in definition.writer:
            output_of(run, definition, env)  # what there is of them is written, too
        raise
    return output_of(run, definition, env) if env.is_running() else None


def _selected(
    items: list[Any], state: StateMap, definition: Definition, env: Environment
) -> list[Any]:
    """Return the items as ``ItemSelector``, or ``Parameters``, makes them."""
    selector = state.item_selector or state.parameters
    if not selector:
        return items
    given = env.states.get_input()
    frame = env.open_inner_frame()
    context = frame.states.context_object.context_object_data
    source = source_of(definition, env)
    found = []
    try:
        for index, item in enumerate(items):
            context["Map"] = MapData(Item={**ItemData(Index=index, Value=item), "Source": source})
            frame.states.reset(given)
            frame.stack = [given]
            selector.eval(frame)
            found.append(frame.stack[-1])
    finally:
        env.delete_frame(frame)
    return found
