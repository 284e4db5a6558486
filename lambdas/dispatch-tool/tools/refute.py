"""Attempts to refute an estimate.

Sharma and Kiciman, DoWhy (2020), section 3.4, names the checks.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from tools.dataset import Dataset, Study
from tools.estimate import ols

# The same data and arguments give the same answer.
SEED = 20_240_601
SUBSET_SHARE = 0.8


def refute_estimate(
    dataset: Dataset,
    treatment: str,
    outcome: str,
    adjustment_set: list[str] | None = None,
    repetitions: int = 50,
) -> dict[str, Any]:
    """Return three checks of the regression estimate, each with ``passed``.

    ``placebo_treatment`` shuffles the treatment: its effect should centre on zero.
    ``random_common_cause`` adds a column of noise: the estimate should hardly move.
    ``data_subset`` drops a fifth of the rows: the estimate should stay inside its interval.
    """
    study = dataset.study(treatment, outcome, adjustment_set or [])
    random = np.random.default_rng(SEED)
    original = ols(study)
    estimate, error = original["estimate"], original["std_error"]
    placebo = [_effect(_shuffled(study, random)) for _ in range(repetitions)]
    noise = [_effect(_with_noise(study, random)) for _ in range(repetitions)]
    subset = [_effect(_subset(study, random)) for _ in range(repetitions)]
    as_large = 1 + sum(abs(effect) >= abs(estimate) for effect in placebo)
    return {
        "estimate": estimate,
        "repetitions": repetitions,
        "checks": {
            "placebo_treatment": {
                "mean_effect": float(np.mean(placebo)),
                "p_value": as_large / (repetitions + 1),
                "passed": abs(float(np.mean(placebo))) < error,
            },
            "random_common_cause": {
                "mean_effect": float(np.mean(noise)),
                "passed": abs(float(np.mean(noise)) - estimate) < 0.5 * error,
            },
            "data_subset": {
                "mean_effect": float(np.mean(subset)),
                "sd": float(np.std(subset, ddof=1)),
                "passed": original["ci_low"] < float(np.mean(subset)) < original["ci_high"],
            },
        },
    }


def _effect(study: Study) -> float:
    """Return the coefficient of treatment alone; least squares, without the errors of a fit."""
    columns = [study.treatment, *study.covariates]
    design = np.column_stack([np.ones(len(study.frame)), study.frame[columns].to_numpy()])
    solution = np.linalg.lstsq(design, study.y.to_numpy(), rcond=None)[0]
    return float(solution[1])


def _shuffled(study: Study, random: np.random.Generator) -> Study:
    frame = study.frame.assign(**{study.treatment: random.permutation(study.treated.to_numpy())})
    return replace(study, frame=frame)


def _with_noise(study: Study, random: np.random.Generator) -> Study:
    name = "random common cause"
    noise = pd.Series(random.normal(size=len(study.frame)), index=study.frame.index)
    return replace(
        study,
        frame=study.frame.assign(**{name: noise}),
        covariates=[*study.covariates, name],
    )


def _subset(study: Study, random: np.random.Generator) -> Study:
    size = max(2, int(len(study.frame) * SUBSET_SHARE))
    rows = random.choice(len(study.frame), size=size, replace=False)
    return replace(study, frame=study.frame.iloc[rows])
