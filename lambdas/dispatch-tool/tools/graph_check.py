"""Whether data bear out what a causal graph says must be independent.

Shipley, Cause and Correlation in Biology (2000), chapter 3: every pair without an arrow is
independent given some set. Tested by partial correlation (Fisher's z), so only for what is linear.
"""

from __future__ import annotations

from itertools import combinations
from typing import Any

import networkx as nx
import numpy as np
import pandas as pd
from scipy import stats

from tools.dataset import Dataset, ToolError
from tools.findings import WEAKENS, finding
from tools.graph import make_graph

SIGNIFICANCE = 0.01
#: With many rows any correlation is certain; a smaller one does not matter.
LEAST_CORRELATION = 0.05
MAX_TESTS = 500


def check_graph(
    dataset: Dataset,
    treatment: str,
    outcome: str,
    edges: list[list[str]],
    unobserved: list[str] | None = None,
    open_among: list[str] | None = None,
) -> dict[str, Any]:
    """Return the independences that the graph implies, and those that the data contradict.

    Args:
        open_among: columns between which the graph says nothing; pairs of them are not tested.
    """
    graph = make_graph(treatment, outcome, edges)
    hidden = set(unobserved or [])
    seen = [n for n in graph if n not in hidden and n in dataset.frame.columns]
    unknown = sorted(set(graph) - hidden - set(dataset.frame.columns))
    if unknown:
        raise ToolError(
            f"Nodes that are no columns: {', '.join(unknown)}. Name them as unobserved, or leave "
            "them out"
        )
    numeric = [n for n in seen if not dataset.is_category(n)]
    frame = pd.DataFrame({n: dataset.numbers(n) for n in numeric}).dropna()
    numeric = [n for n in numeric if frame[n].nunique() > 1]
    if len(frame) < len(numeric) + 10:
        raise ToolError(f"Only {len(frame)} complete rows: too few to test a graph")
    free = set(open_among or [])
    tests: list[dict[str, Any]] = []
    for one, other in combinations(numeric, 2):
        if graph.has_edge(one, other) or graph.has_edge(other, one) or {one, other} <= free:
            continue
        given = nx.find_minimal_d_separator(
            graph, {one}, {other}, restricted=set(numeric) - {one, other}
        )
        if given is None or len(tests) == MAX_TESTS:
            continue
        tests.append({"columns": [one, other], "given": sorted(given)})
    for test in tests:
        test |= _partial_correlation(frame, test["columns"], test["given"])
    contradicted = _contradicted(tests)
    findings = []
    if contradicted:
        words = "; ".join(
            f"{' and '.join(test['columns'])}"
            + (f" given {', '.join(test['given'])}" if test["given"] else "")
            + f" (correlation {test['correlation']:+.2f})"
            for test in contradicted[:5]
        )
        text = f"The data contradict the graph, which says these are independent: {words}."
        findings.append(finding("graph", WEAKENS, text))
    return {
        "tested": len(tests),
        "contradicted": contradicted,
        "agrees": not contradicted,
        "findings": findings,
    }


def _partial_correlation(
    frame: pd.DataFrame, columns: list[str], given: list[str]
) -> dict[str, float]:
    pair = frame[columns].to_numpy()
    known = np.column_stack([np.ones(len(frame)), frame[given].to_numpy()])
    rest = pair - known @ np.linalg.lstsq(known, pair, rcond=None)[0]
    spread = rest.std(axis=0)
    if (spread < 1e-12 * np.abs(pair).max(axis=0, initial=1)).any():
        return {"correlation": 0.0, "p_value": 1.0}
    r = float(np.clip((rest[:, 0] * rest[:, 1]).mean() / spread.prod(), -1 + 1e-15, 1 - 1e-15))
    z = np.arctanh(r) * np.sqrt(max(len(frame) - len(given) - 3, 1))
    return {"correlation": r, "p_value": float(2 * stats.norm.sf(abs(z)))}


def _contradicted(tests: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the tests that fail, with Holm's correction for their number."""
    ranked = sorted(tests, key=lambda test: test["p_value"])
    failed = []
    for number, test in enumerate(ranked):
        if test["p_value"] * (len(ranked) - number) > SIGNIFICANCE:
            break
        if abs(test["correlation"]) >= LEAST_CORRELATION:
            failed.append(test)
    return failed
