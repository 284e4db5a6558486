"""Expressions of workflows that take all they can get: ended, and told so, while others go on."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator

import pytest

from local_cloud.engine.workflows.jsonata.evaluate import QueryFailed, evaluate
from local_cloud.engine.workflows.jsonata.evaluators import EVALUATORS, Evaluators
from local_cloud.engine.workflows.jsonata.libraries import ExpressionFailed

pytestmark = pytest.mark.timeout(120)


@pytest.fixture(scope="module")
def impatient() -> Iterator[Evaluators]:
    made = Evaluators(most=2, deadline=2)
    yield made
    made.close()


@pytest.mark.parametrize(
    "expression",
    [
        '$pad("x", 5e8)',
        '$pad("x", 5e9)',
        '$formatNumber(1, $pad("0", 1e8, "0"))',
        "($f := function($x){$f($x)}; $f(1))",
        "($f := function($x){1 + $f($x)}; $f(1))",
        "$count([1..1e9])",
        '$join($map([1..1000000], function($x){$pad("", 1000, "x")}))',
        '($s := $pad("", 1000000, "x"); $map([1..900000], function($i){$s & $i}))',
        "(" * 50_000 + "1" + ")" * 50_000,
        "-" * 100_000 + "1",
        "[" * 2000 + "]" * 2000,
        '$parse($pad("", 100000, "["))',
        '$eval("$eval(1)")',
        '$replace($pad("", 60, "x"), /(x|xx)*(?=[yz])/, "")',
    ],
    ids=lambda text: text[:40],
)
def test_what_takes_too_much_fails_and_the_next_one_is_evaluated(
    impatient: Evaluators, expression: str
) -> None:
    with pytest.raises(ExpressionFailed, match=r"^[A-Z]\d{4}|^\$parse|regex"):
        impatient.evaluate(expression, {})
    assert impatient.evaluate("1 + 1", {}) == "2"


def test_what_cannot_be_read_does_no_harm_either(impatient: Evaluators) -> None:
    assert impatient.syntax_error("(" * 50_000) is not None
    assert impatient.syntax_error("1 +") is not None
    assert impatient.syntax_error("1 + 1") is None


def test_an_expression_matches_in_linear_time(impatient: Evaluators) -> None:
    text = "x" * 100_000
    assert impatient.evaluate("$count($match($t, /(x|xx)*[yz]/))", {"t": text}) == "0"


def test_while_one_takes_its_time_others_are_evaluated() -> None:
    evaluators = Evaluators(most=2, deadline=60)
    failed = threading.Event()

    def forever() -> None:
        try:
            evaluators.evaluate("($f := function($x){$f($x)}; $f(1))", {})
        except ExpressionFailed:
            failed.set()

    thread = threading.Thread(target=forever)
    thread.start()
    assert [evaluators.evaluate("$x + 1", {"x": n}) for n in range(3)] == ["1", "2", "3"]
    thread.join(60)
    assert failed.is_set()
    evaluators.close()


@pytest.mark.parametrize("expression", ["$match($t, /(x|xx)*[yz]/)", '$pad("x", 5e9)'])
def test_the_library_in_python_is_held_as_well(expression: str) -> None:
    evaluators = Evaluators(most=1, deadline=2, library="python")
    with pytest.raises(ExpressionFailed, match="D1012"):
        evaluators.evaluate(expression, {"t": "x" * 60})
    assert evaluators.evaluate("1 + 1", {}) == "2"
    evaluators.close()


def test_a_process_that_has_died_is_replaced() -> None:
    evaluators = Evaluators(most=1)
    evaluators.evaluate("1", {})
    process = evaluators._idle[0]._process
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert evaluators.evaluate("2", {}) == "2"
    evaluators.close()


def test_a_state_fails_in_aws_s_words() -> None:
    with pytest.raises(QueryFailed, match=r"threw an error during evaluation. D101"):
        evaluate("($f := function($x){1 + $f($x)}; $f(1))", {})
    with pytest.raises(QueryFailed, match="returned an unsupported result: it has more than"):
        evaluate("$reduce([1..400], function($a, $b){{'a': $a}})", {})


def test_values_that_are_nested_deeply_are_evaluated() -> None:
    deep: list[object] = []
    for _ in range(400):
        deep = [deep]
    assert EVALUATORS.evaluate("$count($states.input)", {"states": {"input": deep}}) == "1"
