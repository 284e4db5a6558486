"""What a distributed Map's definition says, beside what LocalStack's grammar knows.

The fields that it does not know are taken out of a definition before it is read, and kept with the
state that they are of.
https://docs.aws.amazon.com/step-functions/latest/dg/state-map-distributed.html
"""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from localstack.services.stepfunctions.asl.component.eval_component import EvalComponent
from localstack.services.stepfunctions.asl.component.program.program import Program
from localstack.services.stepfunctions.asl.component.state.state_execution.state_map.state_map import (  # noqa: E501
    StateMap,
)
from localstack.services.stepfunctions.asl.component.state.state_execution.state_parallel.state_parallel import (  # noqa: E501
    StateParallel,
)
from localstack.services.stepfunctions.asl.eval.environment import Environment
from localstack.services.stepfunctions.asl.parse.asl_parser import AmazonStateLanguageParser

from local_cloud.engine.workflows.validation.languages import JSONATA, JSONPATH

_TAKEN_OUT = ("ItemReader", "ItemBatcher", "ResultWriter")
_PERCENTAGE = "ToleratedFailurePercentage"
type Json = Mapping[str, Any]


@dataclass(frozen=True)
class Definition:
    """A distributed Map.

    Attributes:
        processor: the child workflow, as a definition of its own.
        tolerates: the tolerated failures that are given: ``Count``, ``Percentage``.
    """

    language: str
    processor: str
    express: bool
    reader: Json = field(default_factory=dict)
    batcher: Json = field(default_factory=dict)
    writer: Json = field(default_factory=dict)
    tolerates: frozenset[str] = frozenset()

    def evaluate(self, template: Any, env: Environment) -> Any:
        """Return a template's value, for the state's input.

        Args:
            template: JSON with paths, or with JSONata.
            env: of the state.
        """
        given = env.states.get_input()
        frame = env.open_frame()
        try:
            frame.states.reset(given)
            frame.stack = [given]
            _template(json.dumps(template), self.language).eval(frame)
            return frame.stack[-1]
        finally:
            env.close_frame(frame)

    def number(self, fields: Json, name: str, env: Environment) -> int | None:
        """Return a number that is given as it is, by a path or by an expression."""
        if f"{name}Path" in fields:
            value = self.evaluate({"value.$": fields[f"{name}Path"]}, env)["value"]
        elif name in fields:
            value = self.evaluate({"value": fields[name]}, env)["value"]
        else:
            return None
        return int(value)

    def arguments(self, fields: Json, env: Environment) -> dict[str, Any]:
        """Return what a reader or a writer calls S3 with."""
        template = fields.get(_arguments_of(self.language), {})
        found: dict[str, Any] = self.evaluate(template, env)
        return found


def _arguments_of(language: str) -> str:
    return "Arguments" if language == JSONATA else "Parameters"


@functools.lru_cache(maxsize=1024)
def _template(template: str, language: str) -> EvalComponent:
    """Return what evaluates a template: the arguments of a task are one."""
    task = {
        "Type": "Task",
        "Resource": "arn:aws:states:::lambda:invoke",
        _arguments_of(language): json.loads(template),
        "End": True,
    }
    machine = {"QueryLanguage": language, "StartAt": "Task", "States": {"Task": task}}
    program, _ = AmazonStateLanguageParser.parse(json.dumps(machine))
    return program.states.states["Task"].parargs


def is_distributed(state: Json) -> bool:
    """Return whether a Map runs its items in child executions."""
    processor = state.get("ItemProcessor") or state.get("Iterator")
    config = processor.get("ProcessorConfig") if isinstance(processor, Mapping) else None
    return isinstance(config, Mapping) and config.get("Mode") == "DISTRIBUTED"


def read_definitions() -> None:
    """Have LocalStack's parser keep what distributed Maps say."""
    AmazonStateLanguageParser.parse = staticmethod(_parsing(AmazonStateLanguageParser.parse))


def _parsing(theirs: Callable[..., Any]) -> Callable[..., Any]:
    def parse(definition: str) -> Any:
        if "DISTRIBUTED" not in definition:
            return theirs(definition)
        try:
            machine = json.loads(definition)
        except ValueError:
            return theirs(definition)  # which says what is wrong
        try:
            program, tree = theirs(json.dumps(_without(machine, ())))
        except Exception:  # noqa: BLE001 - it knows not all of what these fields may have
            program, tree = theirs(json.dumps(_without(machine, _TAKEN_OUT)))
        _attach(program, machine)
        return program, tree

    return parse


def _without(value: Any, fields: tuple[str, ...]) -> Any:
    """Return a definition without fields of its distributed Maps, in the parser's own terms."""
    if isinstance(value, list):
        return [_without(one, fields) for one in value]
    if not isinstance(value, dict):
        return value
    taken: tuple[str, ...] = ()
    if value.get("Type") == "Map" and is_distributed(value):
        taken = fields
    elif value.get("Mode") == "DISTRIBUTED":
        taken = ("ExecutionType",)  # it knows one
    kept = {key: _without(one, fields) for key, one in value.items() if key not in taken}
    if type(kept.get(_PERCENTAGE)) is int:  # it knows no whole ones
        kept[_PERCENTAGE] = float(kept[_PERCENTAGE])
    return kept


def _attach(program: Any, machine: Json) -> None:
    if not isinstance(program, Program):
        return
    language = str(machine.get("QueryLanguage", JSONPATH))
    for state, raw, spoken in _maps(program.states.states, machine, language):
        state.distributed = _read(raw, spoken)


def _maps(states: Json, machine: Json, language: str) -> Iterator[tuple[StateMap, Json, str]]:
    for name, raw in machine["States"].items():
        state, spoken = states[name], raw.get("QueryLanguage", language)
        match state:
            case StateMap():
                processor = raw.get("ItemProcessor") or raw["Iterator"]
                if is_distributed(raw):
                    yield state, raw, spoken
                yield from _maps(state.iteration_component._states.states, processor, spoken)
            case StateParallel():
                for branch, inner in zip(state.branches.programs, raw["Branches"], strict=True):
                    yield from _maps(branch.states.states, inner, spoken)


def _read(raw: Json, language: str) -> Definition:
    processor = dict(raw.get("ItemProcessor") or raw["Iterator"])
    config = processor.pop("ProcessorConfig")
    found = Definition(
        language=language,
        processor=json.dumps({"QueryLanguage": language, **processor}),
        express=config.get("ExecutionType") == "EXPRESS",
        reader=raw.get("ItemReader", {}),
        batcher=raw.get("ItemBatcher", {}),
        writer=raw.get("ResultWriter", {}),
        tolerates=frozenset(
            kind
            for kind in ("Count", "Percentage")
            if any(f"ToleratedFailure{kind}{path}" in raw for path in ("", "Path"))
        ),
    )
    _check_templates(found)
    return found


def _check_templates(found: Definition) -> None:
    """Raise what the parser says of a template that cannot be read."""
    name = _arguments_of(found.language)
    for fields, key in (
        (found.reader, name),
        (found.writer, name),
        (found.batcher, "BatchInput"),
    ):
        if key in fields:
            _template(json.dumps(fields[key]), found.language)
