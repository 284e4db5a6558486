"""How far an execution has come, branch by branch and item by item: what a redrive goes on from.

Of each machine that runs, the outermost and those inside of Parallel and Map, the state that it
entered last is kept, with its input and the variables of its scope; of those that came to their
end, the output.
https://docs.aws.amazon.com/step-functions/latest/dg/redrive-executions.html
"""

from __future__ import annotations

import copy
import json
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from localstack.aws.api.stepfunctions import HistoryEventType
from localstack.services.stepfunctions.asl.component.program.program import Program
from localstack.services.stepfunctions.asl.component.state.state_execution.state_map.iteration.inline_iteration_component import (  # noqa: E501
    InlineIterationComponent,
)
from localstack.services.stepfunctions.asl.component.state.state_execution.state_map.iteration.iteration_worker import (  # noqa: E501
    IterationWorker,
)
from localstack.services.stepfunctions.asl.component.state.state_execution.state_parallel.branch_worker import (  # noqa: E501
    BranchWorker,
)
from localstack.services.stepfunctions.asl.component.state.state_execution.state_parallel.branches_decl import (  # noqa: E501
    BranchesDecl,
)
from localstack.services.stepfunctions.asl.eval.environment import Environment
from localstack.services.stepfunctions.asl.eval.event.event_manager import EventManager
from localstack.services.stepfunctions.asl.eval.program_state import ProgramEnded

from local_cloud.engine.workflows.playing_on import begin

#: Where a machine is: nothing for the outermost, else state and number at each level.
Place = tuple[str | int, ...]
#: What a state says at its beginning. A Fail state is entered anew, the others go on.
_STARTED = (HistoryEventType.ParallelStateStarted, HistoryEventType.MapStateStarted)
_REENTERED = HistoryEventType.FailStateEntered


@dataclass(frozen=True)
class Entered:
    """A state that was entered; its input is JSON."""

    state: str
    input: str
    event_id: int


class Progress:
    """The machines of an execution, by their place."""

    def __init__(self) -> None:
        self.running: dict[Place, Environment] = {}
        self.done: dict[Place, Any] = {}
        #: The map runs of distributed Maps, by the place of the Map.
        self.map_runs: dict[Place, Any] = {}
        #: Places that a redrive goes on from, when they are come to.
        self._resumed: set[Place] = set()

    def resume(self) -> None:
        """Have each machine that comes to its turn go on from where it was."""
        for place in [place for place in (*self.running, *self.done) if place]:
            if not self._is_current(place[:-1]):
                self.forget(place)
        for place in [place for place in self.map_runs if not self._is_current(place)]:
            self.forget(place)
        inside = map(_state_of, self.running)
        self._resumed = {*self.running, *self.done, *self.map_runs, *inside}

    def _is_current(self, inside: Place) -> bool:
        """Return whether a Parallel or Map is the state that its machine is in, not one before."""
        *machine, state = inside
        place = tuple(machine)
        entered = self.last_entered(place)
        if entered is None or entered.state != state:
            return False
        return not place or self._is_current(place[:-1])

    def take(self, place: Place) -> bool:
        """Return whether what is at a place goes on, for once: what comes to it again begins."""
        resumed = place in self._resumed
        self._resumed.discard(place)
        return resumed

    def forget(self, inside: Place) -> None:
        """Forget the machines inside of a state that begins anew."""
        for known in (self.running, self.done, self.map_runs):
            for place in [place for place in known if place[: len(inside)] == inside]:
                del known[place]

    def last_entered(self, place: Place = ()) -> Entered | None:
        """Return the state that a machine was in."""
        env = self.running.get(place)
        return getattr(env.event_history_context, "entered", None) if env is not None else None


def progress_of(env: Environment) -> Progress:
    """Return the progress of the execution that an environment is of."""
    manager = env.event_manager
    if not hasattr(manager, "progress"):
        manager.progress = Progress()
    found: Progress = manager.progress
    return found


def keep_progress() -> None:
    """Have LocalStack's interpreter tell how far it is, and go on from there when it is asked."""
    Program._eval_body = _evaluating(Program._eval_body)
    EventManager.add_event = _adding(EventManager.add_event)
    Environment.open_frame = _sharing(Environment.open_frame)
    BranchesDecl._eval_body = _beginning(BranchesDecl._eval_body)
    InlineIterationComponent._eval_body = _beginning(InlineIterationComponent._eval_body)
    BranchWorker.__init__ = _numbering(BranchWorker.__init__)
    BranchWorker._thread_routine = _run_branch
    IterationWorker._eval_job = _iterating(IterationWorker._eval_job)


def _state_of(place: Place) -> Place:
    """Return the place of the Parallel or Map that a machine is inside of."""
    return place[:-1]


