"""How alike treated and untreated rows are in their covariates."""

from __future__ import annotations

from typing import Any

import numpy as np

from tools.dataset import ToolError
from tools.design import can_be_rich, curved, design
from tools.estimators import Assignment, weights_of
from tools.findings import NOTE, WEAKENS, finding
from tools.study import Study, Vector

#: Below this counts as balanced: Austin, "Balance diagnostics", Statistics in Medicine 28 (2009),
#: https://doi.org/10.1002/sim.3697
BALANCED = 0.1


def covariate_balance(
    study: Study, probability: Vector | None = None
) -> dict[str, dict[str, float]]:
    """Return each covariate's standardized mean difference, as it is and weighted.

    It is the difference of the groups' means in units of their pooled standard deviation (that of
    the unweighted rows, so that both figures have one unit).

    Args:
        probability: of treatment, from which the weights follow; no ``weighted`` without it.
    """
    treated = study.t == 1
    if min(treated.sum(), (~treated).sum()) < 2:
        return {}
    weights = None
    if probability is not None:
        weights = study.weights * weights_of(study, probability)
    balance = {}
    for name in study.x.columns:
        column = study.x[name].to_numpy()
        groups = column[treated], column[~treated]
        deviation = float(np.sqrt((groups[0].var(ddof=1) + groups[1].var(ddof=1)) / 2))
        if deviation == 0:  # constant within both groups: there is no unit
            continue
        means = [np.average(column[g], weights=study.weights[g]) for g in (treated, ~treated)]
        found = {"unadjusted": float(means[0] - means[1]) / deviation}
        if weights is not None and np.isfinite(weights).all():
            means = [np.average(column[g], weights=weights[g]) for g in (treated, ~treated)]
            found["weighted"] = float(means[0] - means[1]) / deviation
        balance[name] = found
    return balance


def worst(balance: dict[str, dict[str, float]]) -> float:
    """Return the largest weighted difference."""
    return max((abs(found["weighted"]) for found in balance.values()), default=0.0)


def balanced_assignment(
    study: Study, squares: list[str] | None, interactions: bool
) -> tuple[Assignment, dict[str, Any], list[dict[str, Any]]]:
    """Return the model of who is treated whose weights balance best, its terms, and what was tried.

    The plain one, or the terms that the caller names; where a covariate stays apart by
    :data:`BALANCED` or more, squares and then interactions are tried.
    """
    chosen = Assignment.fit(study, design(study, squares, interactions))
    apart = worst(covariate_balance(study, chosen.probability))
    if apart < BALANCED:
        return chosen, _terms(squares or [], interactions), []
    terms = _terms(squares or [], interactions)
    first, helped = apart, ""
    tries = [("squares", curved(study), False)]
    if can_be_rich(study):
        tries.append(("squares and interactions", curved(study), True))
    tried = []
    for words, more, products in tries:
        try:
            richer = Assignment.fit(study, design(study, more, products))
        except ToolError:
            continue
        tried.append(words)
        found = worst(covariate_balance(study, richer.probability))
        if found < apart:
            chosen, apart, helped = richer, found, words
            terms = _terms(more, products)
    balance = covariate_balance(study, chosen.probability)
    named = [
        f"{name} ({found['weighted']:+.2f})"
        for name, found in balance.items()
        if abs(found["weighted"]) >= BALANCED
    ]
    findings = []
    if helped:
        text = (
            f"With {helped} in the model of who is treated, the largest standardized difference "
            f"falls from {first:.2f} to {apart:.2f}; that model is used."
        )
        findings.append(finding("balance", NOTE, text))
    if named:
        also = f" Trying {' and '.join(tried)} did not mend it." if tried else ""
        text = (
            f"After weighting, the groups still differ by {BALANCED} deviations or more in "
            f"{', '.join(named)}.{also}"
        )
        findings.append(finding("balance", WEAKENS, text))
    return chosen, terms, findings


def _terms(squares: list[str], interactions: bool) -> dict[str, Any]:
    return {"squares": squares, "interactions": interactions}
