"""Expressions of workflows: AWS's own functions, and what is said of those that fail.

https://docs.aws.amazon.com/step-functions/latest/dg/transforming-data.html
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from local_cloud.engine.workflows.jsonata import libraries
from local_cloud.engine.workflows.jsonata.evaluate import QueryFailed, evaluate
from local_cloud.engine.workflows.jsonata.evaluators import Evaluators
from local_cloud.engine.workflows.jsonata.libraries import (
    LIBRARIES,
    Run,
    run_in_python,
    run_in_rust,
)


@pytest.fixture(scope="module", params=["rust", "python"])
def evaluators(request: pytest.FixtureRequest) -> Iterator[tuple[str, Evaluators]]:
    """Each library in turn."""
    made = Evaluators(library=request.param)
    yield request.param, made
    made.close()


@pytest.fixture(autouse=True)
def library(evaluators: tuple[str, Evaluators], monkeypatch: pytest.MonkeyPatch) -> Run:
    name, made = evaluators
    monkeypatch.setattr("local_cloud.engine.workflows.jsonata.evaluate.EVALUATORS", made)
    return LIBRARIES[name]


STATES = {"states": {"input": {"items": [{"n": 3}, {"n": 9}], "text": 'a"b\nü', "none": None}}}


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("$sum($states.input.items.n)", 12),
        ("$states.input.text", 'a"b\nü'),
        ("$states.input.none", None),
        ("$x & '!'", "y!"),
        ("[]", []),
        ("3.0", 3),
        ("$partition([1, 2, 3, 4, 5], 2)", [[1, 2], [3, 4], [5]]),
        ("$partition([], 2)", []),
        ("$range(0, 10, 5)", [0, 5, 10]),
        ("$range(3, 1, -1)", [3, 2, 1]),
        ("$range(0, 1, 0.5)", [0, 0.5, 1]),
        ("$range(2, 1, 1)", []),
        ("$range(1, 1, 1)", 1),
        ("$hash('a', 'MD5')", "0cc175b9c0f1b6a831c399e269772661"),
        ("$hash('a', 'SHA-1')", "86f7e437faa5a7fce15d1ddcb9eaeaea377667b8"),
        (
            "$hash('a', 'SHA-256')",
            "ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb",
        ),
        ("$parse('{\"a\": [1, null]}')", {"a": [1, None]}),
        ("$random(7) = $random(7)", True),
        ("$map([1, 2], function($v) { $v * 2 })", [2, 4]),
    ],
)
def test_an_expression_gives_a_value(expression: str, expected: Any) -> None:
    assert evaluate(expression, {**STATES, "x": "y"}) == expected


def test_now_takes_a_picture_and_is_one_moment() -> None:
    assert re.fullmatch(r"20\d\d-\d\d-\d\d", evaluate("$now('[Y0001]-[M01]-[D01]')", {}))
    assert re.fullmatch(r"20\d\d-\d\d-\d\dT[\d:.]+Z", evaluate("$now()", {}))
    assert evaluate("$now('[H01]', '+0200') != $now('[H01]', '+0000')", {}) is True
    assert evaluate("$now() = $now()", {}) is True


def test_numbers_and_ids_differ_each_time() -> None:
    ids = {evaluate("$uuid()", {}) for _ in range(3)}
    assert len(ids) == 3
    assert all(re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", one) for one in ids)
    numbers = {evaluate("$random()", {}) for _ in range(3)}
    assert len(numbers) == 3
    assert all(0 <= number < 1 for number in numbers)


@pytest.mark.parametrize(
    ("expression", "words"),
    [
        ("$states.input.missing", " returned nothing (undefined)."),
        ("function($x) { $x }", " returned an unsupported result type."),
        ("1 + 'a'", 'T2002: The right side of the "+" operator must evaluate to a number'),
        ("$nobody()", "T1006: Attempted to invoke a non-function"),
        ("$eval('1')", "T1006: Attempted to invoke a non-function"),
        ("$hash('a', 'CRC')", "'CRC' is none of MD5, SHA-1"),
        ("$partition([1], 0)", "has to be 1 or more"),
        ("$range(1, 2, 0)", "cannot be 0"),
        ("$range(1, 100000, 1)", "no more than 1000"),
        ("$parse('{')", "that is no JSON"),
        ("$error('mine')", "mine"),
        ("($f := function($n) { $f($n + 1) + 1 }; $f(1))", "threw an error during evaluation"),
        ("($f := function($n) { $f($n + 1) }; $f(1))", "D1012"),
        ("$pad('x', 300000)", "larger than 256 KB"),
    ],
)
def test_an_expression_that_fails_says_why(library: Run, expression: str, words: str) -> None:
    if library is run_in_python and expression.startswith("function"):
        pytest.skip("it fails where it should give a function: another error then")
    with pytest.raises(QueryFailed, match=re.escape(words)):
        evaluate(expression, STATES)


@pytest.mark.parametrize(
    ("expression", "words"),
    [
        ("a[1,2)", 'S0202: Expected "]", got ","'),
        ("1 +", "S0207: Unexpected end of expression"),
        ("{'a':}", 'S0211: The symbol "}" cannot be used as a unary operator'),
        ('"unterminated', "S0101: String literal must be terminated by a matching quote"),
    ],
)
def test_what_cannot_be_read_is_told_in_the_reference_s_words(
    library: Run, expression: str, words: str
) -> None:
    if library is run_in_python:
        pytest.skip("it has words of its own")
    with pytest.raises(QueryFailed, match=re.escape(words)):
        evaluate(expression, {})


def test_the_python_library_takes_the_place_of_one_that_is_not_there(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert libraries.chosen.__wrapped__() is run_in_python
    assert "no build for this machine" in caplog.text


THREADS = """
import threading
from local_cloud.engine.workflows.jsonata.libraries import {name}
for _ in range(20):
    thread = threading.Thread(target={name}, args=("1 + 1", {{}}, {{}}))
    thread.start()
    thread.join()
print({name}("1 + 1", {{}}, {{}}))
"""


def test_threads_that_evaluate_may_end(library: Run) -> None:
    """In a process of its own: the thread that loads the library has to be one of them."""
    name = "run_in_rust" if library is run_in_rust else "run_in_python"
    script = THREADS.format(name=name)
    ran = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False
    )
    assert (ran.returncode, ran.stdout) == (0, "2\n"), ran.stderr
