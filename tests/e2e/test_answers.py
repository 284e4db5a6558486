"""What the agent answers on datasets whose truth is known, and on data as people have them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from causaldata import close_college, nhefs_complete

from local_cloud.client import Message
from tests.stack import Stack, analyse, within
from tests.unit.lambdas.causal_tools import confounded

OBSERVATIONAL = "observational"


def ask(
    stack: Stack, table: pd.DataFrame | str, question: str, *answers: str
) -> tuple[Message, list[Message]]:
    """Ask about a table of one's own, or a dataset of the kit; return the end, and all of it."""
    said = iter(answers)

    async def run() -> list[Message]:
        login = stack.new_user()
        name = table if isinstance(table, str) else "table"
        if not isinstance(table, str):
            name = stack.upload(login, name, table.to_csv(index=False).encode())
        async with stack.connect(stack.token(login)) as agent:
            return await analyse(agent, name, question, lambda prompt: next(said))

    messages = within(run())
    finished = messages[-1]
    assert finished["status"] == "SUCCEEDED", finished
    assert next(said, None) is None, "every answer was asked for"
    return finished, messages


def kinds(finished: Message) -> set[str]:
    return {f["kind"] for f in finished["findings"]}


def test_the_survey_beside_the_experiments_treated_gives_no_claim(
    stack: Stack, tmp_path: Path
) -> None:
    finished, _ = ask(
        stack, "nsw_cps", "What did the job training programme do to 1978 earnings?", OBSERVATIONAL
    )
    assert finished["evidence"]["claim"] == "none"
    summary = finished["summary"]
    assert summary.startswith("These data cannot answer what treat does to re78: ")
    assert "hardly overlap" in summary
    assert "stood up" not in summary
    assert "Among the 144 treated and 269 untreated rows" in summary
    att = finished["evidence"]["trimmed"]["ATT"]
    assert att["ci_low"] < 1794.34 < att["ci_high"]
    assert not finished["refutations"]["placebo_outcome"]["passed"]
    # The script that it leaves gives the same numbers.
    bucket, _, key = finished["files"]["script"].removeprefix("s3://").partition("/")
    script, data = tmp_path / "analysis.py", tmp_path / "data.csv"
    s3 = stack.aws("s3")
    script.write_bytes(s3.get_object(Bucket=bucket, Key=key)["Body"].read())
    data.write_bytes(
        s3.get_object(Bucket="causal-datasets", Key="shared/nsw_cps.csv")["Body"].read()
    )
    done = subprocess.run(
        [sys.executable, str(script), str(data)], check=True, capture_output=True, text=True
    )
    again = json.loads(done.stdout)
    for method, told in finished["estimates"].items():
        assert again[method]["ATE"]["estimate"] == pytest.approx(told["estimate"], rel=1e-6)
    # So does the report: one file, which carries its data.
    bucket, _, key = finished["files"]["report"].removeprefix("s3://").partition("/")
    report = s3.get_object(Bucket=bucket, Key=key)
    assert report["ContentType"].startswith("text/html")
    assert "hardly overlap" in report["Body"].read().decode()


def test_quitting_smoking_raises_weight_as_the_textbook_says(stack: Stack) -> None:
    frame = nhefs_complete.load_pandas().data[
        ["qsmk", "wt82_71", "sex", "race", "age", "school", "smokeintensity", "smokeyrs", "wt71"]
    ]
    finished, _ = ask(stack, frame, "What did qsmk do to wt82_71?", OBSERVATIONAL, "none")
    assert finished["headlineMethod"] == "aipw"
    assert finished["estimates"]["aipw"]["estimate"] == pytest.approx(3.4, abs=0.3)
    assert finished["evidence"]["claim"] == "effect"
    assert finished["sensitivity"]["robustness_value"] > 0.1


def test_a_college_nearby_is_the_instrument_that_the_question_names(stack: Stack) -> None:
    columns = ["lwage", "educ", "exper", "black", "south", "married", "smsa", "nearc4"]
    finished, _ = ask(
        stack,
        close_college.load_pandas().data[columns],
        "What does educ do to lwage, with nearc4 as the instrument?",
        "none",
    )
    assert finished["headlineMethod"] == "2sls"
    assert finished["estimates"]["2sls"]["estimate"] == pytest.approx(0.124, abs=0.001)
    assert finished["evidence"]["first_stage"]["f"] > 10
    assert "The instrument is strong enough" in finished["summary"]


def test_no_effect_under_strong_confounding_is_not_made_one(stack: Stack) -> None:
    finished, _ = ask(stack, confounded(3), "What does t do to y?", OBSERVATIONAL, "none")
    told = finished["estimates"]["aipw"]
    assert told["ci_low"] < 0 < told["ci_high"]
    assert "do not settle whether there is an effect" in finished["summary"]
    assert finished["estimates"]["difference_in_means"]["ci_low"] > 1, "it looks like one"


