"""The E-value of an estimate.

VanderWeele and Ding, Sensitivity Analysis in Observational Research (2017): for a continuous
outcome the standardised difference d stands for a risk ratio of exp(0.91 d).
"""

from __future__ import annotations

import math
from typing import Any

from tools.dataset import Dataset, ToolError


def sensitivity(
    dataset: Dataset, outcome: str, estimate: float, std_error: float
) -> dict[str, Any]:
    """Return the E-value of an estimate and of the limit of its interval nearer to zero.

    Args:
        estimate: an effect, in the outcome's unit.
        std_error: its standard error.
    """
    spread = float(dataset.numbers(outcome).std())
    if not spread > 0:
        raise ToolError(f"The outcome {outcome!r} does not vary")
    d, error = abs(estimate) / spread, std_error / spread
    ratio = math.exp(min(0.91 * d, 500))
    limit = math.exp(min(0.91 * d - 1.78 * error, 500))
    return {
        "standardised_effect": math.copysign(d, estimate),
        "risk_ratio": ratio,
        "e_value": _e_value(ratio),
        "e_value_ci": _e_value(limit),
    }


def _e_value(ratio: float) -> float:
    """Return 1 for an interval that includes no effect."""
    return ratio + math.sqrt(ratio * (ratio - 1)) if ratio > 1 else 1.0
