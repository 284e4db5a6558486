"""The files that a user keeps: a script that gives the same numbers, a report that stands alone."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.unit.lambdas.causal_tools import DATA, METHODS, NSW, confounded, run
from tests.unit.lambdas.function_code import load

files = load("handle-finish", "files")

NHEFS = {
    "treatment": "qsmk",
    "outcome": "wt82_71",
    "adjustment_set": ["age", "exercise", "wt71", "sex"],
    "squares": ["age"],
    "categories": ["exercise"],
    "modifiers": ["wt71"],
    "cluster": "school",
    "methods": METHODS,
}
SURVEY = {"treatment": "treat", "outcome": "re78", "adjustment_set": NSW, "methods": METHODS}
SMALL: dict[str, Any] = {
    "treatment": "t",
    "outcome": "y",
    "adjustment_set": ["a", "b"],
    "methods": METHODS[:5],
}


@pytest.fixture
def messy(tmp_path: Path) -> Path:
    """Write a table with gaps, words and weights."""
    frame = confounded(2, rows=600, effect=1.0)
    frame["t"] = frame.t.map({0: "no", 1: "yes"})
    frame.loc[::9, "a"] = None
    frame = frame.assign(w=[1, 2, 3] * 200, y=(frame.y > 0).astype(int))
    path = tmp_path / "messy.csv"
    frame.to_csv(path, index=False)
    return path


def both(csv: Path, call: dict[str, Any], folder: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return what the tool says, and what the script that it comes with prints."""
    answer = run("estimate_effect", csv.read_bytes(), **call)
    estimates = {m: e for m, e in answer["estimates"].items() if "error" not in e}
    assert estimates
    script = folder / "analysis.py"
    script.write_text(files.script_of({**answer, "call": call}, estimates))
    done = subprocess.run(
        [sys.executable, str(script), str(csv)], check=True, capture_output=True, text=True
    )
    return answer, json.loads(done.stdout)


@pytest.mark.parametrize(
    ("name", "call"), [("nhefs", NHEFS), ("nsw_cps", SURVEY)], ids=["terms", "poor overlap"]
)
def test_the_script_gives_the_same_numbers(name: str, call: dict[str, Any], tmp_path: Path) -> None:
    answer, again = both(DATA / f"{name}.csv", call, tmp_path)
    assert again.keys() == answer["estimates"].keys()
    same(answer, again)


def test_the_script_treats_messy_data_alike(messy: Path, tmp_path: Path) -> None:
    call = {**SMALL, "compare": ["no", "yes"], "missing": "indicator", "weights": "w"}
    same(*both(messy, call, tmp_path))


def same(answer: dict[str, Any], again: dict[str, Any]) -> None:
    for method, targets in again.items():
        for target, found in targets.items():
            told = (answer["estimates"] if target == "ATE" else answer["att"])[method]
            assert found["estimate"] == pytest.approx(told["estimate"], rel=1e-7), method
            assert found["std_error"] == pytest.approx(told["std_error"], rel=1e-5), method


def test_nothing_estimated_is_no_script() -> None:
    assert files.script_of({}, {}) is None


def test_a_report_holds_its_result_and_lets_nothing_out() -> None:
    result = {"summary": "a < b </script><script>alert(1)</script>", "question": "Why?"}
    page = files.report_of(result)
    data = re.search(r'<script type="application/json" id="result">(.*?)</script>', page, re.S)
    assert data is not None
    assert json.loads(data[1]) == result
    assert "<noscript><p>a &lt; b &lt;/script&gt;" in page
    rule = re.search(r'Content-Security-Policy" content="([^"]*)"', page)
    assert rule is not None
    assert "default-src 'none'" in rule[1]
    code = re.findall(r"<script>(.*?)</script>", page, re.S)
    assert len(code) == 1
    digest = base64.b64encode(hashlib.sha256(code[0].encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}'" in rule[1]
    assert not re.findall(r'(?:src|href)="http', page.replace(code[0], ""))
