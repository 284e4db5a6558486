# /// script
# requires-python = ">=3.12"
# dependencies = ["PySensemakr==0.0.8", "pandas<3", "statsmodels"]
# ///
"""Writes what PySensemakr says of the kit's datasets to sensemakr.json beside this file.

uv run tests/oracles/sensemakr_values.py
"""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import sensemakr
import statsmodels.formula.api as smf

DATA = Path(__file__).parents[2] / "config" / "test-data"
CASES = {
    "nsw": ("treat", "re78", "black"),
    "nsw_cps": ("treat", "re78", "re75"),
    "nhefs": ("qsmk", "wt82_71", "age"),
}


def main() -> None:
    """Ask about each dataset, with every other column as a covariate."""
    found = {}
    for name, (treatment, outcome, covariate) in CASES.items():
        frame = pd.read_csv(DATA / f"{name}.csv")
        covariates = [str(c) for c in frame if c not in (treatment, outcome)]
        formula = f"{outcome} ~ {treatment} + {' + '.join(covariates)}"
        model = smf.ols(formula, frame).fit()
        told = sensemakr.Sensemakr(model, treatment, benchmark_covariates=[covariate], kd=[1, 2])
        found[name] = {
            "treatment": treatment,
            "outcome": outcome,
            "covariate": covariate,
            "estimate": float(told.sensitivity_stats["estimate"]),
            "robustness_value": float(told.sensitivity_stats["rv_q"]),
            "robustness_value_ci": float(told.sensitivity_stats["rv_qa"]),
            "adjusted": [
                {
                    "r2_treatment": float(row.r2dz_x),
                    "r2_outcome": float(row.r2yz_dx),
                    "estimate": float(row.adjusted_estimate),
                }
                for row in told.bounds.itertuples()
            ],
        }
    path = Path(__file__).with_name("sensemakr.json")
    path.write_text(json.dumps(found, indent=2) + "\n")


if __name__ == "__main__":
    main()
