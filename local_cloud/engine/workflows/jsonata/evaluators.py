"""The processes that evaluate expressions (:mod:`.evaluator`), and their time."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping
from typing import Any

import orjson

from local_cloud.engine.workflows.jsonata.evaluator import (
    FAILED,
    FUNCTION,
    RESULT,
    UNDEFINED,
    frame,
    receive,
)
from local_cloud.engine.workflows.jsonata.libraries import ExpressionFailed

#: The library's own limit is a second of work; this is for what does not keep it.
DEADLINE_SECONDS = 5.0
#: A process takes this long to start on a machine that is busy.
START_SECONDS = 60.0
#: Expressions after which a process is replaced.
MOST_ASKED = 10_000
#: mimalloc, which the library brings, would take a gigabyte at once, and all counts.
_SMALL_ARENAS = {"MIMALLOC_ARENA_RESERVE": str(64 << 10)}
MOST = max(2, min(4, os.cpu_count() or 2))


class NotAValue(ExpressionFailed):
    """An expression gives a function."""


class Evaluators:
    """A few processes, each of which evaluates one expression at a time.

    Args:
        most: how many there are, at most; whoever comes then waits.
        deadline: seconds for one expression.
        library: which of :data:`.libraries.LIBRARIES`; the best one that is there, if not said.
    """

    def __init__(
        self,
        most: int = MOST,
        deadline: float = DEADLINE_SECONDS,
        library: str | None = None,
    ) -> None:
        self.deadline = deadline
        self._more = [] if library is None else [library]
        self._free = threading.Semaphore(most)
        self._idle: list[_Evaluator] = []

    def evaluate(self, expression: str, bindings: Mapping[str, Any]) -> str | None:
        """Return what an expression gives, as JSON; ``None`` for undefined.

        Raises:
            NotAValue: it gives a function.
            ExpressionFailed: it failed, or takes more time or memory than it may.
        """
        return self._ask({"expression": expression, "bindings": bindings})

    def syntax_error(self, expression: str) -> str | None:
        """Return why an expression cannot be read, without its code; ``None`` where it can."""
        try:
            self._ask({"expression": expression})
        except ExpressionFailed as error:
            return str(error)
        return None

    def _ask(self, request: Mapping[str, Any]) -> str | None:
        data = frame(_dumped(request))
        with self._free:
            evaluator = self._next()
            answer = evaluator.ask(data, self.deadline)
            self._idle.append(evaluator)
        kind, text = bytes(answer[:1]), answer[1:].decode()
        match kind:
            case _ if kind == RESULT:
                return text
            case _ if kind == UNDEFINED:
                return None
            case _ if kind == FUNCTION:
                raise NotAValue("it gives a function")
        assert kind == FAILED, kind
        raise ExpressionFailed(text)

    def _next(self) -> _Evaluator:
        with contextlib.suppress(IndexError):
            while True:
                evaluator = self._idle.pop()
                if evaluator.is_fit():
                    return evaluator
                evaluator.end()
        return _Evaluator(self._more)

    def close(self) -> None:
        """End the processes that are idle."""
        while self._idle:
            self._idle.pop().end()


class _Evaluator:
    """One process.

    Args:
        more: its arguments.
    """

    def __init__(self, more: list[str]) -> None:
        self._socket, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-m", f"{__package__}.evaluator", *more],
                env={**os.environ, **_SMALL_ARENAS},
                stdin=theirs.fileno(),
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )
        self._seconds_to_start = START_SECONDS
        self._asked = 0

    def is_fit(self) -> bool:
        """Return whether it can be asked: it is there, and not so old that memory has leaked."""
        return self._asked < MOST_ASKED and self._process.poll() is None

    def ask(self, data: bytes, deadline: float) -> bytearray:
        """Return the answer to a request.

        Raises:
            ExpressionFailed: there is none in time, or at all; the process has ended then.
        """
        try:
            self._socket.settimeout(deadline + self._seconds_to_start)
            self._socket.sendall(data)
            answer = receive(self._socket)
        except TimeoutError:
            self.end()
            raise ExpressionFailed(f"D1012: it takes longer than {deadline:g} seconds") from None
        except OSError:
            answer = None
        except BaseException:
            self.end()
            raise
        if answer is None:
            self.end()
            raise ExpressionFailed("D1012: it needs too much memory, or nests too deeply")
        self._seconds_to_start = 0.0
        self._asked += 1
        return answer

    def end(self) -> None:
        """End the process."""
        self._socket.close()
        self._process.kill()
        self._process.wait()


def _dumped(request: Mapping[str, Any]) -> bytes:
    with contextlib.suppress(TypeError):  # nested too deeply for it, or a number too long
        return orjson.dumps(request)
    try:
        return json.dumps(request).encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise ExpressionFailed(f"a value is none that it can have: {error}") from error


EVALUATORS = Evaluators()
