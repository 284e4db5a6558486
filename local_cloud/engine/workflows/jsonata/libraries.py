"""The libraries that evaluate JSONata: one in Rust, and one in Python where that has no build.

Chosen by JSONata's own suite: of 1,662 cases jsonatapy answers 1,657 as it says, jsonata-python
1,620.
"""

from __future__ import annotations

import functools
import importlib
import importlib.util
import json
import logging
import re
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from types import ModuleType
from typing import Any, Protocol

from local_aws.background import start_thread

LOG = logging.getLogger(__name__)

#: An expression that takes longer, or nests deeper, is taken for one that never ends.
TIMEOUT_MS = 1000
MAX_DEPTH = 500
#: Elements of a sequence on its way; a result has a limit of its own.
MAX_SEQUENCE = 1_000_000

Functions = Mapping[str, Callable[..., Any]]


class Run(Protocol):
    """Evaluates an expression with values for its variables.

    Returns JSON, or ``None`` for undefined.

    Raises:
        ExpressionFailed: it cannot be read, or failed.
    """

    def __call__(
        self,
        expression: str,
        bindings: Mapping[str, Any],
        functions: Functions,
        document: str | None = None,
    ) -> str | None: ...


class ExpressionFailed(ValueError):
    """An expression cannot be read, or failed; carries JSONata's code and words."""


def run_in_rust(
    expression: str,
    bindings: Mapping[str, Any],
    functions: Functions,
    document: str | None = None,
) -> str | None:
    """Evaluate with jsonatapy; see :class:`Run`."""
    jsonatapy = _in_rust()
    try:
        # Never kept: a compiled expression belongs to its thread, and each state has one.
        compiled = jsonatapy.compile(expression)
        for name, function in functions.items():
            replaces = name in _BUILT_IN
            (compiled.register_override if replaces else compiled.register)(name, function)
        if "$now" in expression:  # the library's own takes no picture
            compiled.register_override("now", _now(int(time.time() * 1000)))
        result: str | None = compiled.evaluate_json_or_none(
            document,
            dict(bindings),
            timeout=TIMEOUT_MS,
            max_stack_depth=MAX_DEPTH,
            max_sequence_length=MAX_SEQUENCE,
        )
    except ValueError as error:
        raise ExpressionFailed(_as_reference(str(error))) from error
    return result


def _now(moment: int) -> Callable[..., Any]:
    """Return ``$now``, which tells the same moment throughout an expression.

    Args:
        moment: milliseconds since the epoch.
    """
    jsonatapy = _in_rust()

    def now(picture: str | None = None, timezone: str | None = None) -> Any:
        given = {"picture": picture, "timezone": timezone}
        bound = {name: value for name, value in given.items() if value is not None}
        told = jsonatapy.compile(f"$fromMillis({moment}, $picture, $timezone)")
        text = told.evaluate_json_or_none(None, bound)
        return None if text is None else json.loads(text)

    return now


def run_in_python(
    expression: str,
    bindings: Mapping[str, Any],
    functions: Functions,
    document: str | None = None,
) -> str | None:
    """Evaluate with jsonata-python; see :class:`Run`."""
    from jsonata.jexception import JException  # type: ignore[import-untyped]
    from jsonata.jsonata import Jsonata  # type: ignore[import-untyped]
    from jsonata.utils import Utils  # type: ignore[import-untyped]

    try:
        compiled = Jsonata(expression)
        compiled.set_output_convert_nulls(False)
        for name, function in functions.items():
            compiled.register_lambda(name, function)
        frame = compiled.create_frame()
        frame.set_runtime_bounds(TIMEOUT_MS, MAX_DEPTH)
        for name, value in bindings.items():
            frame.bind(name, value)
        result = compiled.evaluate(json.loads(document) if document else None, frame)
    except JException as error:
        code = getattr(error, "error", None)
        raise ExpressionFailed(_as_reference(f"{code}: {error}" if code else str(error))) from error
    except MemoryError:
        raise  # who runs it has words for that
    except Exception as error:
        raise ExpressionFailed(str(error)) from error
    if result is None:
        return None
    nulls = {id(Utils.NULL_VALUE)}
    return json.dumps(
        result,
        default=lambda value: None if id(value) in nulls else "",
        separators=(",", ":"),
        ensure_ascii=False,
    )


#: By name.
LIBRARIES: dict[str, Run] = {"rust": run_in_rust, "python": run_in_python}


@functools.cache
def _in_rust() -> ModuleType:
    """Return jsonatapy, loaded by a thread that never ends.

    Its memory is mimalloc's, which takes the thread that loads it for the process' main one: once
    that has ended, whoever evaluates next brings down the process.
    """
    loaded: Future[ModuleType] = Future()

    def load() -> None:
        try:
            loaded.set_result(importlib.import_module("jsonatapy"))
        except BaseException as error:  # noqa: BLE001 - told to who waits
            loaded.set_exception(error)
        else:
            threading.Event().wait()

    start_thread(load, "jsonatapy")
    return loaded.result()


@functools.cache
def chosen() -> Run:
    """Return what evaluates on this machine; what is not the first choice is said once."""
    if importlib.util.find_spec("jsonatapy") is not None:
        return run_in_rust
    LOG.warning("JSONata is evaluated in Python: jsonatapy has no build for this machine")
    return run_in_python


def syntax_error(expression: str) -> str | None:
    """Return why an expression cannot be read, without its code; ``None`` where it can."""
    try:
        if chosen() is run_in_rust:
            _in_rust().compile(expression)
        else:
            from jsonata.jsonata import Jsonata

            Jsonata(expression)
    except Exception as error:  # noqa: BLE001 - each library has kinds of its own
        return re.sub(r"^[A-Z]\d{4}: ", "", _as_reference(str(error)))
    return None


_BUILT_IN = frozenset({"random", "eval"})
_HOST = re.compile(r"^host function raised \w+: ")
_OPERATOR = re.compile(r"(side of the) ([^\s\"]+) (operator)")
_SYMBOLS = {
    "RightBracket": "]",
    "LeftBracket": "[",
    "RightBrace": "}",
    "LeftBrace": "{",
    "RightParen": ")",
    "LeftParen": "(",
    "Comma": ",",
    "Colon": ":",
    "Semicolon": ";",
    "Eof": "(end)",
}


def _as_reference(words: str) -> str:
    """Return a library's words as JSONata's reference implementation has them."""
    words = _HOST.sub("", words.removeprefix("Parse error: "))
    if words.startswith("T1006"):
        return "T1006: Attempted to invoke a non-function"
    words = _OPERATOR.sub(r'\1 "\2" \3', words)
    for name, symbol in _SYMBOLS.items():
        words = re.sub(rf"\b{name}\b", f'"{symbol}"', words)
    return words
