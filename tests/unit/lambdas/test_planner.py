"""The scripted planner: a plan from what the question and the tools say."""

from __future__ import annotations

import json
from typing import Any

from tests.unit.lambdas.function_code import load

planner = load("invoke-llm", "providers.planner")

COLUMNS = [
    {"name": "treat", "type": "binary", "description": "took part in the programme"},
    {"name": "age", "type": "numeric"},
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


def test_a_randomised_treatment_has_no_causes() -> None:
    talk = Talk("What did the programme do to earnings in 1978?")
    talk.step()
    talk.step(profile_dataset={"columns": COLUMNS})
    identify = only_call(talk.step(ask_user={"answer": "randomised"}))
    assert ["age", "treat"] not in identify.arguments["edges"]


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
