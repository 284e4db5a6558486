"""How strong what was not measured would have to be to explain an estimate away.

Robustness values: Cinelli and Hazlett, "Making sense of sensitivity", JRSS B 82 (2020),
https://doi.org/10.1111/rssb.12348. E-values: VanderWeele and Ding, "Sensitivity Analysis in
Observational Research" (2017); for a continuous outcome the standardised difference d stands for
a risk ratio of exp(0.91 d).
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from scipy import stats
from statsmodels.regression.linear_model import WLS

from tools.dataset import Dataset, ToolError
from tools.design import design
from tools.study import Study, make_study

SIGNIFICANCE = 0.05
#: How many times as strong as an observed covariate the unmeasured one is taken to be.
STRENGTHS = (1, 2, 3)
_SHOWN = 5


def sensitivity(
    dataset: Dataset,
    treatment: str,
    outcome: str,
    estimate: float,
    std_error: float,
    adjustment_set: list[str] | None = None,
    **how: Any,
) -> dict[str, Any]:
    """Return the E-value of an estimate, and the robustness value of the regression beside it.

    Args:
        estimate: an effect, in the outcome's unit.
        std_error: its standard error.
        how: choices of :func:`tools.study.make_study`.
    """
    study = make_study(dataset, treatment, outcome, adjustment_set, dose=True, **how)
    spread = float(np.std(study.y, ddof=1))
    if not spread > 0:
        raise ToolError(f"The outcome {outcome!r} does not vary")
    d, error = abs(estimate) / spread, std_error / spread
    ratio = math.exp(min(0.91 * d, 500))
    limit = math.exp(min(0.91 * d - 1.78 * error, 500))
    regression = Regression(study)
    return {
        "standardised_effect": math.copysign(d, estimate),
        "risk_ratio": ratio,
        "e_value": _e_value(ratio),
        "e_value_ci": _e_value(limit),
        "robustness_value": regression.robustness(),
        "robustness_value_ci": regression.robustness(SIGNIFICANCE),
        "regression": {
            "estimate": regression.estimate,
            "std_error": regression.std_error,
            "degrees_of_freedom": regression.freedom,
        },
        "benchmarks": regression.benchmarks()[:_SHOWN],
    }


class Regression:
    """The linear regression that robustness values are about, with classical errors."""

    def __init__(self, study: Study) -> None:
        x = design(study)
        outcome = WLS(study.y, np.column_stack([x, study.t]), weights=study.weights).fit()
        self.estimate, self.std_error = float(outcome.params[-1]), float(outcome.bse[-1])
        self.freedom = int(outcome.df_resid)
        if self.freedom < 2 or not self.std_error > 0:
            raise ToolError("Too few rows for a regression on all these columns")
        treatment = WLS(study.t, x, weights=study.weights).fit()
        names = list(study.x.columns)[: x.shape[1] - 1]
        self._partial = {
            name: (
                _partial_r2(float(treatment.tvalues[n]), self.freedom + 1),
                _partial_r2(float(outcome.tvalues[n]), self.freedom),
            )
            for n, name in enumerate(names, 1)
        }

    def robustness(self, significance: float | None = None) -> float:
        """Return the share of what is unexplained that a confounder must explain.

        Args:
            significance: of the interval that is to reach zero; without it the estimate is.
        """
        f = abs(self.estimate / self.std_error) / math.sqrt(self.freedom)
        critical = 0.0
        if significance is not None:
            quantile = float(stats.t.ppf(1 - significance / 2, self.freedom - 1))
            critical = quantile / math.sqrt(self.freedom - 1)
        rest = f - critical
        if rest <= 0:
            return 0.0
        if critical and f > 1 / critical:
            return (f**2 - critical**2) / (1 + f**2)
        return (math.sqrt(rest**4 + 4 * rest**2) - rest**2) / 2

    def bias(self, with_treatment: float, with_outcome: float) -> float:
        """Return how far a confounder of these partial R2 moves the estimate."""
        strength = with_outcome * with_treatment / (1 - with_treatment)
        return self.std_error * math.sqrt(self.freedom) * math.sqrt(strength)

    def benchmarks(self) -> list[dict[str, Any]]:
        """Return what a confounder as strong as each covariate would do, the strongest first."""
        found = []
        for name, (with_treatment, with_outcome) in self._partial.items():
            adjusted = {}
            for times in STRENGTHS:
                bound = _bound(times, with_treatment, with_outcome)
                if bound is None:
                    break
                moved = self.bias(*bound)
                towards = self.estimate - math.copysign(moved, self.estimate)
                adjusted[str(times)] = {
                    "r2_treatment": bound[0],
                    "r2_outcome": bound[1],
                    "estimate": towards,
                }
            found.append(
                {
                    "covariate": name,
                    "r2_treatment": with_treatment,
                    "r2_outcome": with_outcome,
                    "adjusted": adjusted,
                }
            )
        return sorted(found, key=self._moved, reverse=True)

    def _moved(self, benchmark: dict[str, Any]) -> float:
        first = benchmark["adjusted"].get("1")
        return math.inf if first is None else abs(self.estimate - first["estimate"])


def _partial_r2(t: float, freedom: int) -> float:
    return t**2 / (t**2 + freedom)


def _bound(times: float, with_treatment: float, with_outcome: float) -> tuple[float, float] | None:
    """Return the partial R2 of a confounder so many times as strong as a covariate.

    ``None`` where no confounder can be that strong.
    """
    treatment = times * with_treatment / (1 - with_treatment)
    if treatment >= 1 or times * with_treatment >= 1:
        return None
    shared = times * with_treatment**2 / ((1 - times * with_treatment) * (1 - with_treatment))
    if shared >= 1:
        return None
    factor = (math.sqrt(times) + math.sqrt(shared)) / math.sqrt(1 - shared)
    return treatment, min(1.0, factor**2 * with_outcome / (1 - with_outcome))


def _e_value(ratio: float) -> float:
    """Return 1 for an interval that includes no effect."""
    return ratio + math.sqrt(ratio * (ratio - 1)) if ratio > 1 else 1.0
