"""The scripted planner: a plan from what the question and the tools say."""

from __future__ import annotations

import json
from typing import Any

from tests.unit.lambdas.function_code import load

planner = load("invoke-llm", "providers.planner")

COLUMNS = [
    {"name": "treat", "type": "binary", "description": "took part in the programme"},
    {"name": "age", "type": "numeric", "timing": "before"},
    {"name": "re78", "type": "numeric", "description": "earnings in 1978"},
]
ESTIMATE = {"estimate": 5.0, "std_error": 1.0, "ci_low": 3.0, "ci_high": 7.0, "n": 100}


class Talk:
    """Plays the tools' and the user's part, and keeps the conversation."""

    def __init__(self, question: str) -> None:
        self.messages: list[dict[str, Any]] = [{"role": "user", "content": question}]

    def step(self, **answers: object) -> Any:
        """Answer the calls by name, then return the next step."""
        for message in self.messages[-1:]:
            for call in message.get("calls", []):
                self.messages.append(
                    {
                        "role": "tool",
                        "toolCallId": call["id"],
                        "content": json.dumps(answers[call["name"]]),
                    }
                )
        step = planner.plan(self.messages)
        self.messages.append({"role": "assistant", "calls": [c.as_dict() for c in step.calls]})
        return step


def only_call(step: Any) -> Any:
    assert len(step.calls) == 1
    return step.calls[0]


def test_a_whole_study_runs_from_profile_to_report() -> None:
    talk = Talk("What did the programme do to earnings in 1978?")
    assert only_call(talk.step()).name == "profile_dataset"
    assert only_call(talk.step(profile_dataset={"columns": COLUMNS})).name == "ask_user"
    identify = only_call(talk.step(ask_user={"answer": "observational"}))
    assert ["age", "treat"] in identify.arguments["edges"], "a confounder, then"
    estimate = only_call(talk.step(identify_adjustment_set={"adjustment_set": ["age"]}))
    assert estimate.arguments["adjustment_set"] == ["age"]
    step = talk.step(estimate_effect={"estimates": {"aipw": ESTIMATE, "ols": {"error": "no"}}})
    assert [call.name for call in step.calls] == ["refute_estimate", "sensitivity"]
    assert step.calls[1].arguments["estimate"] == 5.0
    finish = only_call(
        talk.step(
            refute_estimate={"checks": {"placebo_treatment": {"passed": False}}},
            sensitivity={"e_value": 2.0, "e_value_ci": 1.5},
        )
    )
    assert finish.arguments["headline_method"] == "aipw"
    assert "raised re78 by 5.00" in finish.arguments["summary"]
    assert "did not stand up to: placebo_treatment" in finish.arguments["summary"]


def test_data_that_cannot_answer_are_said_so_first() -> None:
    talk = Talk("What did the programme do to earnings in 1978?")
    talk.step()
    talk.step(profile_dataset={"columns": COLUMNS})
    talk.step(ask_user={"answer": "observational"})
    talk.step(identify_adjustment_set={"adjustment_set": ["age"]})
    overlap = {"kind": "overlap", "weight": "stops", "text": "the groups hardly overlap."}
    step = talk.step(
        estimate_effect={
            "estimates": {"aipw": ESTIMATE},
            "claim": "none",
            "findings": [overlap],
            "trimmed": {
                "rule": "0.1 to 0.9",
                "rows": {"treated": 7, "untreated": 9},
                "ATT": ESTIMATE,
            },
        }
    )
    assert "no answer" in step.text
    finish = only_call(talk.step(refute_estimate={"checks": {}}, sensitivity={}))
    summary = finish.arguments["summary"]
    assert summary.startswith(
        "These data cannot answer what treat does to re78: the groups hardly overlap."
    )
    assert "raised" not in summary
    assert "Among the 7 treated and 9 untreated rows" in summary
    assert "5.00 (3.00 to 7.00)" in summary


def test_doubts_are_told_and_nothing_stood_up_to_everything() -> None:
    doubt = {"kind": "agreement", "weight": "weakens", "text": "Methods differ."}
    for findings, stood in (([doubt], False), ([], True)):
        talk = Talk("What did the programme do to earnings in 1978?")
        talk.step()
        talk.step(profile_dataset={"columns": COLUMNS})
        talk.step(ask_user={"answer": "observational"})
        talk.step(identify_adjustment_set={"adjustment_set": ["age"]})
        talk.step(estimate_effect={"estimates": {"aipw": ESTIMATE}, "findings": findings})
        checks = {"bootstrap": {"passed": True}}
        finish = only_call(talk.step(refute_estimate={"checks": checks}, sensitivity={}))
        assert ("stood up to every attempt" in finish.arguments["summary"]) is stood
        assert ("methods that disagree" in finish.arguments["summary"]) is not stood