def _place_of(env: Environment) -> Place:
    place: Place = getattr(env, "place", ())
    return place


def machine_of(env: Environment) -> Any:
    """Return the context of the machine that an environment is of, or of a frame of.

    It has the state that was entered last, and the token that the state's task was given.
    """
    return getattr(env.event_history_context, "machine", env.event_history_context)


def inside_of(env: Environment) -> Place:
    """Return the place of the state that an environment is in."""
    return (*_place_of(env), env.states.context_object.context_object_data["State"]["Name"])


def _evaluating(theirs: Callable[[Program, Environment], None]) -> Any:
    def evaluate(self: Program, env: Environment) -> None:
        progress, place = progress_of(env), _place_of(env)
        before = progress.running.get(place)
        progress.running[place] = env
        if not env.is_running():
            pass  # it was stopped before it began
        elif progress.take(place) and before is not None:
            _go_on(env, before)
        elif (beginning := getattr(env, "beginning", None)) is not None and not place:
            begin(env, beginning)
        theirs(self, env)
        if not place and isinstance(env.program_state(), ProgramEnded):
            progress.forget(())  # nobody redrives it

    return evaluate


def _go_on(env: Environment, before: Environment) -> None:
    entered: Entered | None = getattr(before.event_history_context, "entered", None)
    if entered is None:
        return
    env.next_state_name = entered.state
    env.states.reset(json.loads(entered.input))
    if env.variable_store is not before.variable_store:
        for name, value in before.variable_store._inner_scope.items():
            env.variable_store.set(name, value)
        env.variable_store.reset_tracing()
    env.event_history_context.entered = entered
    env.event_history_context.token = getattr(before.event_history_context, "token", None)
    env.event_history_context.resumes = entered.event_id


def _adding(theirs: Callable[..., int]) -> Any:
    def add_event(
        self: EventManager,
        context: Any,
        event_type: HistoryEventType,
        event_details: Any = None,
        *args: Any,
        **kwargs: Any,
    ) -> int:
        resumes: int | None = getattr(context, "resumes", None)
        entering = event_type.endswith("StateEntered")
        if resumes is not None and (entering or event_type in _STARTED):
            if event_type in _STARTED:
                context.resumes = None
            if event_type != _REENTERED:
                context.source_event_id = resumes  # what follows is of that state
                return resumes
        context.resumes = None
        event_id = theirs(self, context, event_type, event_details, *args, **kwargs)
        if entering:
            told = event_details["stateEnteredEventDetails"]
            context.entered = Entered(told["name"], told["input"], event_id)
        elif event_type.endswith("StateExited"):
            context.token = None
        return event_id

    return add_event


def _sharing(theirs: Callable[..., Environment]) -> Any:
    def open_frame(self: Environment, *args: Any, **kwargs: Any) -> Environment:
        frame = theirs(self, *args, **kwargs)
        frame.place = _place_of(self)
        resumes = getattr(self.event_history_context, "resumes", None)
        frame.event_history_context.resumes = resumes
        frame.event_history_context.machine = machine_of(self)
        return frame

    return open_frame


_beginnings = threading.local()


def _beginning(theirs: Callable[[Any, Environment], None]) -> Any:
    def begin(self: Any, env: Environment) -> None:
        progress, inside = progress_of(env), inside_of(env)
        if not progress.take(inside):
            progress.forget(inside)
        # Of whom the branches are that are about to be made; of a Map the workers know.
        _beginnings.inside, _beginnings.programs = inside, getattr(self, "programs", ())
        theirs(self, env)

    return begin


def _numbering(theirs: Callable[..., None]) -> Any:
    def init(self: BranchWorker, *args: Any, **kwargs: Any) -> None:
        theirs(self, *args, **kwargs)
        number = next(n for n, p in enumerate(_beginnings.programs) if p is self._program)
        self.env.place = (*_beginnings.inside, number)

    return init


def _run_branch(self: BranchWorker) -> None:
    env, progress = self.env, progress_of(self.env)
    place = _place_of(env)
    if place in progress.done:
        env.states.reset(copy.deepcopy(progress.done[place]))
        env.set_ended()
    else:
        self._program.eval(env)
        if isinstance(env.program_state(), ProgramEnded):
            progress.done[place] = env.states.get_input()
    self._branch_worker_comm.on_terminated(env=env)


def _iterating(theirs: Callable[..., None]) -> Any:
    def evaluate(self: IterationWorker, env: Environment, job: Any) -> None:
        progress = progress_of(env)
        env.place = place = (*inside_of(self._env), job.job_index)
        if place in progress.done:
            job.job_output = copy.deepcopy(progress.done[place])
            return
        theirs(self, env, job)
        if not isinstance(job.job_output, Exception):
            progress.done[place] = job.job_output

    return evaluate
