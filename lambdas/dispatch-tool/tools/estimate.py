"""Average treatment effects by four methods, with statsmodels.

https://www.statsmodels.org/stable/treatment.html
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.linalg import LinAlgError
from scipy import stats
from statsmodels.regression.linear_model import OLS
from statsmodels.tools.sm_exceptions import PerfectSeparationError
from statsmodels.treatment.treatment_effects import TreatmentEffect

from tools.balance import covariate_balance
from tools.dataset import Dataset, Study, ToolError
from tools.models import design_matrix, fit_assignment

CONFIDENCE = 0.95


def estimate_effect(
    dataset: Dataset,
    treatment: str,
    outcome: str,
    methods: list[str],
    adjustment_set: list[str] | None = None,
) -> dict[str, Any]:
    """Return the effect by each method: estimate, standard error and 95% interval.

    A method that fails on these data answers with an ``error`` of its own. With covariates there
    is their ``balance``, too: how far treated and untreated rows differ in each.
    """
    study = dataset.study(treatment, outcome, adjustment_set or [])
    estimates: dict[str, Any] = {}
    for method in methods:
        try:
            estimates[method] = {**_METHODS[method](study), "n": len(study.frame)}
        except (ToolError, LinAlgError, PerfectSeparationError, FloatingPointError) as error:
            estimates[method] = {"error": str(error)}
    return {
        "treatment": treatment,
        "outcome": outcome,
        "adjustment_set": study.covariates,
        "rows_dropped": study.rows_dropped,
        "estimates": estimates,
        "balance": covariate_balance(study),
    }


def difference_in_means(study: Study) -> dict[str, float]:
    """Treated minus untreated mean, with Welch's standard error and degrees of freedom."""
    treated, untreated = study.y[study.treated == 1], study.y[study.treated == 0]
    if min(len(treated), len(untreated)) < 2:
        raise ToolError("Each group needs two rows or more")
    parts = [group.var(ddof=1) / len(group) for group in (treated, untreated)]
    error = float(np.sqrt(sum(parts)))
    if error == 0:
        raise ToolError(f"The outcome {study.outcome!r} does not vary within the groups")
    freedom = sum(parts) ** 2 / sum(
        part**2 / (len(group) - 1) for part, group in zip(parts, (treated, untreated), strict=True)
    )
    half = float(stats.t.ppf((1 + CONFIDENCE) / 2, freedom)) * error
    estimate = float(treated.mean() - untreated.mean())
    return _interval(estimate, error, estimate - half, estimate + half)


def ols(study: Study) -> dict[str, float]:
    """Regression on treatment and covariates, with HC1 (robust) errors."""
    design = design_matrix(study, with_treatment=True)
    fit = OLS(study.y, design).fit(cov_type="HC1")
    low, high = fit.conf_int(alpha=1 - CONFIDENCE).loc[study.treatment]
    return _interval(fit.params[study.treatment], fit.bse[study.treatment], low, high)


def ipw(study: Study) -> dict[str, float]:
    """Weighting by the inverse probability of treatment, a logit of the covariates."""
    return _treatment_effect(study, "ipw")


def aipw(study: Study) -> dict[str, float]:
    """Augmented weighting: right when either the outcome or the treatment model is."""
    return _treatment_effect(study, "aipw")


_METHODS: dict[str, Callable[[Study], dict[str, float]]] = {
    "difference_in_means": difference_in_means,
    "ols": ols,
    "ipw": ipw,
    "aipw": aipw,
}


def _treatment_effect(study: Study, method: str) -> dict[str, float]:
    design = design_matrix(study, with_treatment=False)
    assignment = fit_assignment(study, design)
    model = TreatmentEffect(OLS(study.y, design), study.treated, results_select=assignment)
    result = getattr(model, method)(return_results=True, disp=False).results_gmm
    low, high = result.conf_int(alpha=1 - CONFIDENCE)[0]
    return _interval(result.params[0], result.bse[0], low, high)


def _interval(estimate: float, error: float, low: float, high: float) -> dict[str, float]:
    values = [float(v) for v in (estimate, error, low, high)]
    if not np.isfinite(values).all():
        raise ToolError("The estimate is not a finite number")
    return dict(zip(("estimate", "std_error", "ci_low", "ci_high"), values, strict=True))
