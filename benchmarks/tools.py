"""How long the causal tools take, by number of rows."""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
import time
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.figures import say
from local_cloud.installation import PROJECT

ROWS = (445, 20_000, 200_000)
COVARIATES = [f"x{number}" for number in range(10)]


def run() -> None:
    """Measure in a process of its own, since the tools are a function's code and no package."""
    command = [sys.executable, "-m", "benchmarks.tools"]
    subprocess.run(command, cwd=PROJECT, check=True)


def _measure() -> None:
    layer, code = PROJECT / "lambdas" / "agent_common", PROJECT / "lambdas" / "dispatch-tool"
    sys.path[:0] = [str(layer), str(code)]
    tools: Any = importlib.import_module("tools")
    study = {"treatment": "t", "outcome": "y", "adjustment_set": COVARIATES}
    every = ["difference_in_means", "ols", "standardization", "ipw", "aipw", "dml"]
    calls: dict[str, dict[str, Any]] = {
        "profile_dataset": {},
        "estimate_effect": {**study, "methods": every},
        "refute_estimate": {**study, "method": "aipw"},
        "sensitivity": {**study, "estimate": 1.0, "std_error": 0.1},
        "check_graph": {
            "treatment": "t",
            "outcome": "y",
            "edges": [["t", "y"], *([x, "t"] for x in COVARIATES), *([x, "y"] for x in COVARIATES)],
        },
    }
    for rows in ROWS:
        csv = _table(rows).to_csv(index=False).encode()
        figures: dict[str, float] = {}
        for name, arguments in calls.items():
            begun = time.perf_counter()
            answer = tools.run_tool(
                name, json.dumps(arguments), lambda data=csv: tools.Dataset.parse(data)
            )
            figures[f"{name}_s"] = round(time.perf_counter() - begun, 2)
            if "error" in answer:
                raise RuntimeError(answer["error"])
        say("tools", rows=rows, columns=len(COVARIATES) + 2, **figures)


def _table(rows: int) -> pd.DataFrame:
    random = np.random.default_rng(0)
    x = random.normal(size=(rows, len(COVARIATES)))
    t = (random.random(rows) < 1 / (1 + np.exp(-x[:, 0]))).astype(int)
    y = t + x[:, 0] + x[:, 1] + random.normal(size=rows)
    return pd.DataFrame(x, columns=COVARIATES).assign(t=t, y=y)


if __name__ == "__main__":
    _measure()
