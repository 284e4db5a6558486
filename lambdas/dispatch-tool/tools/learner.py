"""Doubly robust with a flexible learner and cross-fitting ("double machine learning").

Chernozhukov and others, "Double/Debiased Machine Learning", The Econometrics Journal 21 (2018),
https://doi.org/10.1111/ectj.12097: the interactive regression model. Boosted trees learn curves
and interactions that no one wrote down; each row is predicted by trees that did not see it.
"""

from __future__ import annotations

import numpy as np
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.model_selection import GroupKFold, StratifiedKFold
from threadpoolctl import threadpool_limits

from tools.dataset import ToolError
from tools.estimators import ATT, Effect, difference_of, weights_of
from tools.study import BINARY, COUNT, Study, Vector

SEED = 20_240_601
#: Probabilities nearer to 0 or 1 than this are moved there, so that no row weighs without bound.
CLIP = 0.01
#: With fewer rows one split is a matter of luck, and each is needed to learn from: the median of
#: several splits into more parts is taken.
MANY_ROWS = 5_000
REPEATS = 3
_TREES = {
    "max_iter": 100,
    "max_leaf_nodes": 8,
    "max_bins": 32,
    "early_stopping": True,
    "n_iter_no_change": 5,
}


def dml(study: Study, targets: list[str]) -> dict[str, Effect]:
    """Return the effect for each target population.

    Raises:
        ToolError: a group has too few rows to learn from.
    """
    folds = 3 if study.n < MANY_ROWS else 2
    smaller = int(min(study.t.sum(), study.n - study.t.sum()))
    if smaller < 4 * folds:
        raise ToolError(
            f"A flexible learner needs {4 * folds} rows in each group; the smaller has {smaller}"
        )
    # Threads that wait for each other cost more than they gain on tables of this size.
    with threadpool_limits(limits=1, user_api="openmp"):
        rounds = [
            _once(study, targets, folds, SEED + number)
            for number in range(REPEATS if study.n < MANY_ROWS else 1)
        ]
    found = {}
    for target in targets:
        effects = sorted((r[target] for r in rounds), key=lambda effect: effect.estimate)
        found[target] = effects[len(effects) // 2]
    return found


def _once(study: Study, targets: list[str], folds: int, seed: int) -> dict[str, Effect]:
    x, t, y, s = study.x.to_numpy(), study.t, study.y, study.weights
    if study.clusters is not None:
        if len(np.unique(study.clusters)) < folds:
            raise ToolError(f"A flexible learner needs {folds} clusters or more")
        splits = GroupKFold(folds, shuffle=True, random_state=seed).split(x, t, study.clusters)
    else:
        splits = StratifiedKFold(folds, shuffle=True, random_state=seed).split(x, t)
    e, m1, m0 = np.empty(study.n), np.empty(study.n), np.empty(study.n)
    for train, test in splits:
        if len(np.unique(t[train])) < 2:
            raise ToolError("A flexible learner found no treated rows, or only such, in a part")
        e[test] = _learn(BINARY, x[train], t[train], s[train], x[test], seed)
        for group, predicted in ((1, m1), (0, m0)):
            rows = train[t[train] == group]
            predicted[test] = _learn(study.outcome_kind, x[rows], y[rows], s[rows], x[test], seed)
    e = np.clip(e, CLIP, 1 - CLIP)
    return {target: _effect(study, target, e, m1, m0) for target in targets}


def _effect(study: Study, target: str, e: Vector, m1: Vector, m0: Vector) -> Effect:
    t, y = study.t, study.y
    s = study.weights * (t if target == ATT else 1)
    w = study.weights * weights_of(study, e, target)
    means = []
    for group, mean in ((t, m1), (1 - t, m0)):
        value = s * mean + w * group * (y - mean)
        centre = float(value.mean() / s.mean())
        means.append((centre, (value - s * centre) / s.mean()))
    return difference_of(means)


def _learn(kind: str, x: Vector, y: Vector, s: Vector, at: Vector, seed: int) -> Vector:
    """Return what boosted trees that saw ``x`` and ``y`` say of other rows."""
    if len(np.unique(y)) == 1:
        return np.full(len(at), y[0])
    leaf = max(5, min(20, len(y) // 20))
    common = {**_TREES, "min_samples_leaf": leaf, "random_state": seed}
    # The same trees without weights that are all alike, whose quantiles take much longer.
    weights = None if np.all(s == s[0]) else s
    if kind == BINARY:
        trees = HistGradientBoostingClassifier(**common)
        return np.asarray(trees.fit(x, y, sample_weight=weights).predict_proba(at)[:, 1])
    loss = "poisson" if kind == COUNT and y.sum() > 0 else "squared_error"
    regressor = HistGradientBoostingRegressor(**common, loss=loss)
    return np.asarray(regressor.fit(x, y, sample_weight=weights).predict(at))
