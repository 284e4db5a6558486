"""An execution that is stopped tells its end, whenever that is."""

from __future__ import annotations

from typing import Any

import pytest
from localstack.services.stepfunctions.asl.eval.program_state import ProgramRunning, ProgramStopped

from local_cloud.engine.workflows.clock import _limiting, _noting


class Program:
    """Notes how often it told its end."""

    timeout_seconds = None

    def __init__(self) -> None:
        self.told = 0

    def _eval_body(self, env: Any) -> None:
        self.told += 1


class Environment:
    def __init__(self, state: object) -> None:
        self.state = state

    def program_state(self) -> object:
        return self.state

    def is_frame(self) -> bool:
        return False


def stopped() -> Environment:
    return Environment(ProgramStopped(stop_date=None, error=None, cause=None))


def runs(program: Program, env: Environment) -> None:
    _noting(Program._eval_body)(program, env)


def refuses(program: Program, env: Environment) -> None:
    raise RuntimeError("it does not run")


def does_not_begin(program: Program, env: Environment) -> None:
    """What LocalStack's thread does that finds the execution stopped."""


@pytest.mark.parametrize("theirs", [runs, refuses, does_not_begin])
def test_a_stopped_execution_tells_its_end_once(theirs: Any) -> None:
    program = Program()
    _limiting(theirs)(program, stopped())
    assert program.told == 1


def test_one_that_goes_on_tells_none() -> None:
    program = Program()
    _limiting(does_not_begin)(program, Environment(ProgramRunning()))
    assert program.told == 0
