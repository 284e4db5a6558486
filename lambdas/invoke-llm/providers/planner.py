"""The scripted provider's plan: from a conversation to the next step, without I/O."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from agent_common.conversation import Message
from agent_common.tool_specs import ASK_USER, FINISH, INSTRUMENTAL, METHODS
from providers.column_match import ColumnMatch, best_match
from providers.question import (
    earlier_values,
    named_columns,
    named_dose,
    named_first,
    named_instrument,
)
from providers.report import Report

RANDOMISED = "randomised"
OBSERVATIONAL = "observational"
MAX_ASKED_AGAIN = 2
#: From this share of a column on, rows that lack it are kept, with a column that says so.
MANY_MISSING = 0.2


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
        instrument = named_instrument(self.question, columns)
        if instrument is not None:
            self.question = self.question.replace(instrument, "")
            columns = [c for c in columns if c["name"] != instrument]
        treatment = self.treatment(columns, instrument)
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
        kind = next(c["type"] for c in columns if c["name"] == treatment)
        compare = self.compare(treatment, columns) if kind == "category" else None
        if isinstance(compare, Step):
            return compare
        return _Study(self, treatment, outcome, columns, instrument, compare, kind).next()

    def treatment(self, columns: list[dict[str, Any]], instrument: str | None) -> str | Step:
        """Return the treatment, or the step that asks for it."""
        dose = named_dose(self.question, columns)
        if dose is not None:
            return dose
        kinds = ("binary", "category", *(["numeric"] if instrument else []))
        candidates = [c for c in columns if c["type"] in kinds]
        if not candidates:
            return _give_up(_no_treatment(columns, self.question))
        first = named_first(self.question, columns)
        if first in [c["name"] for c in candidates]:
            candidates = [c for c in candidates if c["name"] == first]
        return self.column("treatment", candidates, columns)

    def compare(self, treatment: str, columns: list[dict[str, Any]]) -> list[str] | Step:
        """Return the two values of a treatment in words, or the step that asks for them."""
        values = list(next(c["values"] for c in columns if c["name"] == treatment))
        chosen: list[str] = []
        for key, which in (("untreated", "is the comparison"), ("treated", "is the treatment")):
            left = [value for value in values if value not in chosen]
            said = self.answer(f"ask_{key}")
            if said is None:
                ask = f"{treatment} has several values, and two are compared. Which one {which}?"
                call = Call(f"ask_{key}", ASK_USER, {"question": ask, "options": left})
                return Step(f"{treatment} is no yes or no.", [call])
            value = str(said.get("answer", "")).strip()
            if value not in left:
                return _give_up(f"{treatment} has no value {value!r}. It has: {', '.join(left)}.")
            chosen.append(value)
        return chosen

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


class _Study:
    """The steps once treatment and outcome are known."""

    def __init__(
        self,
        planner: _Planner,
        treatment: str,
        outcome: str,
        columns: list[dict[str, Any]],
        instrument: str | None,
        compare: list[str] | None,
        kind: str,
    ) -> None:
        self.answer = planner.answer
        self.treatment = treatment
        self.outcome = outcome
        self.columns = columns
        self.instrument = instrument
        self.compare = compare
        self.dose = kind == "numeric"

    def next(self) -> Step:
        assignment = self.answer("ask_assignment")
        if assignment is None and self.instrument is None:
            return self.ask_assignment()
        said = str((assignment or {}).get("answer", "")).lower()
        randomised = said.startswith(("random", "experiment", "yes"))
        covariates = self.covariates(randomised)
        if isinstance(covariates, Step):
            return covariates
        adjustment = self.answer("identify")
        if adjustment is None:
            return self.identify(covariates, randomised)
        if "error" in adjustment:
            return _give_up(f"No adjustment set can be found: {adjustment['error']}")
        effect = self.effect(covariates)
        estimate = self.answer("estimate")
        if estimate is None:
            return self.estimate(adjustment, effect, randomised)
        estimates = estimate.get("estimates", {})
        usable = {m: e for m, e in estimates.items() if "error" not in e}
        if not usable:
            reasons = [e["error"] for e in estimates.values()] or [estimate.get("error", "unknown")]
            return _give_up(f"The effect cannot be estimated: {reasons[0]}")
        headline = "difference_in_means" if randomised else "aipw"
        if headline not in usable:
            headline = INSTRUMENTAL if INSTRUMENTAL in usable else next(iter(usable))
        refutation, sensitivity = self.answer("refute"), self.answer("sensitivity")
        plain = self.instrument is None and not self.dose
        if plain and (refutation is None or sensitivity is None):
            claim = estimate.get("claim", "effect") == "effect"
            return self.refute(effect, covariates, headline, usable[headline], claim)
        report = Report(
            self.treatment,
            self.outcome,
            {c["name"]: c.get("description", "") for c in self.columns},
            randomised,
            headline,
            estimate,
            [self.answer(key) or {} for key in ("identify", "graph", "refute", "sensitivity")],
        )
        return Step(
            "The analysis is complete.",
            [Call("finish", FINISH, {"summary": report.text(), "headline_method": headline})],
        )

    def ask_assignment(self) -> Step:
        ask = (
            f"Was {self.treatment} assigned at random (an experiment), or did people end up with "
            "it for reasons of their own (observational data)?"
        )
        return Step(
            f"The treatment is {self.treatment}, the outcome {self.outcome}. How the treatment was "
            "assigned decides what has to be adjusted for, and the data cannot tell.",
            [
                Call(
                    "ask_assignment",
                    ASK_USER,
                    {"question": ask, "options": [RANDOMISED, OBSERVATIONAL]},
                )
            ],
        )

    def covariates(self, randomised: bool) -> list[str] | Step:
        """Return what may be adjusted for, or the step that asks what came after the treatment."""
        others = [
            c
            for c in self.columns
            if c["name"] not in (self.treatment, self.outcome)
            and c["type"] in ("numeric", "binary", "category")
            and c.get("timing") != "after"
        ]
        unknown = [c["name"] for c in others if c.get("timing") is None]
        known = [c["name"] for c in others if c.get("timing") == "before"]
        if randomised or not unknown:
            # An experiment needs none; what might be an effect of the treatment would bias it.
            return known
        for attempt in range(MAX_ASKED_AGAIN):
            said = self.answer(f"ask_after_{attempt}")
            if said is None:
                again = "That names something else. " if attempt else ""
                ask = (
                    f"{again}Which of these columns came after {self.treatment}, or may be caused "
                    f"by it? They must not be adjusted for: {', '.join(unknown)}. Name them, "
                    "separated by commas, or say none."
                )
                return Step(
                    "What the treatment causes must not be adjusted for, and nothing says what "
                    "came first.",
                    [Call(f"ask_after_{attempt}", ASK_USER, {"question": ask})],
                )
            after = named_columns(str(said.get("answer", "")).strip(), unknown)
            if after is not None:
                return [c["name"] for c in others if c["name"] not in after]
        return _give_up(
            "Without knowing which columns came after the treatment, none can be adjusted for."
        )

    def identify(self, covariates: list[str], randomised: bool) -> Step:
        edges = [[self.treatment, self.outcome]] + [[c, self.outcome] for c in covariates]
        graph: dict[str, Any] = {"treatment": self.treatment, "outcome": self.outcome}
        if self.instrument is not None:
            hidden = "what is not measured"
            edges += [[c, self.treatment] for c in (*covariates, self.instrument, hidden)]
            graph |= {"edges": [*edges, [hidden, self.outcome]], "unobserved": [hidden]}
            return Step(
                f"{self.instrument} is the instrument, then, since something not measured may lead "
                "to both. I look whether it identifies the effect.",
                [Call("identify", "identify_adjustment_set", graph)],
            )
        if randomised:
            graph["edges"] = edges
            calls = [Call("identify", "identify_adjustment_set", graph)]
            if covariates:
                calls.append(Call("graph", "check_graph", {**graph, "open_among": covariates}))
            return Step(
                "At random, then: nothing causes the treatment. I look for what has to be adjusted "
                "for, and whether the data bear that out.",
                calls,
            )
        graph["edges"] = edges + [[c, self.treatment] for c in covariates]
        return Step(
            "Not at random, then: every other column may have led to the treatment. I look for "
            "what has to be adjusted for.",
            [Call("identify", "identify_adjustment_set", graph)],
        )

    def effect(self, covariates: list[str]) -> dict[str, Any]:
        """Return the arguments that every tool on this comparison takes."""
        effect: dict[str, Any] = {
            "treatment": self.treatment,
            "outcome": self.outcome,
            "adjustment_set": covariates,
        }
        if self.compare is not None:
            effect["compare"] = self.compare
        missing = [c.get("missing", 0) / self.rows for c in self.columns if c["name"] in covariates]
        if max(missing, default=0) > MANY_MISSING:
            effect["missing"] = "indicator"
        return effect

    @property
    def rows(self) -> int:
        return int((self.answer("profile") or {}).get("rows", 0)) or 1

    def estimate(
        self, adjustment: dict[str, Any], effect: dict[str, Any], randomised: bool
    ) -> Step:
        if self.instrument is not None:
            how = {"methods": ["ols"], "instruments": [self.instrument]}
            words = "I estimate by two-stage least squares."
        elif self.dose:
            how = {"methods": ["ols"]}
            words = f"{self.treatment} is a dose: I estimate the change per unit of it."
        else:
            how = {"methods": list(METHODS)}
            words = (
                "Nothing has to be; the other columns still make the estimate more precise."
                if randomised
                else f"To be adjusted for: {', '.join(adjustment.get('adjustment_set', []))}."
            )
            words += " I estimate by several methods."
        return Step(words, [Call("estimate", "estimate_effect", {**effect, **how})])

    def refute(
        self,
        effect: dict[str, Any],
        covariates: list[str],
        headline: str,
        main: dict[str, Any],
        claim: bool,
    ) -> Step:
        refute = {**effect, "method": "aipw" if headline == "aipw" else "ols"}
        if placebos := earlier_values(self.outcome, covariates):
            refute["placebo_outcomes"] = placebos
        numbers = {"estimate": main["estimate"], "std_error": main["std_error"]}
        words = (
            f"By {headline} the effect is {main['estimate']:,.2f}. Now I try to refute it."
            if claim
            else "These figures are no answer, for reasons that the report gives. I look at what "
            "the checks make of them."
        )
        return Step(
            words,
            [
                Call("refute", "refute_estimate", refute),
                Call("sensitivity", "sensitivity", {**effect, **numbers}),
            ],
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
        "No column holds only 0 and 1, or a few words, so there is no treatment to compare rows "
        "by. Columns: " + ", ".join(f"{c['name']} ({c['type']})" for c in columns) + "."
    )


def _give_up(reason: str) -> Step:
    return Step(
        "I cannot answer this question.",
        [Call("finish", FINISH, {"summary": reason, "failed": True})],
    )
