"""Whether treated and untreated rows are alike enough to be compared.

Crump, Hotz, Imbens and Mitnik, "Dealing with limited overlap", Biometrika 96 (2009),
https://doi.org/10.1093/biomet/asn055, for the rule of trimming; Kish (1965) for the effective
sample size of weights.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tools.estimators import ATE, ATT, weights_of
from tools.findings import STOPS, WEAKENS, finding
from tools.study import Study, Vector

#: Rows whose probability of treatment lies within are kept by the trimmed estimates.
TRIM = (0.1, 0.9)
#: The data cannot answer when a group's weights count for fewer rows than this share of it, …
LEAST_EFFECTIVE_SHARE = 0.1
#: … when one row carries more than this share of its group's weight, …
MOST_WEIGHT = 0.1
#: … or when more than this share of all rows has no counterpart in the other group.
MOST_OUTSIDE = 0.25
#: Half of these bounds weaken a claim.
BINS = 20


def overlap(study: Study, probability: Vector) -> dict[str, Any]:
    """Return the probabilities of treatment by group, and how the weights spread.

    ``outside_common_support`` is the share of rows whose probability lies beyond the other
    group's range; ``effective_rows`` are Kish's (sum of weights squared over sum of squares).
    """
    treated = study.t == 1
    low = max(probability[treated].min(), probability[~treated].min())
    high = min(probability[treated].max(), probability[~treated].max())
    outside = float(((probability < low) | (probability > high)).mean())
    groups = {"treated": treated, "untreated": ~treated}
    told: dict[str, Any] = {
        "common_support": [float(low), float(high)],
        "outside_common_support": outside,
        "histogram": {
            name: np.histogram(probability[rows], BINS, (0, 1))[0].tolist()
            for name, rows in groups.items()
        },
        "quantiles": {
            name: [float(q) for q in np.quantile(probability[rows], [0, 0.05, 0.5, 0.95, 1])]
            for name, rows in groups.items()
        },
        "within_trim": {
            name: int(trimmed_rows(probability)[rows].sum()) for name, rows in groups.items()
        },
        "rows": {name: int(rows.sum()) for name, rows in groups.items()},
    }
    for target in (ATE, ATT):
        weights = study.weights * weights_of(study, probability, target)
        told[target] = {name: _spread(weights[rows]) for name, rows in groups.items()}
    return told


def _spread(weights: Vector) -> dict[str, float]:
    return {
        "effective_rows": float(weights.sum() ** 2 / (weights @ weights)),
        "largest_weight_share": float(weights.max() / weights.sum()),
    }


def judge(study: Study, told: dict[str, Any]) -> list[dict[str, Any]]:
    """Return what the overlap means for a claim about all rows."""
    stops, weakens = [], []
    for name in ("treated", "untreated"):
        rows, spread = told["rows"][name], told[ATE][name]
        share = spread["effective_rows"] / rows
        words = (
            f"weighted to stand for everybody, the {rows:,} {name} rows count for "
            f"{spread['effective_rows']:,.0f}"
        )
        if share < LEAST_EFFECTIVE_SHARE:
            stops.append(words)
        elif share < 2 * LEAST_EFFECTIVE_SHARE:
            weakens.append(words)
        # A weight's share says something only where an even share is small.
        most = max(MOST_WEIGHT, 5 / rows)
        words = f"one {name} row carries {spread['largest_weight_share']:.0%} of their weight"
        if spread["largest_weight_share"] > most:
            stops.append(words)
        elif spread["largest_weight_share"] > most / 2:
            weakens.append(words)
    beyond = told["outside_common_support"]
    words = f"{beyond:.0%} of all rows have no counterpart in the other group"
    if beyond > MOST_OUTSIDE:
        stops.append(words)
    elif beyond > MOST_OUTSIDE / 2:
        weakens.append(words)
    if not stops and not weakens:
        return []
    what = f"those with {study.treatment} = 1 and those with 0"
    if stops:
        text = f"{what} hardly overlap: {'; '.join(stops + weakens)}."
        return [finding("overlap", STOPS, text)]
    text = f"The groups overlap little: {'; '.join(weakens)}."
    return [finding("overlap", WEAKENS, text)]


def trimmed_rows(probability: Vector) -> Any:
    """Return which rows Crump's rule keeps."""
    return (probability >= TRIM[0]) & (probability <= TRIM[1])
