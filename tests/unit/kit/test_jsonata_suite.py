"""JSONata's own test suite, held against the libraries that evaluate workflows.

``JSONATA_SUITE`` names its folder, with ``groups/`` and ``datasets/``
(https://github.com/jsonata-js/jsonata/tree/master/test/test-suite).
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from local_cloud.engine.workflows.jsonata.libraries import (
    ExpressionFailed,
    Run,
    run_in_python,
    run_in_rust,
)

SUITE = os.environ.get("JSONATA_SUITE")
pytestmark = pytest.mark.skipif(
    not SUITE, reason="JSONATA_SUITE names no folder with JSONata's test suite"
)
#: What Step Functions does not have, or what is about the suite's own runner.
OUT_OF_SCOPE = ("function-eval", "performance", "tail-recursion")
#: Cases that do not pass, each with why.
KNOWN: dict[str, dict[str, str]] = {
    "run_in_rust": {},
    "run_in_python": {
        "flattening/large[0]": "200,000 texts take it longer than an expression may",
        "flattening/large[1]": "the same",
        "function-contains/case007[0]": "fails for undefined instead of giving it",
        "function-formatNumber/case014[0]": "writes an exponent without its decimal",
        "function-length/case004[0]": "counts a surrogate pair as two characters",
        "function-tomillis/case009[0]": "reads a time without its T",
        "function-tomillis/parseDateTime[46]": "does not read five digits of a second",
        "regex/case022[0]": "lets a pattern match nothing",
        "regex/case034[0]": "gives a replacing function the wrong group",
        "transform/case019[0]": "takes null for undefined",
    },
}


def cases() -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield each case of the suite with its name."""
    for file in sorted(Path(str(SUITE)).glob("groups/*/*.json")):
        if file.parent.name in OUT_OF_SCOPE:
            continue
        found = json.loads(file.read_text())
        for number, case in enumerate(found if isinstance(found, list) else [found]):
            if "expr" in case:
                yield f"{file.parent.name}/{file.stem}[{number}]", case


def document_of(case: dict[str, Any]) -> str | None:
    if "data" in case:
        return json.dumps(case["data"])
    if case.get("dataset") is None:
        return None
    return (Path(str(SUITE)) / "datasets" / f"{case['dataset']}.json").read_text()


def same(one: Any, other: Any) -> bool:
    """Return whether two results are equal, numbers but for their last digits."""
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, int | float) and isinstance(other, int | float):
        return math.isclose(one, other, rel_tol=1e-12, abs_tol=1e-12)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    return bool(one == other)


def difference(run: Run, case: dict[str, Any]) -> str | None:
    """Return how an answer differs from what the suite says, ``None`` where it does not."""
    try:
        text = run(case["expr"], case.get("bindings") or {}, {}, document_of(case))
    except ExpressionFailed as error:
        return None if "code" in case or "error" in case else f"failed: {error}"
    if "code" in case or "error" in case:
        return f"no error: {text}"
    if case.get("undefinedResult"):
        return None if text is None else f"not undefined: {text}"
    if text is None:
        return "undefined"
    return None if same(json.loads(text), case.get("result")) else f"another result: {text[:200]}"


@pytest.mark.parametrize("run", [run_in_rust, run_in_python])
def test_the_suite_is_answered_but_for_what_is_known(run: Run) -> None:
    found = {name: said for name, case in cases() if (said := difference(run, case)) is not None}
    known = KNOWN[run.__name__]  # type: ignore[attr-defined]
    news = {name: said for name, said in found.items() if name not in known}
    assert not news, news
    assert not known.keys() - found.keys(), "these pass now: strike them out"
