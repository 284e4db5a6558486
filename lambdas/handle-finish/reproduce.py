# /// script
# requires-python = ">=3.12"
# dependencies = [
#   "linearmodels==7.1",
#   "numpy==2.5.5",
#   "pandas==3.1.1",
#   "scikit-learn==1.9.1",
#   "scipy==1.18.1",
#   "statsmodels==0.15.0",
# ]
# ///
"""Estimates again what an analysis told, from the same data.

    uv run analysis.py DATA.csv

Errors come from stacked estimating equations whose derivative is taken numerically: Stefanski and
Boos, "The Calculus of M-Estimation", The American Statistician 56 (2002).
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import expit
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.linear_model import LogisticRegression, PoissonRegressor
from sklearn.model_selection import GroupKFold, StratifiedKFold
from statsmodels.regression.linear_model import WLS
from threadpoolctl import threadpool_limits

# What was asked, and the terms that balance called for.
CHOICES: dict[str, Any] = {}

type Array = np.ndarray[Any, np.dtype[np.float64]]

TREES: dict[str, Any] = {
    "max_iter": 100,
    "max_leaf_nodes": 8,
    "max_bins": 32,
    "early_stopping": True,
    "n_iter_no_change": 5,
}
SEED = 20_240_601


# Filled by prepare().
T: Array
Y: Array
W: Array
X: pd.DataFrame
Z: pd.DataFrame
SOURCE: dict[str, str]
CLUSTERS: Any


def word(value: Any) -> str | None:
    """Write a value as it is compared: 1.0 and 1 are one category."""
    if value is None or value != value:
        return None
    if isinstance(value, (bool, np.bool_)):
        return str(int(value))
    if isinstance(value, (int, float, np.integer, np.floating)):
        return f"{float(value):g}"
    return str(value)


def prepare(frame: pd.DataFrame) -> None:
    """Make treatment, outcome, covariates, weights and clusters of the table."""
    global T, Y, X, W, CLUSTERS, SOURCE, Z  # a script's few variables
    names = CHOICES.get("adjustment_set", [])
    t = frame[CHOICES["treatment"]]
    if compare := CHOICES.get("compare"):
        t = t.astype(object).map(word).map({word(compare[0]): 0.0, word(compare[1]): 1.0})
    instruments = CHOICES.get("instruments", [])
    needed = pd.DataFrame({"t": t.astype(float), "y": frame[CHOICES["outcome"]].astype(float)})
    for name in instruments:
        needed[f"z {name}"] = frame[name].astype(float)
    for key in ("weights", "cluster"):
        if key in CHOICES:
            needed[key] = frame[CHOICES[key]]
    keep = needed.notna().all(axis=1)
    if "weights" in CHOICES:
        keep &= needed["weights"] > 0
    indicator = CHOICES.get("missing") == "indicator"
    if not indicator:
        keep &= frame[names].notna().all(axis=1)
    columns: dict[str, Any] = {}
    SOURCE = {}
    for name in names:
        column = frame.loc[keep, name]
        lacks = column.isna()
        words = not pd.api.types.is_numeric_dtype(column.dtype)
        if words or name in CHOICES.get("categories", []):
            column = column.astype(object).map(word)
            for level in list(column.value_counts().index)[1:]:
                columns[f"{name}={level}"] = (column == level).astype(float)
                SOURCE[f"{name}={level}"] = name
        else:
            columns[name] = column.astype(float).fillna(column.mean())
            SOURCE[name] = name
        if indicator and lacks.any():
            columns[f"{name} is missing"] = lacks.astype(float)
            SOURCE[f"{name} is missing"] = name
    X = pd.DataFrame(columns, index=frame.index[keep])
    X = X.loc[:, X.nunique() > 1]
    if len(X.columns):
        X = X.iloc[:, independent(((X - X.mean()) / X.std()).to_numpy())]
    T, Y = needed.loc[keep, "t"].to_numpy(), needed.loc[keep, "y"].to_numpy()
    Z = needed.loc[keep, [f"z {name}" for name in instruments]]
    W = needed.loc[keep, "weights"].to_numpy() if "weights" in CHOICES else np.ones(len(T))
    W = W / W.mean()
    CLUSTERS = pd.factorize(needed.loc[keep, "cluster"])[0] if "cluster" in CHOICES else None


def independent(made: Array) -> list[int]:
    """Return which columns do not follow from the ones before."""
    kept: list[int] = []
    size = np.sqrt((made**2).sum(axis=0))
    unit = made / np.where(size == 0, 1, size)
    for column in range(made.shape[1]):
        rest = unit[:, column]
        if kept:
            before = unit[:, kept]
            rest = rest - before @ np.linalg.solve(before.T @ before, before.T @ rest)
        if rest @ rest >= 1e-10:
            kept.append(column)
    return kept


def design(squares: list[str], interactions: bool) -> Array:
    """Return a constant, the scaled covariates, squares and products."""
    if not len(X.columns):
        return np.ones((len(T), 1))
    table = ((X - X.mean()) / X.std(ddof=0)).to_numpy()
    scaled: dict[str, Array] = {name: table[:, n] for n, name in enumerate(X.columns)}
    made: list[Array] = [np.ones(len(T)), *scaled.values()]
    made += [scaled[name] ** 2 for name in squares if name in scaled]
    if interactions:
        for one, other in combinations(scaled, 2):
            if SOURCE[one] != SOURCE[other]:
                made.append(scaled[one] * scaled[other])
    columns = np.column_stack(made)
    return columns[:, independent(columns)]


def logit(x: Array, y: Array) -> Array:
    """Return the coefficients of a logistic regression without a penalty."""
    model = LogisticRegression(
        C=np.inf, solver="newton-cholesky", fit_intercept=False, tol=1e-10, max_iter=100
    )
    return np.asarray(model.fit(x, y, sample_weight=W).coef_[0])


def kind() -> str:
    """Return whether the outcome is yes/no, a count, or anything else."""
    values = np.unique(Y)
    if np.array_equal(values, [0, 1]):
        return "binary"
    whole = (values == np.floor(values)).all() and values[0] == 0 and len(values) <= 100
    return "count" if whole else "continuous"


LINKS: dict[str, Callable[[Array], Array]] = {
    "binary": expit,
    "count": np.exp,
    "continuous": lambda line: line,
}


def regression(terms: Array) -> Array:
    """Return the coefficients of the outcome model."""
    if kind() == "binary":
        return logit(terms, Y)
    if kind() == "count":
        poisson = PoissonRegressor(
            alpha=0, solver="newton-cholesky", fit_intercept=False, tol=1e-10, max_iter=200
        )
        return np.asarray(poisson.fit(terms, Y, sample_weight=W).coef_)
    return np.asarray(WLS(Y, terms, weights=W).fit().params)


def influences(psi: Callable[[Array], Array], theta: Array) -> Array:
    """Return each row's influence on what solves ``mean(psi(theta)) = 0``."""
    slope = np.empty((len(theta), len(theta)))
    for number, value in enumerate(theta):
        step = np.zeros(len(theta))
        step[number] = 1e-5 * max(1.0, abs(value))
        apart = psi(theta + step).mean(axis=0) - psi(theta - step).mean(axis=0)
        slope[:, number] = apart / (2 * step[number])
    return -psi(theta) @ np.linalg.inv(slope).T


