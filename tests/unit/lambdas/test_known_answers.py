"""Datasets whose answer is known: from an experiment, from a textbook, or by construction."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from causaldata import close_college, cps_mixtape, nhefs_complete, nsw_mixtape

from tests.unit.lambdas.causal_tools import DATA, METHODS, NSW, confounded, estimate, kinds, run

ORACLES = Path(__file__).parents[2] / "oracles"


def test_the_experiment_has_its_published_difference() -> None:
    answer = estimate("nsw", treatment="treat", outcome="re78", adjustment_set=NSW)
    found = answer["estimates"]["difference_in_means"]
    assert found["estimate"] == pytest.approx(1794.34, abs=0.005)
    assert answer["claim"] == "effect"
    assert kinds(answer) == set()


def test_the_observational_dataset_is_the_experiments_treated_beside_the_survey() -> None:
    nsw, cps = nsw_mixtape.load_pandas().data, cps_mixtape.load_pandas().data
    expected = pd.concat([nsw[nsw.treat == 1], cps]).drop(columns="data_id")
    found = pd.read_csv(DATA / "nsw_cps.csv")
    assert list(found.columns) == list(expected.columns)
    np.testing.assert_allclose(found.to_numpy(), expected.to_numpy(dtype=float))


def test_groups_that_hardly_overlap_give_no_claim() -> None:
    answer = estimate("nsw_cps", treatment="treat", outcome="re78", adjustment_set=NSW)
    assert answer["claim"] == "none"
    assert kinds(answer, "stops") == {"overlap"}
    assert {"balance", "agreement", "functional_form"} <= kinds(answer)
    att = answer["trimmed"]["ATT"]
    assert att["ci_low"] < 1794.34 < att["ci_high"], "the experiment's answer, where rows compare"
    assert answer["trimmed"]["rows"] == {"treated": 144, "untreated": 269}
    overlap = answer["overlap"]
    assert overlap["ATE"]["treated"]["effective_rows"] < 20
    assert sum(overlap["histogram"]["untreated"]) == 15_992


def test_a_placebo_outcome_finds_that_the_groups_were_never_alike() -> None:
    arguments = {"treatment": "treat", "outcome": "re78", "adjustment_set": NSW}
    for data, passes in (("nsw", True), ("nsw_cps", False)):
        answer = run("refute_estimate", data, **arguments, placebo_outcomes=["re74", "re75"])
        assert answer["checks"]["placebo_outcome"]["passed"] is passes
        assert ("refutation" in kinds(answer)) is not passes
        for check in answer["checks"].values():
            assert check["shows"]
            assert check["cannot_show"]


def test_the_textbook_has_its_weighted_and_its_standardized_estimate() -> None:
    """Hernan and Robins, What If: 3.4 kg in chapter 12, 3.5 kg in chapter 13."""
    answer = estimate(
        nhefs_complete.load_pandas().data,
        treatment="qsmk",
        outcome="wt82_71",
        adjustment_set=[
            "sex",
            "race",
            "age",
            "education",
            "smokeintensity",
            "smokeyrs",
            "exercise",
            "active",
            "wt71",
        ],
        squares=["age", "wt71", "smokeintensity", "smokeyrs"],
        categories=["education", "exercise", "active"],
        modifiers=["smokeintensity"],
    )
    found = {method: e["estimate"] for method, e in answer["estimates"].items()}
    assert found["ipw"] == pytest.approx(3.44, abs=0.005)
    assert found["standardization"] == pytest.approx(3.517, abs=0.005)
    assert found["ipw"] < found["aipw"] < found["standardization"]
    assert answer["claim"] == "effect"


def test_distance_to_a_college_is_an_instrument_for_schooling() -> None:
    """Cunningham, Causal Inference: The Mixtape, chapter 7: 0.124 by two-stage least squares."""
    arguments = {
        "treatment": "educ",
        "outcome": "lwage",
        "adjustment_set": ["exper", "black", "south", "married", "smsa"],
        "methods": ["ols"],
        "instruments": ["nearc4"],
    }
    data = close_college.load_pandas().data
    answer = estimate(data, **arguments)
    assert answer["estimates"]["2sls"]["estimate"] == pytest.approx(0.124, abs=0.0005)
    assert answer["estimates"]["ols"]["estimate"] == pytest.approx(0.071, abs=0.0005)
    assert answer["first_stage"]["f"] == pytest.approx(16.5, abs=0.1)
    assert answer["claim"] == "effect"
    weak = estimate(data.assign(nearc4=np.arange(len(data)) % 2), **arguments)
    assert kinds(weak, "stops") == {"weak_instrument"}
    assert weak["claim"] == "none"


def test_intervals_cover_no_effect_as_often_as_they_say() -> None:
    methods = ["ols", "standardization", "ipw", "aipw"]
    covered = dict.fromkeys(methods, 0)
    for seed in range(100):
        answer = estimate(confounded(seed, rows=4000), adjustment_set=["a", "b"], methods=methods)
        for method in methods:
            found = answer["estimates"][method]
            covered[method] += found["ci_low"] <= 0 <= found["ci_high"]
    assert all(90 <= count <= 98 for count in covered.values()), covered


def test_a_flexible_learner_covers_no_effect_too() -> None:
    covered = 0
    for seed in range(100, 120):
        frame = confounded(seed, rows=5000)
        answer = estimate(frame, adjustment_set=["a", "b"], methods=["dml"])
        found = answer["estimates"]["dml"]
        covered += found["ci_low"] <= 0 <= found["ci_high"]
    assert covered >= 17


def test_what_is_not_measured_is_stronger_than_the_robustness_value() -> None:
    """``b`` is left out: it explains more of both than would be needed to make the effect."""
    frame = confounded(1, rows=2000)
    answer = run(
        "sensitivity",
        frame,
        treatment="t",
        outcome="y",
        adjustment_set=["a"],
        estimate=1.0,
        std_error=0.1,
    )
    known = np.column_stack([np.ones(len(frame)), frame.a])
    rest = frame[["t", "y", "b"]].to_numpy(float)
    rest = rest - known @ np.linalg.lstsq(known, rest, rcond=None)[0]
    with_treatment = np.corrcoef(rest[:, 0], rest[:, 2])[0, 1] ** 2
    beside = rest[:, [1, 2]]
    beside = beside - np.outer(rest[:, 0], rest[:, 0] @ beside / (rest[:, 0] @ rest[:, 0]))
    with_outcome = np.corrcoef(beside[:, 0], beside[:, 1])[0, 1] ** 2
    value = answer["robustness_value"]
    assert 0 < value < min(1, np.sqrt(with_treatment * with_outcome / (1 - with_treatment)))
    assert with_outcome > value


def test_a_curve_that_the_models_lack_is_told() -> None:
    random = np.random.default_rng(7)
    x = random.uniform(-2, 2, size=4000)
    t = (random.random(4000) < np.where(abs(x) > 1, 0.8, 0.2)).astype(int)
    y = t + 3 * x**2 + random.normal(size=4000)
    answer = estimate(pd.DataFrame({"t": t, "y": y, "x": x}), adjustment_set=["x"])
    found = {method: e["estimate"] for method, e in answer["estimates"].items()}
    assert abs(found["dml"] - 1) < 0.5 < abs(found["ols"] - 1)
    assert "functional_form" in kinds(answer, "weakens")


def test_squares_are_tried_where_weighting_leaves_the_groups_apart() -> None:
    random = np.random.default_rng(3)
    x = random.normal(size=4000)
    t = (random.random(4000) < 1 / (1 + np.exp(1 - x - 0.8 * x**2))).astype(int)
    y = t + x**2 + x + random.normal(size=4000)
    frame = pd.DataFrame({"t": t, "y": y, "x": x})
    answer = estimate(frame, adjustment_set=["x"], methods=METHODS[:5])
    told = next(f for f in answer["findings"] if f["kind"] == "balance")
    assert told["weight"] == "note"
    assert "With squares in the model of who is treated" in told["text"]
    assert answer["assignment_terms"] == {"squares": ["x"], "interactions": False}
    assert abs(answer["balance"]["x"]["weighted"]) < 0.1
    found = {method: e["estimate"] for method, e in answer["estimates"].items()}
    assert found["aipw"] == pytest.approx(1, abs=0.15)
    assert found["ols"] > 1.5, "what the squares mended"
    assert "agreement" in kinds(answer, "weakens")


@pytest.mark.parametrize("name", ["nsw", "nsw_cps", "nhefs"])
def test_sensitivity_is_what_sensemakr_says(name: str) -> None:
    expected = json.loads((ORACLES / "sensemakr.json").read_text())[name]
    treatment, outcome = expected["treatment"], expected["outcome"]
    columns = pd.read_csv(DATA / f"{name}.csv").columns
    answer = run(
        "sensitivity",
        name,
        treatment=treatment,
        outcome=outcome,
        adjustment_set=[c for c in columns if c not in (treatment, outcome)],
        estimate=1.0,
        std_error=1.0,
    )
    assert answer["regression"]["estimate"] == pytest.approx(expected["estimate"])
    for value in ("robustness_value", "robustness_value_ci"):
        assert answer[value] == pytest.approx(expected[value], rel=1e-6)
    benchmark = next(b for b in answer["benchmarks"] if b["covariate"] == expected["covariate"])
    for times, told in enumerate(expected["adjusted"], 1):
        assert benchmark["adjusted"][str(times)] == pytest.approx(told, rel=1e-6)
