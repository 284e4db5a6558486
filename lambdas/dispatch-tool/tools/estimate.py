"""Average effects by several methods, and whether these data can answer at all.

For everybody (ATE), for the treated (ATT) and for the rows that have counterparts (trimmed).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import Any

import numpy as np
from numpy.linalg import LinAlgError
from scipy import stats
from statsmodels.regression.linear_model import WLS
from statsmodels.tools.sm_exceptions import PerfectSeparationError

from tools.agreement import agreement
from tools.balance import balanced_assignment, covariate_balance
from tools.dataset import Dataset, ToolError
from tools.design import design
from tools.estimators import (
    ATE,
    ATT,
    CONFIDENCE,
    Assignment,
    Effect,
    Outcome,
    aipw,
    difference_of,
    interval,
    ipw,
    standardization,
    told_as,
)
from tools.findings import STOPS, WEAKENS, finding
from tools.graph import check_adjustment
from tools.learner import dml
from tools.overlap import TRIM, judge, overlap, trimmed_rows
from tools.study import Matrix, Study, make_study

Tell = Callable[[str], None]

FOR_WHOM = {
    ATE: "everybody in the data",
    ATT: "those who were treated",
    "trimmed": f"rows whose probability of treatment lies between {TRIM[0]} and {TRIM[1]}",
}
#: Fewer rows than this in a group are too few for the large-sample errors of these methods.
FEW_ROWS = 30
WRONG = (ToolError, LinAlgError, PerfectSeparationError, FloatingPointError)


def estimate_effect(
    dataset: Dataset,
    treatment: str,
    outcome: str,
    methods: list[str],
    adjustment_set: list[str] | None = None,
    squares: list[str] | None = None,
    interactions: bool = False,
    modifiers: list[str] | None = None,
    edges: list[list[str]] | None = None,
    unobserved: list[str] | None = None,
    tell: Tell = lambda _: None,
    **how: Any,
) -> dict[str, Any]:
    """Return the effect by each method, the diagnostics, and what may be claimed.

    ``estimates`` are for everybody, ``att`` for the treated, ``trimmed`` for the rows that Crump's
    rule keeps. A method that fails on these data answers with an ``error`` of its own.

    Args:
        squares: covariates whose square belongs into the models.
        interactions: whether products of every two covariates do.
        modifiers: covariates that change the effect in the outcome model; all do if not given.
        edges: the causal graph; the adjustment set is then checked against it.
        how: choices of :func:`tools.study.make_study`.
        tell: is told what is being done.
    """
    adjust = adjustment_set or []
    if edges is not None:
        check_adjustment(treatment, outcome, adjust, edges, unobserved or [])
    if set(methods) == {"ols"} and how.get("compare") is None:
        study = make_study(dataset, treatment, outcome, adjust, dose=True, **how)
        if len(np.unique(study.t)) > 2:
            return _dose(study)
    study = make_study(dataset, treatment, outcome, adjust, **how)
    analysis = _Analysis(study, squares, interactions, modifiers, tell)
    return analysis.run(methods)


class _Analysis:
    def __init__(
        self,
        study: Study,
        squares: list[str] | None,
        interactions: bool,
        modifiers: list[str] | None,
        tell: Tell,
    ) -> None:
        self.study = study
        self.squares = squares
        self.interactions = interactions
        self.modifiers = modifiers
        self.tell = tell
        self.findings = list(study.findings)
        #: Of the model of who is treated; balance may call for more than what was asked for.
        self.terms: dict[str, Any] = {"squares": squares or [], "interactions": interactions}

    def run(self, methods: list[str]) -> dict[str, Any]:
        study = self.study
        self.tell(f"{study.n:,} rows: modelling who is treated")
        assignment, why = self._assignment()
        estimates: dict[str, Any] = {}
        att: dict[str, Any] = {}
        effects: dict[str, Effect] = {}
        for method in methods:
            self.tell(f"{study.n:,} rows: estimating by {method}")
            try:
                found, told = self._by(method, study, assignment, why)
                estimates[method] = {**told, "n": study.n}
                effects[method] = found[ATE]
                if ATT in found:
                    att[method] = {**interval(found[ATT], study), "n": study.n}
            except WRONG as error:
                estimates[method] = {"error": str(error)}
        answer: dict[str, Any] = {
            **study.described(),
            "assignment_terms": self.terms,
            "estimates": estimates,
            "att": att,
            "for_whom": FOR_WHOM,
            "balance": covariate_balance(
                study, None if assignment is None else assignment.probability
            )
            if study.covariates
            else {},
        }
        if assignment is not None and study.covariates:
            answer["overlap"] = overlap(study, assignment.probability)
            self.findings += judge(study, answer["overlap"])
            if trimmed := self._trimmed(assignment, answer["overlap"]["within_trim"]):
                answer["trimmed"] = trimmed
        smaller = int(min(study.t.sum(), study.n - study.t.sum()))
        if smaller < FEW_ROWS:
            text = (
                f"The smaller group has {smaller} rows: intervals are rough with fewer than "
                f"{FEW_ROWS}."
            )
            self.findings.append(finding("few_rows", WEAKENS, text))
        self.findings += agreement(study, effects)
        stopped = any(f["weight"] == STOPS for f in self.findings)
        return {**answer, "claim": "none" if stopped else "effect", "findings": self.findings}

    def _assignment(self) -> tuple[Assignment | None, str]:
        if not self.study.covariates:
            return Assignment.fit(self.study), ""
        try:
            chosen, self.terms, found = balanced_assignment(
                self.study, self.squares, self.interactions
            )
        except ToolError as error:
            self.findings.append(
                finding("separation", STOPS, f"{str(error)[0].lower()}{str(error)[1:]}.")
            )
            return None, str(error)
        self.findings += found
        return chosen, ""

    def _terms(self, study: Study) -> Matrix:
        return design(study, self.squares, self.interactions)

    def _outcome(self, study: Study) -> Outcome:
        modifiers = None
        if self.modifiers is not None:
            names = [n for n in study.x.columns if study.source[n] in self.modifiers]
            modifiers = np.column_stack([np.ones(study.n), *(study.x[n] for n in names)])
        return Outcome.fit(study, self._terms(study), modifiers)

    @cached_property
    def model(self) -> Outcome:
        """The outcome model of the whole study, which two methods share."""
        return self._outcome(self.study)

    def _by(
        self, method: str, study: Study, assignment: Assignment | None, why: str
    ) -> tuple[dict[str, Effect], dict[str, Any]]:
        """Return the effects by one method, and what is told of the one for everybody."""
        if method == "difference_in_means":
            return difference_in_means(study)
        if method == "ols":
            return ols(study, self._terms(study))
        if method == "dml":
            if not study.covariates:
                raise ToolError("A flexible learner needs columns to adjust for")
            found = dml(study, [ATE, ATT])
        elif method == "standardization":
            found = {target: standardization(study, self.model, target) for target in (ATE, ATT)}
        elif assignment is None:
            raise ToolError(why)
        elif method == "ipw":
            found = {target: ipw(study, assignment, target) for target in (ATE, ATT)}
        else:
            model = self.model
            found = {target: aipw(study, assignment, model, target) for target in (ATE, ATT)}
        return found, interval(found[ATE], study)

    def _trimmed(self, assignment: Assignment, kept: dict[str, int]) -> dict[str, Any]:
        """Return the doubly robust estimates of the rows that Crump's rule keeps."""
        keep = trimmed_rows(assignment.probability)
        if keep.all():
            return {}
        told: dict[str, Any] = {"rule": f"{TRIM[0]} to {TRIM[1]}", "rows": kept}
        try:
            if min(kept.values()) < 10:
                raise ToolError("Too few rows of one group are left")
            study = self.study.rows(keep)
            again = Assignment.fit(study, design(study, **self.terms))
            model = self._outcome(study)
            for target in (ATE, ATT):
                told[target] = {**interval(aipw(study, again, model, target), study), "n": study.n}
        except WRONG as error:
            told["error"] = str(error)
        return told


