"""Terms of the models: covariates scaled, with squares and interactions where they are wanted."""

from __future__ import annotations

from itertools import combinations

import numpy as np

from tools.linear import independent
from tools.study import MAX_DESIGN_COLUMNS, Matrix, Study

#: More numbers than these in a model would take the memory of the function.
MAX_TERMS = 20_000_000


def design(study: Study, squares: list[str] | None = None, interactions: bool = False) -> Matrix:
    """Return a constant and the covariates, scaled to mean 0 and deviation 1.

    The scale changes no estimate; it keeps the equations well conditioned where one column counts
    thousands and another is 0/1.

    Args:
        squares: columns to square.
        interactions: whether to add the product of every two covariates.
    """
    values = study.x.to_numpy()
    if not values.shape[1]:
        return np.ones((study.n, 1))
    scaled = (values - values.mean(axis=0)) / values.std(axis=0)
    column = {name: scaled[:, number] for number, name in enumerate(study.x.columns)}
    made = [np.ones(study.n), *column.values()]
    made += [column[name] ** 2 for name in squares or [] if name in column]
    if interactions:
        made += [
            column[one] * column[other]
            for one, other in combinations(column, 2)
            if study.source[one] != study.source[other]
        ]
    made_of = np.column_stack(made)
    return made_of[:, independent(made_of)]


def curved(study: Study) -> list[str]:
    """Return the covariates of more than two values, which a square can say more of."""
    return [name for name in study.x.columns if study.x[name].nunique() > 2]


def can_be_rich(study: Study) -> bool:
    """Return whether squares and interactions of all covariates leave rows enough to fit them."""
    k = study.x.shape[1]
    terms = 1 + k + len(curved(study)) + k * (k - 1) // 2
    treated = float(study.t.sum())
    smaller = min(treated, study.n - treated)
    return terms <= min(MAX_DESIGN_COLUMNS, smaller / 2, MAX_TERMS / study.n)
