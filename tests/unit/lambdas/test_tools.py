"""The causal tools: right numbers, and an answer to every mistake that a model can make."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from statsmodels.treatment.treatment_effects import TreatmentEffect

from tests.unit.lambdas.function_code import load

tools = load("dispatch-tool", "tools")
DATA = Path(__file__).parents[3] / "config" / "test-data"
COVARIATES = ["age", "educ", "black", "hisp", "marr", "nodegree", "re74", "re75"]
METHODS = ["difference_in_means", "ols", "ipw", "aipw"]


def run(name: str, csv: bytes | None = None, **arguments: object) -> dict[str, Any]:
    data = csv if csv is not None else (DATA / "nsw.csv").read_bytes()
    answer: dict[str, Any] = tools.run_tool(
        name, json.dumps(arguments), lambda: tools.Dataset.parse(data)
    )
    return answer


@pytest.fixture(scope="module")
def nsw() -> dict[str, Any]:
    return run(
        "estimate_effect",
        treatment="treat",
        outcome="re78",
        adjustment_set=COVARIATES,
        methods=METHODS,
    )


def test_ols_agrees_with_statsmodels(nsw: dict[str, Any]) -> None:
    frame = pd.read_csv(DATA / "nsw.csv")
    fit = sm.OLS(frame.re78, sm.add_constant(frame[["treat", *COVARIATES]])).fit(cov_type="HC1")
    ols = nsw["estimates"]["ols"]
    assert ols["estimate"] == pytest.approx(fit.params.treat, rel=1e-6)
    assert ols["std_error"] == pytest.approx(fit.bse.treat, rel=1e-6)
    assert [ols["ci_low"], ols["ci_high"]] == pytest.approx(list(fit.conf_int().loc["treat"]))


@pytest.mark.parametrize("method", ["ipw", "aipw"])
def test_weighting_agrees_with_statsmodels(nsw: dict[str, Any], method: str) -> None:
    frame = pd.read_csv(DATA / "nsw.csv")
    design = sm.add_constant(frame[COVARIATES])
    logit = sm.Logit(frame.treat, design).fit(disp=False, tol=1e-12, maxiter=100)
    model = TreatmentEffect(sm.OLS(frame.re78, design), frame.treat, results_select=logit)
    effect = getattr(model, method)(return_results=False)[0]
    assert nsw["estimates"][method]["estimate"] == pytest.approx(effect, rel=1e-6)


def test_the_observational_textbook_case_is_close_to_the_textbook() -> None:
    answer = run(
        "estimate_effect",
        (DATA / "nhefs.csv").read_bytes(),
        treatment="qsmk",
        outcome="wt82_71",
        methods=["aipw"],
        adjustment_set=["sex", "age", "race", "smokeintensity", "smokeyrs", "wt71"],
    )
    # Hernan and Robins, What If, chapters 12 and 13: 3.4 to 3.5 kg
    assert 3.0 < answer["estimates"]["aipw"]["estimate"] < 4.0


def test_weighting_balances_what_led_people_to_the_treatment() -> None:
    random = np.random.default_rng(3)
    z, noise = random.normal(size=2000), random.normal(size=2000)
    t = (random.uniform(size=2000) < 1 / (1 + np.exp(-z))).astype(int)
    answer = run(
        "estimate_effect",
        csv(z=list(z), noise=list(noise), t=list(t), y=list(z + t)),
        treatment="t",
        outcome="y",
        methods=["ipw"],
        adjustment_set=["z", "noise"],
    )
    balance = answer["balance"]
    groups = z[t == 1], z[t == 0]
    unit = np.sqrt((groups[0].var(ddof=1) + groups[1].var(ddof=1)) / 2)
    expected = (groups[0].mean() - groups[1].mean()) / unit
    assert balance["z"]["unadjusted"] == pytest.approx(expected)
    assert balance["z"]["unadjusted"] > 0.5
    assert abs(balance["z"]["weighted"]) < 0.1
    assert abs(balance["noise"]["unadjusted"]) < 0.1


def test_without_covariates_there_is_no_balance_to_report() -> None:
    answer = run("estimate_effect", csv(), treatment="t", outcome="y", methods=["ols"])
    assert answer["balance"] == {}


def test_a_true_effect_stands_up_to_refutation_and_the_same_call_gives_the_same_answer() -> None:
    random = np.random.default_rng(1)
    z, t = random.normal(size=400), random.integers(0, 2, size=400)
    frame = pd.DataFrame({"t": t, "z": z, "y": 2.0 * t + z + random.normal(size=400)})
    csv = frame.to_csv(index=False).encode()
    arguments = {"treatment": "t", "outcome": "y", "adjustment_set": ["z"]}
    answer = run("refute_estimate", csv, **arguments)
    assert answer["estimate"] == pytest.approx(2.0, abs=0.3)
    assert all(check["passed"] for check in answer["checks"].values())
    assert run("refute_estimate", csv, **arguments) == answer


def test_the_e_value_is_that_of_the_published_formula() -> None:
    outcome = pd.read_csv(DATA / "nsw.csv").re78
    answer = run(
        "sensitivity",
        treatment="treat",
        outcome="re78",
        estimate=float(outcome.std()),
        std_error=1.0,
    )
    ratio = np.exp(0.91)
    assert answer["risk_ratio"] == pytest.approx(ratio)
    assert answer["e_value"] == pytest.approx(ratio + np.sqrt(ratio * (ratio - 1)))


def test_an_interval_around_zero_has_an_e_value_of_one() -> None:
    answer = run("sensitivity", treatment="treat", outcome="re78", estimate=10.0, std_error=5000.0)
    assert answer["e_value_ci"] == 1.0


@pytest.mark.parametrize(
    ("edges", "unobserved", "identified", "adjustment"),
    [
        ([["t", "y"]], [], True, []),
        ([["z", "t"], ["z", "y"], ["t", "y"]], [], True, ["z"]),
        ([["t", "m"], ["m", "y"]], [], True, []),
        ([["z", "t"], ["z", "y"], ["t", "y"]], ["z"], False, []),
        # A collider stays out: adjusting for c would open the path between a and b.
        ([["a", "t"], ["a", "c"], ["b", "c"], ["b", "y"], ["t", "y"]], [], True, []),
    ],
)
def test_an_adjustment_set_blocks_every_back_door(
    edges: list[list[str]], unobserved: list[str], identified: bool, adjustment: list[str]
) -> None:
    answer = run(
        "identify_adjustment_set", treatment="t", outcome="y", edges=edges, unobserved=unobserved
    )
    assert answer["identified"] is identified
    assert answer["adjustment_set"] == adjustment


def csv(**columns: object) -> bytes:
    rows = pd.DataFrame({"t": [0, 1] * 10, "y": np.arange(20.0), **columns})
    return bytes(rows.to_csv(index=False).encode())


EFFECT = {"treatment": "t", "outcome": "y", "methods": ["ols"]}
WEIGHTED = {**EFFECT, "methods": ["ipw"]}


@pytest.mark.parametrize(
    ("name", "arguments", "data", "words"),
    [
        ("fly", {}, None, "no tool 'fly'"),
        ("estimate_effect", {"outcome": "y"}, None, "lacks the argument treatment"),
        ("estimate_effect", {**EFFECT, "speed": 1}, None, "no argument speed"),
        ("estimate_effect", {**EFFECT, "methods": ["magic"]}, None, "magic"),
        ("estimate_effect", {**EFFECT, "methods": []}, None, "at least 1"),
        ("estimate_effect", {**EFFECT, "treatment": 3}, None, "type string"),
        ("estimate_effect", {**EFFECT, "outcome": "income"}, csv(), "no column 'income'"),
        ("estimate_effect", EFFECT, csv(t=[1] * 20), "one value only"),
        (
            "estimate_effect",
            {**EFFECT, "methods": ["ipw"]},
            csv(t=[0, 1, 2, 3] * 5),
            "0 and 1 only",
        ),
        ("estimate_effect", EFFECT, csv(y=["much"] * 20), "text where numbers belong"),
        ("estimate_effect", EFFECT, csv(y=[None] * 15 + [1.0] * 5), "at least 10"),
        ("estimate_effect", {**EFFECT, "adjustment_set": ["y"]}, csv(), "different columns"),
        ("profile_dataset", {}, b"a,b\n", "no rows"),
        ("profile_dataset", {}, b"just text\nmore text\n", "one column only"),
        ("profile_dataset", {}, b"\xff\xfe\x00", "not readable as CSV"),
        ("profile_dataset", {}, b"a,b\n1,2,3\n1,2,3\n", "more fields"),
        (
            "identify_adjustment_set",
            {"treatment": "t", "outcome": "y", "edges": [["t", "y"], ["y", "t"]]},
            None,
            "cycle",
        ),
        (
            "sensitivity",
            {"treatment": "t", "outcome": "y", "estimate": 1, "std_error": 0},
            csv(),
            "above 0",
        ),
        ("refute_estimate", {"treatment": "t", "outcome": "y", "repetitions": 1}, csv(), "between"),
    ],
)
def test_a_mistake_is_an_answer_that_says_what_was_wrong(
    name: str, arguments: dict[str, Any], data: bytes | None, words: str
) -> None:
    assert words in run(name, data, **arguments)["error"]


@pytest.mark.parametrize("arguments", ["not json", "[]", "7"])
def test_arguments_that_are_no_object_are_refused(arguments: str) -> None:
    assert "JSON" in tools.run_tool("profile_dataset", arguments, lambda: None)["error"]


def test_a_method_that_cannot_be_used_does_not_stop_the_others() -> None:
    separated = csv(z=[0.0, 1.0] * 10, t=[0, 1] * 10)
    answer = run(
        "estimate_effect",
        separated,
        treatment="t",
        outcome="y",
        methods=["difference_in_means", "ipw"],
        adjustment_set=["z"],
    )
    assert "estimate" in answer["estimates"]["difference_in_means"]
    assert "error" in answer["estimates"]["ipw"]
    assert answer["balance"] == {}, "z does not vary within a group: there is no unit to compare in"


def test_incomplete_rows_are_left_out_and_counted() -> None:
    answer = run("estimate_effect", csv(y=[None, None, *range(18)]), **EFFECT)
    assert answer["rows_dropped"] == 2
    assert answer["estimates"]["ols"]["n"] == 18


def test_a_profile_says_what_each_column_holds() -> None:
    data = csv(c=[5] * 20, s=["a", "b"] * 10, gap=[None, *range(19)])
    columns = {column["name"]: column for column in run("profile_dataset", data)["columns"]}
    kinds = {name: column["type"] for name, column in columns.items()}
    assert kinds == {
        "t": "binary",
        "y": "numeric",
        "c": "constant",
        "s": "category",
        "gap": "numeric",
    }
    assert columns["gap"]["missing"] == 1


def test_a_schema_with_one_bound_says_which(monkeypatch: pytest.MonkeyPatch) -> None:
    bounded = {
        "type": "object",
        "properties": {
            "n": {"type": "integer", "minimum": 5},
            "m": {"type": "number", "maximum": 1},
        },
        "required": [],
    }
    monkeypatch.setitem(tools.TOOLS, "profile_dataset", {"parameters": bounded})
    for arguments, words in (({"n": 1}, "minimum of 5"), ({"m": 2}, "maximum of 1")):
        answer = tools.run_tool("profile_dataset", json.dumps(arguments), lambda: None)
        assert words in answer["error"]
