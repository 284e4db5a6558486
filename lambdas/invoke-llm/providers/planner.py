"""The scripted provider's plan: from a conversation to the next step, without I/O."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from agent_common.conversation import Message
from agent_common.tool_specs import ASK_USER, FINISH, METHODS
from providers.column_match import ColumnMatch, best_match
from providers.report import summarize

RANDOMISED = "randomised"
OBSERVATIONAL = "observational"
MAX_ASKED_AGAIN = 2


@dataclass(frozen=True)
class Call:
    """One tool call. ``key`` makes its id, by which its answer is found again."""

    key: str
    name: str
    arguments: dict[str, Any] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        return {
            "id": f"call_{self.key}",
            "name": self.name,
            "arguments": json.dumps(self.arguments),
        }


@dataclass(frozen=True)
class Step:
    """What the planner says, and the calls it makes."""

    text: str
    calls: Sequence[Call]


def plan(messages: Sequence[Message]) -> Step:
    """Return the next step of the analysis that this conversation is about."""
    question = next(m["content"] for m in messages if m["role"] == "user")
    answers = {m["toolCallId"]: json.loads(m["content"]) for m in messages if m["role"] == "tool"}
    return _Planner(question, answers).next()


class _Planner:
    def __init__(self, question: str, answers: dict[str, dict[str, Any]]) -> None:
        self.question = question
        self.answers = answers

    def answer(self, key: str) -> dict[str, Any] | None:
        return self.answers.get(f"call_{key}")

    def next(self) -> Step:
        profile = self.answer("profile")
        if profile is None:
            return Step(
                "I am a scripted planner, not a language model: I match words and follow a fixed "
                "plan. First I look at the data.",
                [Call("profile", "profile_dataset")],
            )
        if "error" in profile:
            return _give_up(f"The dataset cannot be used: {profile['error']}")
        columns = profile["columns"]
        treatments = [c for c in columns if c["type"] == "binary"]
        if not treatments:
            return _give_up(_no_treatment(columns, self.question))
        treatment = self.column("treatment", treatments, columns)
        if isinstance(treatment, Step):
            return treatment
        others = [c for c in columns if c["name"] != treatment]
        outcomes = [c for c in others if c["type"] in ("numeric", "binary")]
        if not outcomes:
            return _give_up(
                "No column but the treatment holds numbers, so there is no outcome to measure."
            )
        outcome = self.column("outcome", outcomes, columns)
        if isinstance(outcome, Step):
            return outcome
        return self.study(treatment, outcome, columns)

    def column(
        self, role: str, candidates: list[dict[str, Any]], columns: list[dict[str, Any]]
    ) -> str | Step:
        """Return the column of this role, or the step that asks for it."""
        names = [c["name"] for c in candidates]
        for attempt in range(MAX_ASKED_AGAIN):
            said = self.answer(f"ask_{role}_{attempt}")
            if said is None:
                break
            if (name := str(said.get("answer", "")).strip()) in names:
                return name
        else:
            return _give_up(
                f"Neither answer names a column that can be the {role}. It can be one of: "
                f"{', '.join(names)}."
            )
        match = best_match(self.question, candidates)
        if said is None and attempt == 0 and isinstance(match, ColumnMatch):
            return match.name
        which = "0/1 column" if role == "treatment" else "column"
        known = {c["name"] for c in columns}
        earlier = self.answer(f"ask_{role}_{attempt - 1}") if attempt else None
        sorry = ""
        if earlier is not None:
            name = str(earlier.get("answer", ""))
            why = f"cannot be the {role}" if name in known else "is not in the dataset"
            sorry = f"{name!r} {why}. "
        ask = f"{sorry}Which {which} is the {role} of your question?"
        return Step(
            f"The question does not tell me which column is the {role}.",
            [Call(f"ask_{role}_{attempt}", ASK_USER, {"question": ask, "options": names})],
        )

    def study(self, treatment: str, outcome: str, columns: list[dict[str, Any]]) -> Step:
        covariates = [
            c["name"]
            for c in columns
            if c["name"] not in (treatment, outcome) and c["type"] in ("numeric", "binary")
        ]
        assignment = self.answer("ask_assignment")
        if assignment is None:
            ask = (
                f"Was {treatment} assigned at random (an experiment), or did people end up with it "
                "for reasons of their own (observational data)?"
            )
            return Step(
                f"The treatment is {treatment}, the outcome {outcome}. How the treatment was "
                "assigned decides what has to be adjusted for, and the data cannot tell.",
                [
                    Call(
                        "ask_assignment",
                        ASK_USER,
                        {"question": ask, "options": [RANDOMISED, OBSERVATIONAL]},
                    )
                ],
            )
        said = str(assignment.get("answer", "")).lower()
        randomised = said.startswith(("random", "experiment", "yes"))
        adjustment = self.answer("identify")
        if adjustment is None:
            edges = [[treatment, outcome]] + [[c, outcome] for c in covariates]
            if not randomised:
                edges += [[c, treatment] for c in covariates]
            why = (
                "At random, then: nothing causes the treatment."
                if randomised
                else "Not at random, then: every other column may have led to the treatment."
            )
            return Step(
                f"{why} I look for what has to be adjusted for.",
                [
                    Call(
                        "identify",
                        "identify_adjustment_set",
                        {"treatment": treatment, "outcome": outcome, "edges": edges},
                    )
                ],
            )
        if "error" in adjustment:
            return _give_up(f"No adjustment set can be found: {adjustment['error']}")
        effect = {"treatment": treatment, "outcome": outcome, "adjustment_set": covariates}
        headline = "difference_in_means" if randomised else "aipw"
        estimate = self.answer("estimate")
        if estimate is None:
            words = (
                "Nothing has to be; the other columns still make the estimate more precise."
                if randomised
                else f"To be adjusted for: {', '.join(adjustment.get('adjustment_set', []))}."
            )
            call = Call("estimate", "estimate_effect", {**effect, "methods": list(METHODS)})
            return Step(f"{words} I estimate by four methods.", [call])
        estimates = estimate.get("estimates", {})
        usable = {m: e for m, e in estimates.items() if "error" not in e}
        if not usable:
            reasons = [e["error"] for e in estimates.values()] or [estimate.get("error", "unknown")]
            return _give_up(f"The effect cannot be estimated: {reasons[0]}")
        if headline not in usable:
            headline = next(iter(usable))
        main = usable[headline]
        refutation, sensitivity = self.answer("refute"), self.answer("sensitivity")
        if refutation is None or sensitivity is None:
            numbers = {"estimate": main["estimate"], "std_error": main["std_error"]}
            return Step(
                f"By {headline} the effect is {main['estimate']:,.2f}. Now I try to refute it.",
                [
                    Call("refute", "refute_estimate", effect),
                    Call("sensitivity", "sensitivity", {"outcome": outcome, **numbers}),
                ],
            )
        report = summarize(
            treatment, outcome, columns, randomised, headline, usable, refutation, sensitivity
        )
        return Step(
            "The analysis is complete.",
            [Call("finish", FINISH, {"summary": report, "headline_method": headline})],
        )


def _no_treatment(columns: list[dict[str, Any]], question: str) -> str:
    constant = [c for c in columns if c["type"] == "constant"]
    match = best_match(question, constant)
    if isinstance(match, ColumnMatch) or len(constant) == 1:
        name = match.name if isinstance(match, ColumnMatch) else constant[0]["name"]
        return (
            f"Column {name} has one value in every row. Without treated and untreated rows there "
            "is nothing to compare."
        )
    return (
        "No column holds only 0 and 1, so there is no treatment to compare rows by. Columns: "
        + ", ".join(f"{c['name']} ({c['type']})" for c in columns)
        + "."
    )


def _give_up(reason: str) -> Step:
    return Step(
        "I cannot answer this question.",
        [Call("finish", FINISH, {"summary": reason, "failed": True})],
    )