def test_what_an_unmeasured_confounder_makes_is_said_to_be_fragile(stack: Stack) -> None:
    frame = confounded(3).drop(columns="b")
    finished, _ = ask(stack, frame, "What does t do to y?", OBSERVATIONAL, "none")
    assert not finished["refutations"]["unobserved_common_cause"]["passed"]
    (told,) = [f["text"] for f in finished["findings"] if f["kind"] == "refutation"]
    assert "as strong as a, would leave an effect of" in told
    assert "stood up" not in finished["summary"]


def messy() -> pd.DataFrame:
    """Return a table with gaps, words, a repeat, a constant and an effect of the treatment."""
    random = np.random.default_rng(0)
    frame = confounded(5, effect=1.0)
    frame.loc[::3, "a"] = np.nan
    return frame.assign(
        town=random.choice(["Bonn", "Kiel", "Ulm"], size=len(frame)),
        again=frame.b,
        always=1,
        later=frame.t + frame.y,
    )


def test_messy_data_are_answered_and_what_was_done_is_told(stack: Stack) -> None:
    finished, messages = ask(stack, messy(), "What does t do to y?", OBSERVATIONAL, "later")
    (call,) = [
        m for m in messages if m["type"] == "tool.started" and m["tool"] == "estimate_effect"
    ]
    assert call["arguments"]["missing"] == "indicator", "a third of the rows would be lost"
    assert "later" not in finished["evidence"]["adjustment_set"]
    assert "town" in finished["evidence"]["adjustment_set"]
    assert {"missing", "columns"} <= kinds(finished)
    assert finished["evidence"]["missing"]["rows_lost"] == {"complete_cases": 334, "indicator": 0}
    assert "later" in next(
        m["question"] for m in messages if m["type"] == "prompt" and not m["options"]
    )


@pytest.mark.parametrize(("kind", "high"), [("binary", 1), ("count", 9)])
def test_yes_no_outcomes_and_counts_have_a_ratio(stack: Stack, kind: str, high: int) -> None:
    frame = confounded(5, effect=1.0)
    frame["y"] = (frame.y / 2).round().clip(0, high).astype(int)
    finished, _ = ask(stack, frame, "What does t do to y?", OBSERVATIONAL, "none")
    assert finished["evidence"]["outcome_kind"] == kind
    assert finished["estimates"]["aipw"]["ratio"]["estimate"] > 1
    assert "As a ratio of the two means" in finished["summary"]


def test_a_treatment_of_three_values_is_compared_two_at_a_time(stack: Stack) -> None:
    random = np.random.default_rng(0)
    arm = random.choice(["none", "low", "high"], size=600)
    y = pd.Series(arm).map({"none": 0, "low": 1, "high": 5}) + random.normal(size=600)
    frame = pd.DataFrame({"arm": arm, "y": y})
    finished, _ = ask(stack, frame, "What does the arm do to y?", "none", "high", "randomised")
    told = finished["estimates"]["difference_in_means"]
    assert told["estimate"] == pytest.approx(5, abs=0.3)
    assert told["n"] == int((arm != "low").sum())


def test_a_dose_has_a_change_per_unit(stack: Stack) -> None:
    random = np.random.default_rng(0)
    dose, a = random.normal(size=(2, 500))
    frame = pd.DataFrame({"dose": dose + a, "y": 3 * (dose + a) + a, "a": a})
    frame["y"] += random.normal(size=500)
    finished, _ = ask(stack, frame, "What does dose do to y?", OBSERVATIONAL, "none")
    assert finished["estimates"]["ols"]["estimate"] == pytest.approx(3, abs=0.2)
    assert "per unit" in finished["summary"]
    assert "dose" in kinds(finished)


def test_tens_of_rows_are_said_to_be_few(stack: Stack) -> None:
    finished, _ = ask(stack, confounded(5, rows=40), "What does t do to y?", OBSERVATIONAL, "none")
    assert "few_rows" in kinds(finished)


def test_two_hundred_thousand_rows_are_answered_and_progress_is_told(stack: Stack) -> None:
    frame = confounded(5, rows=200_000, effect=1.0).round(4)
    finished, messages = ask(stack, frame, "What does t do to y?", OBSERVATIONAL, "none")
    assert finished["estimates"]["aipw"]["estimate"] == pytest.approx(1, abs=0.1)
    told = [m["text"] for m in messages if m["type"] == "progress" and m["step"] == "DispatchTool"]
    assert any("200,000 rows" in text for text in told)
