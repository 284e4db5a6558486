"""Which columns of a table say something of their own."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def independent(made: NDArray[Any]) -> list[int]:
    """Return which columns do not follow from the ones before."""
    gram = made.T @ made
    scale = np.sqrt(np.diag(gram))
    scale[scale == 0] = 1
    gram = gram / np.outer(scale, scale)
    keep: list[int] = []
    for column in range(made.shape[1]):
        if gram[column, column] == 0:
            continue
        if keep:
            inner = gram[np.ix_(keep, keep)]
            rest = gram[column, column] - gram[column, keep] @ np.linalg.solve(
                inner, gram[keep, column]
            )
            if rest < 1e-10:
                continue
        keep.append(column)
    return keep
