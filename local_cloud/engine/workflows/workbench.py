"""What AWS has not: an execution's waits, ended or answered by hand, and mocks that are put here.

``GET /_workflows/waits?executionArn=…`` lists what an execution waits for, ``POST
/_workflows/waits/skip`` ends one of them. ``PUT /_workflows/mocks`` takes the mocked answers of
test cases, in the format of AWS's Step Functions Local; ``startExecution`` names a case behind the
machine's ARN: ``arn:…:stateMachine:Name#Case``. ``POST /_workflows/evaluate`` gives the value of a
JSONata expression for data that is sent along.
https://docs.aws.amazon.com/step-functions/latest/dg/sfn-local-test-sm-exec.html
"""

from __future__ import annotations

import contextlib
import json
import math
import tempfile
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from localstack import config
from localstack.http import Request, Response
from localstack.services.edge import ROUTER
from localstack.services.stepfunctions.backend.execution import Execution
from localstack.services.stepfunctions.backend.execution_worker import ExecutionWorker
from localstack.services.stepfunctions.backend.models import sfn_stores
from localstack.services.stepfunctions.local_mocking import mock_config_file
from pydantic import ValidationError

from local_cloud.engine.workflows import playing_on
from local_cloud.engine.workflows.clock import MAX_SCALE, Clock, Wait, may_run
from local_cloud.engine.workflows.jsonata.evaluate import QueryFailed, evaluate
from local_cloud.engine.workflows.playing_on import Beginning
from local_cloud.engine.workflows.redrive import history_of

PATH = "/_workflows"
#: How much faster than real time passes: on StartExecution, and as a tag of the machine.
SCALE_HEADER, SCALE_TAG = "x-local-cloud-time-scale", "local-cloud:time-scale"
_starting = threading.local()


class WrongScale(ValueError):
    """A time scale is none; says so."""


def read_scale(text: str) -> float:
    """Return a time scale: 3600 has an hour pass in a second.

    Raises:
        WrongScale: it is no number, or not between 0 and a million.
    """
    try:
        scale = float(text)
    except ValueError:
        scale = math.nan
    if not 0 < scale <= MAX_SCALE:
        raise WrongScale(f"The time scale is {text!r}: give a number above 0, up to {MAX_SCALE:g}")
    return scale


@contextlib.contextmanager
def starting(
    headers: Mapping[str, str], tags: Mapping[str, str], definition: str
) -> Iterator[None]:
    """Have the execution that is started meanwhile run by what its request, or its machine, says.

    Args:
        definition: its machine's.

    Raises:
        WrongScale: that is no time scale.
        NoSuchPlace: it cannot play on from there.
    """
    _starting.scale = read_scale(headers.get(SCALE_HEADER) or tags.get(SCALE_TAG) or "1")
    if place := headers.get(playing_on.HEADER):
        _starting.beginning = _beginning_at(place, definition)
    try:
        yield
    finally:
        _starting.scale, _starting.beginning = 1.0, None


def _beginning_at(place: str, definition: str) -> Beginning:
    arn, number = playing_on.read_place(place)
    other = _find(arn)
    if other is None:
        raise playing_on.NoSuchPlace(f"there is no execution {arn}")
    return playing_on.beginning_at(history_of(other), number, definition)


