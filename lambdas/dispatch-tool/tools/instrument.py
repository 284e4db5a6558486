"""Two-stage least squares, with what a reader needs to trust an instrument.

https://bashtage.github.io/linearmodels/iv/; the rule of 10: Staiger and Stock, Econometrica 65
(1997).
"""

from __future__ import annotations

from typing import Any

import pandas as pd
from linearmodels.iv import IV2SLS
from numpy.linalg import LinAlgError

from tools.dataset import Dataset, ToolError
from tools.design import design
from tools.estimate import FOR_WHOM, ols
from tools.estimators import told_as
from tools.findings import STOPS, WEAKENS, finding
from tools.study import make_study

#: A first stage of a smaller F says that the instrument is too weak.
STRONG = 10.0


def estimate_by_instrument(
    dataset: Dataset,
    treatment: str,
    outcome: str,
    instruments: list[str],
    adjustment_set: list[str] | None = None,
    **how: Any,
) -> dict[str, Any]:
    """Return the effect by two-stage least squares, beside plain least squares.

    Args:
        treatment: 0/1, or any number: the effect is per unit of it.
        instruments: columns that move the treatment and reach the outcome through it alone.
        how: choices of :func:`tools.study.make_study`.
    """
    named = [treatment, outcome, *(adjustment_set or [])]
    if clash := sorted(set(instruments) & set(named)):
        raise ToolError(f"An instrument cannot be adjusted for or be studied: {', '.join(clash)}")
    study = make_study(
        dataset, treatment, outcome, adjustment_set, also=instruments, dose=True, **how
    )
    z = pd.DataFrame({name: study.also[name] for name in instruments})
    if constant := [name for name in instruments if z[name].nunique() < 2]:
        raise ToolError(f"Instrument {constant[0]!r} has one value in every row")
    exogenous = design(study)
    x = pd.DataFrame(exogenous, columns=[f"x{n}" for n in range(exogenous.shape[1])])
    try:
        fit = IV2SLS(
            pd.Series(study.y, name="y"),
            x,
            pd.Series(study.t, name="t"),
            z.reset_index(drop=True),
            weights=study.weights,
        ).fit(
            **(
                {"cov_type": "robust", "debiased": True}
                if study.clusters is None
                else {"cov_type": "clustered", "clusters": study.clusters, "debiased": True}
            )
        )
        stage = fit.first_stage.diagnostics.loc["t"]
    except (LinAlgError, ValueError) as error:
        raise ToolError(f"Two-stage least squares cannot be had: {error}") from error
    low, high = fit.conf_int().loc["t"]
    told = told_as(fit.params["t"], fit.std_errors["t"], low, high)
    # Of a robust first stage linearmodels gives a chi-squared statistic; F is per instrument.
    strength = float(stage["f.stat"]) / (len(instruments) if "chi2" in str(stage["f.dist"]) else 1)
    names = ", ".join(instruments)
    findings = [*study.findings]
    if strength < STRONG:
        text = (
            f"the instrument {names} hardly moves {treatment} (first-stage F {strength:.1f}; below "
            f"{STRONG:.0f} is weak), and then estimate and interval are not to be trusted."
        )
        findings.append(finding("weak_instrument", STOPS, text))
    text = (
        f"It holds if {names} touches {outcome} through {treatment} alone, which no data can show, "
        f"and is for those whose {treatment} follows it."
    )
    findings.append(finding("instrument", WEAKENS, text))
    return {
        **study.described(),
        "instruments": instruments,
        "estimates": {
            "2sls": {**told, "n": study.n},
            "ols": {**ols(study)[1], "n": study.n},
        },
        "att": {},
        "for_whom": {**FOR_WHOM, "ATE": f"those whose {treatment} follows {names}"},
        "first_stage": {
            "f": strength,
            "partial_r2": float(stage["partial.rsquared"]),
            "strong": strength >= STRONG,
        },
        "balance": {},
        "claim": "none" if strength < STRONG else "effect",
        "findings": findings,
    }