def test_columns_of_unknown_time_are_asked_about_and_effects_never_adjusted_for() -> None:
    talk = Talk("What did the programme do to earnings in 1978?")
    talk.step()
    columns = [
        *COLUMNS,
        {"name": "job", "type": "binary"},
        {"name": "town", "type": "category"},
        {"name": "tax", "type": "numeric", "timing": "after"},
    ]
    talk.step(profile_dataset={"columns": columns})
    ask = only_call(talk.step(ask_user={"answer": "observational"}))
    assert "may be caused by it" in ask.arguments["question"]
    assert "job, town" in ask.arguments["question"]
    again = only_call(talk.step(ask_user={"answer": "the weather"}))
    assert "names something else" in again.arguments["question"]
    identify = only_call(talk.step(ask_user={"answer": "job"}))
    causes = {cause for cause, effect in identify.arguments["edges"] if effect == "treat"}
    assert causes == {"age", "town"}
    estimate = only_call(talk.step(identify_adjustment_set={"adjustment_set": ["age"]}))
    assert estimate.arguments["adjustment_set"] == ["age", "town"]


def test_an_instrument_that_the_question_names_is_used() -> None:
    talk = Talk("What does educ do to lwage, with nearc4 as the instrument?")
    talk.step()
    columns = [
        {"name": "lwage", "type": "numeric"},
        {"name": "educ", "type": "numeric"},
        {"name": "nearc4", "type": "binary"},
        {"name": "exper", "type": "numeric", "timing": "before"},
    ]
    identify = only_call(talk.step(profile_dataset={"columns": columns}))
    assert ["nearc4", "educ"] in identify.arguments["edges"]
    assert identify.arguments["unobserved"]
    estimate = only_call(talk.step(identify_adjustment_set={"by": "instrument"}))
    assert estimate.arguments["instruments"] == ["nearc4"]
    assert estimate.arguments["adjustment_set"] == ["exper"]
    finish = only_call(
        talk.step(estimate_effect={"estimates": {"2sls": ESTIMATE}, "first_stage": {"f": 16.0}})
    )
    assert finish.arguments["headline_method"] == "2sls"
    assert "first-stage F 16.0" in finish.arguments["summary"]


def test_a_treatment_in_words_is_compared_two_at_a_time() -> None:
    talk = Talk("What did the arm do to earnings in 1978?")
    talk.step()
    columns = [
        {"name": "arm", "type": "category", "values": {"none": 5, "low": 4, "high": 3}},
        COLUMNS[2],
    ]
    first = only_call(talk.step(profile_dataset={"columns": columns}))
    assert first.arguments["options"] == ["none", "low", "high"]
    second = only_call(talk.step(ask_user={"answer": "none"}))
    assert second.arguments["options"] == ["low", "high"]
    talk.step(ask_user={"answer": "high"})
    talk.step(ask_user={"answer": "randomised"})
    estimate = only_call(talk.step(identify_adjustment_set={"adjustment_set": []}))
    assert estimate.arguments["compare"] == ["none", "high"]


def test_earlier_values_of_the_outcome_are_placebos() -> None:
    question = load("invoke-llm", "providers.question")
    assert question.earlier_values("re78", ["re74", "re75", "age", "re80"]) == ["re74", "re75"]
    assert question.earlier_values("wt82_71", ["wt71"]) == []


def test_a_randomised_treatment_has_no_causes() -> None:
    talk = Talk("What did the programme do to earnings in 1978?")
    talk.step()
    talk.step(profile_dataset={"columns": COLUMNS})
    identify, check = talk.step(ask_user={"answer": "randomised"}).calls
    assert ["age", "treat"] not in identify.arguments["edges"]
    assert check.name == "check_graph", "whether the covariates are as alike as chance makes them"
    assert check.arguments["open_among"] == ["age"]


def test_a_question_that_names_no_column_is_asked_back_and_not_for_ever() -> None:
    talk = Talk("Does it work?")
    talk.step()
    two = [*COLUMNS, {"name": "other", "type": "binary"}]
    ask = only_call(talk.step(profile_dataset={"columns": two}))
    assert ask.arguments["options"] == ["treat", "other"]
    again = only_call(talk.step(ask_user={"answer": "nonsense"}))
    assert "'nonsense' is not in the dataset" in again.arguments["question"]
    finish = only_call(talk.step(ask_user={"answer": "nonsense again"}))
    assert finish.arguments["failed"] is True


def test_a_dataset_without_a_treatment_is_not_answerable() -> None:
    talk = Talk("Does it work?")
    talk.step()
    finish = only_call(talk.step(profile_dataset={"columns": COLUMNS[1:]}))
    assert finish.arguments["failed"] is True
    assert "no treatment" in finish.arguments["summary"]


def test_an_unreadable_dataset_ends_the_analysis_with_the_reason() -> None:
    talk = Talk("Does it work?")
    talk.step()
    finish = only_call(talk.step(profile_dataset={"error": "The dataset has no rows"}))
    assert "no rows" in finish.arguments["summary"]
