"""Average treatment effects by four methods, with statsmodels.

https://www.statsmodels.org/stable/treatment.html
"""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
from numpy.linalg import LinAlgError
from scipy import stats
from statsmodels.discrete.discrete_model import Logit
from statsmodels.regression.linear_model import OLS
from statsmodels.tools.sm_exceptions import PerfectSeparationError, PerfectSeparationWarning
from statsmodels.treatment.treatment_effects import TreatmentEffect

from tools.dataset import Dataset, Study, ToolError

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
    design = _design(study, with_treatment=True)
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
    design = _design(study, with_treatment=False)
    assignment = _fit_assignment(study, design)
    model = TreatmentEffect(OLS(study.y, design), study.treated, results_select=assignment)
    result = getattr(model, method)(return_results=True, disp=False).results_gmm
    low, high = result.conf_int(alpha=1 - CONFIDENCE)[0]
    return _interval(result.params[0], result.bse[0], low, high)


def _fit_assignment(study: Study, design: pd.DataFrame) -> Any:
    """Return the logit of who is treated.

    Raises:
        ToolError: it cannot be fitted, since the covariates tell exactly who is.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("error", PerfectSeparationWarning)
        try:
            assignment = Logit(study.treated, design).fit(disp=False, tol=1e-12, maxiter=100)
        except (PerfectSeparationWarning, PerfectSeparationError) as error:
            raise ToolError(
                "The covariates tell exactly who is treated: no two comparable rows"
            ) from error
    if not assignment.mle_retvals["converged"]:
        raise ToolError("The model of who is treated does not converge")
    return assignment


def _design(study: Study, *, with_treatment: bool) -> pd.DataFrame:
    """Return the columns that a model uses, covariates scaled to mean 0 and deviation 1.

    The scale changes no estimate. It does change the GMM errors of IPW and AIPW: their numeric
    derivatives lose digits where one column counts thousands and another is 0/1.
    """
    covariates = study.frame[study.covariates]
    design = (covariates - covariates.mean()) / covariates.std()
    design.insert(0, "const", 1.0)
    if with_treatment:
        design[study.treatment] = study.treated
    if np.linalg.matrix_rank(design.to_numpy()) < design.shape[1]:
        raise ToolError(
            "The columns to adjust for are not independent: one follows from the others"
        )
    return design


def covariate_balance(study: Study) -> dict[str, dict[str, float]]:
    """Return each covariate's standardized mean difference, as it is and weighted.

    It is the difference of the groups' means in units of their pooled standard deviation (that of
    the unweighted rows, so that both figures have one unit). The weights are those of IPW; a
    covariate has no ``weighted`` where they cannot be had. Below 0.1 counts as balanced: Austin,
    "Balance diagnostics", Statistics in Medicine 28 (2009), https://doi.org/10.1002/sim.3697
    """
    if not study.covariates:
        return {}
    treated = study.treated.to_numpy() == 1
    weights: np.ndarray | None = None
    with contextlib.suppress(ToolError, LinAlgError, FloatingPointError):
        propensity = _fit_assignment(study, _design(study, with_treatment=False)).predict()
        weights = np.where(treated, 1 / propensity, 1 / (1 - propensity))
    balance = {}
    for name in study.covariates:
        column = study.frame[name].to_numpy()
        groups = column[treated], column[~treated]
        if min(map(len, groups)) < 2:
            continue
        deviation = float(np.sqrt((groups[0].var(ddof=1) + groups[1].var(ddof=1)) / 2))
        if deviation == 0:  # constant within both groups: there is no unit
            continue
        found = {"unadjusted": float(groups[0].mean() - groups[1].mean()) / deviation}
        if weights is not None and np.isfinite(weights).all():
            means = [np.average(column[g], weights=weights[g]) for g in (treated, ~treated)]
            found["weighted"] = float(means[0] - means[1]) / deviation
        balance[name] = found
    return balance


def _interval(estimate: float, error: float, low: float, high: float) -> dict[str, float]:
    values = [float(v) for v in (estimate, error, low, high)]
    if not np.isfinite(values).all():
        raise ToolError("The estimate is not a finite number")
    return dict(zip(("estimate", "std_error", "ci_low", "ci_high"), values, strict=True))