def error_of(influence: Array) -> float:
    """Return the standard error that influences add up to, by cluster where there are any."""
    sums, factor = influence, 1.0
    if CLUSTERS is not None:
        sums = np.bincount(CLUSTERS, weights=influence)
        factor = len(sums) / (len(sums) - 1)
    return float(np.sqrt(factor * (sums @ sums))) / len(influence)


def told(estimate: float, error: float) -> dict[str, float]:
    """Return an estimate with its error."""
    return {"estimate": float(estimate), "std_error": float(error)}


def of_means(psi: Callable[[Array], Array], theta: Array) -> dict[str, float]:
    """Return the difference of the last two parameters."""
    influence = influences(psi, theta)
    return told(theta[-2] - theta[-1], error_of(influence[:, -2] - influence[:, -1]))


def difference_in_means() -> dict[str, float]:
    """Treated minus untreated mean."""
    one, other = np.average(Y, weights=W * T), np.average(Y, weights=W * (1 - T))
    if CLUSTERS is None and "weights" not in CHOICES:  # Welch's error
        groups = Y[T == 1], Y[T == 0]
        return told(one - other, np.sqrt(sum(g.var(ddof=1) / len(g) for g in groups)))
    influence = W * T * (Y - one) / (W * T).mean()
    influence = influence - W * (1 - T) * (Y - other) / (W * (1 - T)).mean()
    return told(one - other, error_of(influence))


