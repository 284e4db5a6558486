"""The scripted planner's closing words, made from the tools' numbers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from agent_common.claims import WEAKENS, cannot_answer, unique

METHOD_NAMES = {
    "difference_in_means": "difference in means",
    "ols": "regression (OLS, robust errors)",
    "standardization": "standardization",
    "ipw": "inverse probability weighting",
    "aipw": "doubly robust (AIPW)",
    "dml": "doubly robust with a flexible learner",
    "2sls": "two-stage least squares",
}
#: What a finding is about, as the report names it.
_SPOKEN = {
    "agreement": "methods that disagree",
    "balance": "groups that stay apart after weighting",
    "clusters": "few clusters",
    "dose": "a straight line",
    "few_rows": "few rows",
    "functional_form": "curves that the models lack",
    "graph": "a graph that the data contradict",
    "instrument": "what an instrument takes for granted",
    "missing": "missing values",
    "overlap": "little overlap",
    "refutation": "a check that it did not pass",
}
#: Findings of these kinds mean that an attempt to refute the answer did not fail.
_DOUBTS = frozenset(["refutation", "agreement", "functional_form", "balance", "graph", "overlap"])


@dataclass(frozen=True)
class Report:
    """A report of a few sentences for a reader who is no statistician.

    Args:
        meanings: column -> what it means.
        estimate: the answer of ``estimate_effect``.
        others: the answers of the other tools.
    """

    treatment: str
    outcome: str
    meanings: dict[str, str]
    randomised: bool
    headline: str
    estimate: dict[str, Any]
    others: list[dict[str, Any]]

    def text(self) -> str:
        findings = unique(
            f for answer in (self.estimate, *self.others) for f in answer.get("findings", [])
        )
        refused = cannot_answer(self.treatment, self.outcome, findings)
        sentences = [refused, *self._for_some()] if refused else self._claim()
        for name in (self.treatment, self.outcome):
            if self.meanings.get(name):
                sentences.append(f"{name}: {self.meanings[name]}.")
        weak = [f for f in findings if f["weight"] == WEAKENS]
        if weak:
            words = ", ".join(dict.fromkeys(_SPOKEN.get(f["kind"], f["kind"]) for f in weak))
            sentences.append(f"What weakens it is told under its limits: {words}.")
        if not refused:
            sentences += self._strength(bool(_DOUBTS & {f["kind"] for f in weak}))
        if self.headline != "2sls":
            sentences.append(
                "The treatment was assigned at random, so the comparison is a fair one."
                if self.randomised
                else "The treatment was not assigned at random: any answer holds only if the "
                "columns adjusted for are all that matters."
            )
        return " ".join(sentences)

    def _claim(self) -> list[str]:
        estimates = self.estimate["estimates"]
        main = estimates[self.headline]
        low, high = main["ci_low"], main["ci_high"]
        clear = (low > 0) == (high > 0)
        direction = "raised" if main["estimate"] > 0 else "lowered"
        per = " per unit" if self._is_dose() else " on average"
        sentences = [
            f"{self.treatment} {direction} {self.outcome} by {abs(main['estimate']):,.2f}{per} "
            f"({METHOD_NAMES[self.headline]}; 95% confidence interval {low:,.2f} to {high:,.2f}; "
            f"{main['n']} rows).",
            "The interval excludes zero."
            if clear
            else "The interval includes zero: the data do not settle whether there is an effect.",
        ]
        if ratio := main.get("ratio"):
            sentences.append(
                f"As a ratio of the two means: {ratio['estimate']:,.2f} ({ratio['ci_low']:,.2f} to "
                f"{ratio['ci_high']:,.2f})."
            )
        others = [
            e["estimate"] for m, e in estimates.items() if m != self.headline and "error" not in e
        ]
        if others:
            sentences.append(f"The other methods give {min(others):,.2f} to {max(others):,.2f}.")
        treated = self.estimate.get("att", {}).get(self.headline)
        if treated is not None:
            sentences.append(f"For those who were treated alone: {_with_interval(treated)}.")
        if stage := self.estimate.get("first_stage"):
            sentences.append(f"The instrument is strong enough (first-stage F {stage['f']:,.1f}).")
        return sentences

    def _is_dose(self) -> bool:
        kinds = {f["kind"] for f in self.estimate.get("findings", [])}
        return bool(kinds & {"dose", "instrument"})

    def _for_some(self) -> list[str]:
        """Return what can be said of the rows that have counterparts, which is no answer."""
        trimmed = self.estimate.get("trimmed", {})
        if "ATT" not in trimmed:
            return []
        rows = trimmed["rows"]
        return [
            f"No effect is claimed. Among the {rows['treated']} treated and {rows['untreated']} "
            f"untreated rows whose probability of treatment lies within {trimmed['rule']}, and "
            f"only there, the treated differ by {_with_interval(trimmed['ATT'])}."
        ]

    def _strength(self, doubted: bool) -> list[str]:
        sentences = []
        checks = [c for answer in self.others for c in answer.get("checks", {}).items()]
        failed = [name for name, check in checks if not check["passed"]]
        if failed:
            sentences.append(f"It did not stand up to: {', '.join(failed)}.")
        elif checks and not doubted:
            sentences.append("It stood up to every attempt to refute it.")
        for answer in self.others:
            if "robustness_value" in answer:
                sentences.append(
                    f"Robustness value {answer['robustness_value']:.1%} (interval "
                    f"{answer['robustness_value_ci']:.1%}): something not measured would have to "
                    "explain that share of what is left of both treatment and outcome."
                )
            if "e_value" in answer:
                sentences.append(
                    f"E-value {answer['e_value']:.2f} (interval {answer['e_value_ci']:.2f}): an "
                    "unmeasured confounder would have to be tied to both by a risk ratio that "
                    "large."
                )
        return sentences


def _with_interval(told: dict[str, Any]) -> str:
    return f"{told['estimate']:,.2f} ({told['ci_low']:,.2f} to {told['ci_high']:,.2f})"