def difference_in_means(study: Study) -> tuple[dict[str, Effect], dict[str, Any]]:
    """Treated minus untreated mean; Welch's error and degrees of freedom where rows are equal."""
    treated = study.t == 1
    groups = study.y[treated], study.y[~treated]
    if min(map(len, groups)) < 2:
        raise ToolError("Each group needs two rows or more")
    if not any(group.var() for group in groups):
        raise ToolError(f"The outcome {study.outcome!r} does not vary within the groups")
    means = []
    for group in (study.t, 1 - study.t):
        w = study.weights * group
        centre = float(np.average(study.y, weights=w))
        means.append((centre, w * (study.y - centre) / w.mean()))
    effect = difference_of(means)
    told = interval(effect, study)
    if study.clusters is None and np.ptp(study.weights) == 0:
        parts = [group.var(ddof=1) / len(group) for group in groups]
        error = float(np.sqrt(sum(parts)))
        freedom = sum(parts) ** 2 / sum(
            part**2 / (len(group) - 1) for part, group in zip(parts, groups, strict=True)
        )
        half = float(stats.t.ppf((1 + CONFIDENCE) / 2, freedom)) * error
        told |= {
            "std_error": error,
            "ci_low": effect.estimate - half,
            "ci_high": effect.estimate + half,
        }
    return {ATE: effect}, told


def ols(study: Study, terms: Matrix | None = None) -> tuple[dict[str, Effect], dict[str, Any]]:
    """Regression on treatment and covariates, with HC1 errors, by cluster where there are any."""
    made = np.column_stack([design(study) if terms is None else terms, study.t])
    model = WLS(study.y, made, weights=study.weights)
    if study.clusters is None:
        fit = model.fit(cov_type="HC1")
    else:
        fit = model.fit(cov_type="cluster", cov_kwds={"groups": study.clusters})
    influence = study.n * (study.weights * fit.resid)[:, None] * made
    effect = Effect(float(fit.params[-1]), influence @ fit.normalized_cov_params[-1])
    low, high = fit.conf_int(1 - CONFIDENCE)[-1]
    return {ATE: effect}, told_as(fit.params[-1], fit.bse[-1], low, high)


def _dose(study: Study) -> dict[str, Any]:
    """Return the change of the outcome per unit of a treatment that is a number."""
    estimates: dict[str, Any]
    try:
        estimates = {"ols": {**ols(study)[1], "n": study.n}}
    except WRONG as error:
        estimates = {"ols": {"error": str(error)}}
    text = (
        f"{study.treatment} is a dose: the estimate is the change of {study.outcome} per unit of "
        "it, if a straight line is right. Overlap and weighting are not looked at for a dose."
    )
    return {
        **study.described(),
        "estimates": estimates,
        "att": {},
        "for_whom": FOR_WHOM,
        "balance": {},
        "claim": "effect",
        "findings": [*study.findings, finding("dose", WEAKENS, text)],
    }
