"""How alike treated and untreated rows are in their covariates."""

from __future__ import annotations

import contextlib

import numpy as np
from numpy.linalg import LinAlgError

from tools.dataset import Study, ToolError
from tools.models import design_matrix, fit_assignment


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
        propensity = fit_assignment(study, design_matrix(study, with_treatment=False)).predict()
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