def open_workbench() -> None:
    """Answer on the engine's port; have executions keep the scale that they are started with."""
    init, environment = ExecutionWorker.__init__, ExecutionWorker._get_evaluation_environment
    start = ExecutionWorker.start

    def init_scaled(self: ExecutionWorker, *args: Any, **kwargs: Any) -> None:
        init(self, *args, **kwargs)
        self.scale = getattr(_starting, "scale", 1.0)
        self.beginning = getattr(_starting, "beginning", None)

    def start_with_environment(self: ExecutionWorker) -> None:
        # There from the start: an execution without one has neither history nor tokens, and one
        # that does not run yet could not be stopped.
        self.env = self._get_evaluation_environment()
        may_run(self.env)
        start(self)

    def environment_scaled(self: ExecutionWorker) -> Any:
        if self.env is not None:
            return self.env
        env = environment(self)
        env.event_manager.clock = Clock(self.scale)
        env.beginning = self.beginning
        return env

    ExecutionWorker.__init__ = init_scaled
    ExecutionWorker.start = start_with_environment
    ExecutionWorker._get_evaluation_environment = environment_scaled
    ROUTER.add(f"{PATH}/waits", _list, methods=["GET"])
    ROUTER.add(f"{PATH}/waits/skip", _skip, methods=["POST"])
    ROUTER.add(f"{PATH}/mocks", _put_mocks, methods=["PUT"])
    ROUTER.add(f"{PATH}/evaluate", _evaluate, methods=["POST"])


def clock_of(execution: Execution) -> Clock | None:
    """Return the clock of an execution, ``None`` before it has begun."""
    env = getattr(execution.exec_worker, "env", None)
    return getattr(env.event_manager, "clock", None) if env is not None else None


def _find(arn: str) -> Execution | None:
    for regions in sfn_stores.values():
        for store in regions.values():
            if (found := store.executions.get(arn)) is not None:
                return found
    return None


def _list(request: Request) -> Response:
    execution = _find(request.args.get("executionArn", ""))
    if execution is None:
        return _refused(404, "There is no such execution: name it by ?executionArn=")
    clock = clock_of(execution)
    # What a task waits for is told by the answer that it waits for, where that is somebody's.
    waits = sorted(clock.waits.values(), key=lambda one: one.number) if clock else []
    outside = {one.token for one in waits if one.kind == "answer"}
    told = [
        _told(wait)
        for wait in waits
        if wait.kind != "map" and not (wait.kind == "task" and wait.token in outside and wait.token)
    ]
    return Response.for_json({"waits": told, "timeScale": clock.scale if clock else 1.0})


def _told(wait: Wait) -> dict[str, Any]:
    return {
        "wait": wait.number,
        "state": wait.state,
        "kind": wait.kind,
        "since": wait.began,
        "until": None if wait.seconds is None else wait.began + wait.seconds,
        **({"taskToken": wait.token} if wait.kind == "answer" and wait.token else {}),
    }


def _skip(request: Request) -> Response:
    try:
        asked = json.loads(request.get_data())
        arn, number = str(asked["executionArn"]), int(asked["wait"])
    except (ValueError, KeyError, TypeError):
        return _refused(400, 'Send {"executionArn": "…", "wait": 1}')
    execution = _find(arn)
    clock = clock_of(execution) if execution is not None else None
    if clock is None or not clock.skip(number):
        return _refused(404, "There is no such wait: it may have ended")
    return Response.for_json({"skipped": number})


def _put_mocks(request: Request) -> Response:
    text = request.get_data().decode(errors="replace")
    try:
        mock_config_file.RawMockConfig.model_validate_json(text)
    except ValidationError as error:
        said = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors()[:5])
        return _refused(400, f"That is no mock configuration: {said}")
    path = Path(tempfile.gettempdir()) / "workflow-mocks.json"
    path.write_text(text)
    config.SFN_MOCK_CONFIG = str(path)
    mock_config_file._read_sfn_raw_mock_config.cache_clear()
    return Response.for_json({"mocks": "taken"})


def _evaluate(request: Request) -> Response:
    try:
        asked = json.loads(request.get_data())
        expression = str(asked["expression"])
        bindings = {**asked.get("variables", {}), "states": asked.get("states", {})}
    except (ValueError, KeyError, TypeError, AttributeError):
        return _refused(400, 'Send {"expression": "$states.input", "states": {}, "variables": {}}')
    try:
        return Response.for_json({"value": evaluate(expression, bindings)})
    except QueryFailed as error:
        return Response.for_json({"error": error.words.strip()})


def _refused(status: int, message: str) -> Response:
    response = Response.for_json({"message": message})
    response.status_code = status
    return response