def ols(x: Array) -> dict[str, float]:
    """Regression on treatment and covariates."""
    model = WLS(Y, np.column_stack([x, T]), weights=W)
    if CLUSTERS is None:
        fit = model.fit(cov_type="HC1")
    else:
        fit = model.fit(cov_type="cluster", cov_kwds={"groups": CLUSTERS})
    return told(fit.params[-1], fit.bse[-1])


def two_stage_least_squares(x: Array) -> dict[str, float]:
    """Regression on what the instruments say of the treatment."""
    from linearmodels.iv import IV2SLS

    model = IV2SLS(
        pd.Series(Y, name="y"),
        pd.DataFrame(x).add_prefix("x"),
        pd.Series(T, name="t"),
        Z.reset_index(drop=True),
        weights=W,
    )
    if CLUSTERS is None:
        fit = model.fit(cov_type="robust", debiased=True)
    else:
        fit = model.fit(cov_type="clustered", clusters=CLUSTERS, debiased=True)
    return told(fit.params["t"], fit.std_errors["t"])


class Models:
    """The two models that the other methods share, on all rows."""

    def __init__(self, who: Array, x: Array) -> None:
        self.who = who
        self.beta = logit(who, T)
        z = x
        if "modifiers" in CHOICES:
            named = [X[n] for n in X.columns if SOURCE[n] in CHOICES["modifiers"]]
            z = np.column_stack([np.ones(len(T)), *named])
        terms = np.hstack([x, T[:, None] * z])
        kept = independent(terms)
        self.terms = terms[:, kept]
        self.at = np.hstack([x, z])[:, kept], np.hstack([x, 0 * z])[:, kept]
        self.gamma = regression(self.terms)
        self.link = LINKS[kind()]

    def _weights(self, beta: Array, target: str) -> tuple[Array, Array]:
        e = expit(self.who @ beta)
        return (T, (1 - T) * e / (1 - e)) if target == "ATT" else (T / e, (1 - T) / (1 - e))

    def _scores(self, beta: Array | None, gamma: Array | None) -> list[Array]:
        scores = []
        if beta is not None:
            scores.append((W * (T - expit(self.who @ beta)))[:, None] * self.who)
        if gamma is not None:
            scores.append((W * (Y - self.link(self.terms @ gamma)))[:, None] * self.terms)
        return scores

    def standardization(self, target: str) -> dict[str, float]:
        """Mean of what the outcome model says with and without treatment."""
        s = W * T if target == "ATT" else W
        k = len(self.gamma)

        def psi(theta: Array) -> Array:
            gamma, means = theta[:k], theta[k:]
            values = [
                s * (self.link(at @ gamma) - mean) for at, mean in zip(self.at, means, strict=True)
            ]
            return np.column_stack([*self._scores(None, gamma), *values])

        means = [np.average(self.link(at @ self.gamma), weights=s) for at in self.at]
        return of_means(psi, np.concatenate([self.gamma, means]))

    def ipw(self, target: str) -> dict[str, float]:
        """Means weighted by the inverse probability of treatment."""
        k = len(self.beta)

        def psi(theta: Array) -> Array:
            beta, means = theta[:k], theta[k:]
            weights = self._weights(beta, target)
            values = [W * w * (Y - mean) for w, mean in zip(weights, means, strict=True)]
            return np.column_stack([*self._scores(beta, None), *values])

        weights = self._weights(self.beta, target)
        means = [np.average(Y, weights=W * w) for w in weights]
        return of_means(psi, np.concatenate([self.beta, means]))

    def aipw(self, target: str) -> dict[str, float]:
        """Doubly robust."""
        s = W * T if target == "ATT" else W
        k, m = len(self.beta), len(self.gamma)

        def values(beta: Array, gamma: Array) -> list[Array]:
            weights = self._weights(beta, target)
            fitted = [self.link(at @ gamma) for at in self.at]
            return [s * f + W * w * (Y - f) for w, f in zip(weights, fitted, strict=True)]

        def psi(theta: Array) -> Array:
            beta, gamma, means = theta[:k], theta[k : k + m], theta[k + m :]
            made = [v - s * mean for v, mean in zip(values(beta, gamma), means, strict=True)]
            return np.column_stack([*self._scores(beta, gamma), *made])

        means = [v.mean() / s.mean() for v in values(self.beta, self.gamma)]
        return of_means(psi, np.concatenate([self.beta, self.gamma, means]))


