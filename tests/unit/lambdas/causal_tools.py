"""Runs a causal tool on a table, as the agent does."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from tests.unit.lambdas.function_code import load

tools = load("dispatch-tool", "tools")
DATA = Path(__file__).parents[3] / "config" / "test-data"
METHODS = ["difference_in_means", "ols", "standardization", "ipw", "aipw", "dml"]
NSW = ["age", "educ", "black", "hisp", "marr", "nodegree", "re74", "re75"]


def run(name: str, data: pd.DataFrame | bytes | str, **arguments: object) -> dict[str, Any]:
    """Run a tool on a table, on CSV, or on one of the kit's datasets."""
    if isinstance(data, str):
        data = (DATA / f"{data}.csv").read_bytes()
    csv = data if isinstance(data, bytes) else data.to_csv(index=False).encode()
    answer: dict[str, Any] = tools.run_tool(
        name, json.dumps(arguments), lambda: tools.Dataset.parse(csv)
    )
    return answer


def estimate(data: pd.DataFrame | bytes | str, **arguments: Any) -> dict[str, Any]:
    """Estimate ``t`` on ``y`` by every method, if nothing else is said."""
    answer = run(
        "estimate_effect",
        data,
        **{"treatment": "t", "outcome": "y", "methods": METHODS} | arguments,
    )
    assert "error" not in answer, answer
    return answer


def kinds(answer: dict[str, Any], weight: str | None = None) -> set[str]:
    """Return what the findings of an answer are about."""
    return {f["kind"] for f in answer["findings"] if weight in (None, f["weight"])}


def confounded(seed: int, rows: int = 1000, effect: float = 0.0) -> pd.DataFrame:
    """Return a table in which two columns lead to both treatment and outcome, strongly."""
    random = np.random.default_rng(seed)
    a, b = random.normal(size=(2, rows))
    t = random.random(rows) < 1 / (1 + np.exp(-a - b))
    y = effect * t + 2 * a + 2 * b + random.normal(size=rows)
    return pd.DataFrame({"t": t.astype(int), "y": y, "a": a, "b": b})
