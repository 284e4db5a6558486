"""Data as people have them: gaps, words, repeats, clusters, weights, doses, few rows and many."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm

from tests.unit.lambdas.causal_tools import METHODS, confounded, estimate, kinds, run, tools


def test_missing_values_are_counted_for_every_way_of_dealing_with_them() -> None:
    frame = confounded(1)
    frame.loc[::4, "a"] = np.nan
    frame.loc[1, "y"] = np.nan
    dropped = estimate(frame, adjustment_set=["a", "b"], methods=["ols"])
    assert dropped["missing"]["rows_lost"] == {"complete_cases": 251, "indicator": 1}
    assert dropped["missing"]["by_column"] == {"a": 250}
    assert (dropped["rows"], dropped["rows_dropped"]) == (749, 251)
    assert "missing" in kinds(dropped, "weakens")
    kept = estimate(frame, adjustment_set=["a", "b"], methods=["ols"], missing="indicator")
    assert kept["rows"] == 999
    assert "a is missing" in kept["balance"]


def test_words_are_categories() -> None:
    random = np.random.default_rng(0)
    town = random.choice(["Bonn", "Kiel", "Ulm"], size=3000)
    level = pd.Series(town).map({"Bonn": 0.0, "Kiel": 2.0, "Ulm": 4.0}).to_numpy()
    t = (random.random(3000) < 0.2 + level / 8).astype(int)
    frame = pd.DataFrame({"t": t, "y": t + level + random.normal(size=3000), "town": town})
    answer = estimate(frame, adjustment_set=["town"])
    for method in ("ols", "ipw", "aipw"):
        assert answer["estimates"][method]["estimate"] == pytest.approx(1, abs=0.15)
    assert answer["adjustment_set"] == ["town"]
    assert len([name for name in answer["balance"] if name.startswith("town=")]) == 2
    numbers = frame.assign(town=pd.factorize(town)[0])
    same = estimate(numbers, adjustment_set=["town"], categories=["town"])
    assert same["estimates"]["ols"] == pytest.approx(answer["estimates"]["ols"])


def test_a_category_of_too_many_kinds_is_refused() -> None:
    frame = confounded(1).assign(name=[f"person {n}" for n in range(1000)])
    answer = run(
        "estimate_effect",
        frame,
        treatment="t",
        outcome="y",
        adjustment_set=["name"],
        methods=["ols"],
    )
    assert "text where numbers belong" in answer["error"]
    number = run(
        "estimate_effect",
        frame,
        treatment="t",
        outcome="y",
        adjustment_set=["a"],
        methods=["ols"],
        categories=["a"],
    )
    assert "1000 different values" in number["error"]


def test_columns_that_tell_nothing_new_are_left_out_and_named() -> None:
    frame = confounded(1)
    frame = frame.assign(same=frame.a * 2 + 1, always=5, sum=frame.a + frame.b)
    answer = estimate(frame, adjustment_set=["a", "b", "same", "always", "sum"])
    plain = estimate(frame, adjustment_set=["a", "b"])
    assert answer["estimates"] == plain["estimates"]
    text = next(f["text"] for f in answer["findings"] if f["kind"] == "columns")
    assert "same says the same as a" in text
    assert "always has one value in every row" in text
    assert "sum follows from the others" in text


def test_a_yes_no_outcome_has_a_risk_difference_and_a_ratio() -> None:
    random = np.random.default_rng(0)
    a = random.normal(size=20_000)
    t = (random.random(20_000) < 1 / (1 + np.exp(-a))).astype(int)
    risk = 0.2 + 0.1 * t + 0.1 * (a > 0)
    frame = pd.DataFrame({"t": t, "y": (random.random(20_000) < risk).astype(int), "a": a})
    answer = estimate(frame, adjustment_set=["a"], methods=["standardization", "ipw", "aipw"])
    assert answer["outcome_kind"] == "binary"
    for told in answer["estimates"].values():
        assert told["estimate"] == pytest.approx(0.1, abs=0.02)
        assert told["ratio"]["estimate"] == pytest.approx(0.35 / 0.25, abs=0.1)
        assert told["ratio"]["ci_low"] < told["ratio"]["estimate"] < told["ratio"]["ci_high"]


def test_a_count_has_a_ratio() -> None:
    random = np.random.default_rng(0)
    a = random.normal(size=5000)
    t = (random.random(5000) < 1 / (1 + np.exp(-a))).astype(int)
    y = random.poisson(np.exp(0.5 * t + 0.5 * a))
    answer = estimate(pd.DataFrame({"t": t, "y": y, "a": a}), adjustment_set=["a"])
    assert answer["outcome_kind"] == "count"
    for method in ("standardization", "ipw", "aipw"):
        ratio = answer["estimates"][method]["ratio"]["estimate"]
        assert ratio == pytest.approx(np.exp(0.5), abs=0.15)


def test_rows_of_one_cluster_count_together() -> None:
    frame = pd.concat([confounded(1)] * 4).assign(who=list(range(1000)) * 4)
    once = estimate(confounded(1), adjustment_set=["a", "b"])["estimates"]
    copied = estimate(frame, adjustment_set=["a", "b"], cluster="who")["estimates"]
    for method in ("difference_in_means", "ols", "standardization", "ipw", "aipw"):
        assert copied[method]["estimate"] == pytest.approx(once[method]["estimate"], rel=1e-6)
        assert copied[method]["std_error"] == pytest.approx(once[method]["std_error"], rel=0.01)
    few = estimate(frame.assign(who=frame.who % 7), adjustment_set=["a"], cluster="who")
    assert "clusters" in kinds(few, "weakens")


def test_a_weight_stands_for_so_many_rows() -> None:
    frame = confounded(1).assign(w=[1, 2, 3, 4] * 250)
    methods = METHODS[:5]
    weighted = estimate(frame, adjustment_set=["a", "b"], weights="w", methods=methods)
    rows = frame.loc[frame.index.repeat(frame.w)]
    repeated = estimate(rows, adjustment_set=["a", "b"], methods=methods)
    # The scale of the covariates differs between the two, which changes no estimate.
    for method in methods:
        found = weighted["estimates"][method]["estimate"]
        assert found == pytest.approx(repeated["estimates"][method]["estimate"], rel=1e-6)
    wls = sm.WLS(frame.y, sm.add_constant(frame[["t", "a", "b"]]), weights=frame.w)
    expected = wls.fit(cov_type="HC1").bse.t
    assert weighted["estimates"]["ols"]["std_error"] == pytest.approx(expected)


def test_a_treatment_of_three_values_is_compared_two_at_a_time() -> None:
    random = np.random.default_rng(0)
    arm = random.choice(["none", "low", "high"], size=3000)
    y = pd.Series(arm).map({"none": 0, "low": 1, "high": 5}) + random.normal(size=3000)
    frame = pd.DataFrame({"t": arm, "y": y})
    wrong = run("estimate_effect", frame, treatment="t", outcome="y", methods=METHODS)
    assert "compare=[untreated, treated]" in wrong["error"]
    answer = estimate(frame, compare=["none", "high"], methods=["difference_in_means"])
    assert answer["estimates"]["difference_in_means"]["estimate"] == pytest.approx(5, abs=0.15)
    assert answer["rows_dropped"] == 0
    unknown = run(
        "estimate_effect", frame, treatment="t", outcome="y", methods=["ols"], compare=["none", "x"]
    )
    assert "no value 'x'" in unknown["error"]


def test_nothing_to_adjust_for_is_refuted_too() -> None:
    for method in ("ols", "aipw"):
        answer = run("refute_estimate", confounded(1), treatment="t", outcome="y", method=method)
        assert answer["checks"].keys() == {
            "placebo_treatment",
            "random_common_cause",
            "data_subset",
            "bootstrap",
        }
    told = run("sensitivity", confounded(1), treatment="t", outcome="y", estimate=1, std_error=0.1)
    assert told["benchmarks"] == []


def test_a_dose_has_a_change_per_unit_and_nothing_else() -> None:
    random = np.random.default_rng(0)
    a, dose = random.normal(size=(2, 1000))
    frame = pd.DataFrame(
        {"t": dose + a, "y": 3 * (dose + a) + a + random.normal(size=1000), "a": a}
    )
    answer = estimate(frame, adjustment_set=["a"], methods=["ols"])
    assert answer["estimates"]["ols"]["estimate"] == pytest.approx(3, abs=0.15)
    assert kinds(answer, "weakens") == {"dose"}
    wrong = run("estimate_effect", frame, treatment="t", outcome="y", methods=["ipw"])
    assert "It is a dose" in wrong["error"]


def test_tens_of_rows_are_answered_and_said_to_be_few() -> None:
    answer = estimate(confounded(1, rows=40), adjustment_set=["a"])
    assert "few_rows" in kinds(answer, "weakens")
    assert "error" in answer["estimates"]["dml"] or answer["estimates"]["dml"]["n"] == 40


def test_many_rows_are_analysed_and_a_sample_of_them_is_refuted() -> None:
    frame = confounded(1, rows=200_000, effect=1.0)
    answer = estimate(frame, adjustment_set=["a", "b"])
    for told in list(answer["estimates"].values())[1:]:
        assert told["estimate"] == pytest.approx(1, abs=0.1)
    refuted = run(
        "refute_estimate",
        frame,
        treatment="t",
        outcome="y",
        adjustment_set=["a", "b"],
        method="aipw",
    )
    assert (refuted["rows"], refuted["rows_of"]) == (50_000, 200_000)
    assert refuted["checks"]["bootstrap"]["passed"]


def test_more_rows_than_there_is_time_for_are_refused() -> None:
    many = pd.DataFrame({"t": [0, 1] * 250_001, "y": 1}).to_csv(index=False).encode()
    with pytest.raises(tools.ToolError, match="at most 500,000"):
        tools.Dataset.parse(many)


def test_a_tool_tells_what_it_is_doing() -> None:
    told: list[str] = []
    csv = confounded(1).to_csv(index=False).encode()
    tools.run_tool(
        "estimate_effect",
        '{"treatment": "t", "outcome": "y", "adjustment_set": ["a"], "methods": ["ols", "dml"]}',
        lambda: tools.Dataset.parse(csv),
        told.append,
    )
    assert any("dml" in text and "1,000 rows" in text for text in told)


def test_a_dictionary_says_what_came_before_the_treatment() -> None:
    csv = b"t,y,a,b\n" + b"1,2,3,4\n0,3,4,4\n" * 10
    dictionary = b'{"before_treatment": ["a"], "after_treatment": ["b"]}'
    dataset = tools.Dataset.parse(csv, dictionary)
    columns = {c["name"]: c.get("timing") for c in tools.profile_dataset(dataset)["columns"]}
    assert columns == {"t": None, "y": None, "a": "before", "b": "after"}