def dml(target: str) -> dict[str, float]:
    """Doubly robust with boosted trees and cross-fitting."""
    few = len(T) < 5_000
    with threadpool_limits(limits=1, user_api="openmp"):
        rounds = [_dml(target, 3 if few else 2, SEED + n) for n in range(3 if few else 1)]
    return sorted(rounds, key=lambda one: one["estimate"])[len(rounds) // 2]


def _dml(target: str, folds: int, seed: int) -> dict[str, float]:
    x = X.to_numpy()
    if CLUSTERS is None:
        splits = StratifiedKFold(folds, shuffle=True, random_state=seed).split(x, T)
    else:
        splits = GroupKFold(folds, shuffle=True, random_state=seed).split(x, T, CLUSTERS)
    e, fitted = np.empty(len(T)), (np.empty(len(T)), np.empty(len(T)))
    for train, test in splits:
        e[test] = _learn("binary", x[train], T[train], W[train], x[test], seed)
        for group, predicted in ((1, fitted[0]), (0, fitted[1])):
            rows = train[T[train] == group]
            predicted[test] = _learn(kind(), x[rows], Y[rows], W[rows], x[test], seed)
    e = np.clip(e, 0.01, 0.99)
    s, weights = W, (T / e, (1 - T) / (1 - e))
    if target == "ATT":
        s, weights = W * T, (T, (1 - T) * e / (1 - e))
    means, rows_of = [], []
    for w, f in zip(weights, fitted, strict=True):
        value = s * f + W * w * (Y - f)
        means.append(value.mean() / s.mean())
        rows_of.append((value - s * means[-1]) / s.mean())
    return told(means[0] - means[1], error_of(rows_of[0] - rows_of[1]))


def _learn(what: str, x: Array, y: Array, w: Array, at: Array, seed: int) -> Array:
    if len(np.unique(y)) == 1:
        return np.full(len(at), y[0])
    leaf = max(5, min(20, len(y) // 20))
    common = {**TREES, "min_samples_leaf": leaf, "random_state": seed}
    if what == "binary":
        trees = HistGradientBoostingClassifier(**common).fit(x, y, sample_weight=w)
        return np.asarray(trees.predict_proba(at)[:, 1])
    loss = "poisson" if what == "count" and y.sum() > 0 else "squared_error"
    trees = HistGradientBoostingRegressor(**common, loss=loss).fit(x, y, sample_weight=w)
    return np.asarray(trees.predict(at))


def main() -> None:
    """Print the estimates as JSON."""
    if len(sys.argv) != 2:
        sys.exit(f"usage: {sys.argv[0]} DATA.csv")
    frame = pd.read_csv(sys.argv[1], skipinitialspace=True)
    prepare(frame.rename(columns=lambda name: str(name).strip()))
    x = design(CHOICES.get("squares", []), CHOICES.get("interactions", False))
    wanted = CHOICES["methods"]
    found: dict[str, dict[str, Any]] = {}
    if "2sls" in wanted:
        found["2sls"] = {"ATE": two_stage_least_squares(x)}
    if "difference_in_means" in wanted:
        found["difference_in_means"] = {"ATE": difference_in_means()}
    if "ols" in wanted:
        found["ols"] = {"ATE": ols(x)}
    if {"standardization", "ipw", "aipw"} & set(wanted):
        terms = CHOICES["assignment_terms"]
        models = Models(design(terms["squares"], terms["interactions"]), x)
        for method in ("standardization", "ipw", "aipw"):
            if method in wanted:
                estimate = getattr(models, method)
                found[method] = {target: estimate(target) for target in ("ATE", "ATT")}
    if "dml" in wanted:
        found["dml"] = {target: dml(target) for target in ("ATE", "ATT")}
    print(json.dumps(found, indent=2))


if __name__ == "__main__":
    main()
