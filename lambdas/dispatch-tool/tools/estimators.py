"""Means of the outcome with and without treatment, and what each row contributes to them.

Every estimator solves estimating equations; an error follows from each row's influence, with the
uncertainty of the models behind it ("stacked" equations): Stefanski and Boos, "The Calculus of
M-Estimation", The American Statistician 56 (2002). From influences follow errors by cluster, the
error of a difference between two methods, and ratios.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.linalg import LinAlgError
from scipy import linalg, stats
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression, PoissonRegressor

from tools.dataset import ToolError
from tools.design import design
from tools.linear import independent
from tools.study import BINARY, COUNT, Matrix, Study, Vector

CONFIDENCE = 0.95
Z = float(stats.norm.ppf((1 + CONFIDENCE) / 2))

ATE, ATT = "ATE", "ATT"


@dataclass(frozen=True)
class Effect:
    """An estimate and each row's influence on it (mean 0).

    ``means`` are those of the outcome with and without treatment, with their influences, for
    methods that estimate them.
    """

    estimate: float
    influence: Vector
    means: tuple[tuple[float, Vector], tuple[float, Vector]] | None = None


def error_of(influence: Vector, study: Study) -> float:
    """Return the standard error that influences add up to, by cluster where there are clusters."""
    if study.clusters is None:
        return float(np.sqrt(influence @ influence)) / len(influence)
    sums = np.bincount(study.clusters, weights=influence)
    count = len(sums)
    return float(np.sqrt(sums @ sums * count / (count - 1))) / len(influence)


_NOT_FINITE = "The estimate is not a finite number"


def told_as(estimate: float, error: float, low: float, high: float) -> dict[str, float]:
    """Return an estimate with its interval, as a tool answers them.

    Raises:
        ToolError: one of them is no finite number.
    """
    values = [float(value) for value in (estimate, error, low, high)]
    if not np.isfinite(values).all():
        raise ToolError(_NOT_FINITE)
    return dict(zip(("estimate", "std_error", "ci_low", "ci_high"), values, strict=True))


def interval(effect: Effect, study: Study) -> dict[str, Any]:
    """Return estimate, standard error and 95% interval, as a tool answers them.

    For a yes/no outcome or a count also the ``ratio`` of the two means, with an interval that is
    symmetric on the scale of logarithms.
    """
    error = error_of(effect.influence, study)
    if error == 0:
        raise ToolError(_NOT_FINITE)
    half = Z * error
    told: dict[str, Any] = told_as(
        effect.estimate, error, effect.estimate - half, effect.estimate + half
    )
    if study.outcome_kind in (BINARY, COUNT) and effect.means is not None:
        (mean1, influence1), (mean0, influence0) = effect.means
        if min(mean1, mean0) > 0:
            log = float(np.log(mean1 / mean0))
            half = Z * error_of(influence1 / mean1 - influence0 / mean0, study)
            told["ratio"] = {
                "estimate": float(np.exp(log)),
                "ci_low": float(np.exp(log - half)),
                "ci_high": float(np.exp(log + half)),
            }
    return told


@dataclass(frozen=True)
class Assignment:
    """A logit of who is treated: its terms, and each row's probability."""

    study: Study
    x: Matrix
    probability: Vector

    @cached_property
    def influence(self) -> Matrix:
        """Each row's influence on the coefficients."""
        w, e = self.study.weights, self.probability
        score = (w * (self.study.t - e))[:, None] * self.x
        return score @ _inverse((self.x * (w * e * (1 - e))[:, None]).T @ self.x / self.study.n)

    @classmethod
    def fit(cls, study: Study, x: Matrix | None = None) -> Assignment:
        """Fit it.

        Args:
            x: the terms; a constant and the covariates if it is not given.

        Raises:
            ToolError: it cannot be fitted, since the covariates tell exactly who is treated.
        """
        x = design(study) if x is None else x
        if x.shape[1] == 1:  # a constant alone
            share = float(np.average(study.t, weights=study.weights))
            e = np.full(study.n, share)
        else:
            try:
                line = x @ _regress(BINARY, x, study.t, study.weights)
            except (ConvergenceWarning, LinAlgError) as error:
                raise ToolError(_SEPARATED) from error
            treated = study.t == 1
            if line[treated].min() >= line[~treated].max() or np.abs(line).max() > 500:
                raise ToolError(_SEPARATED)
            e = _sigmoid(line)
        return cls(study, x, e)


_SEPARATED = (
    "The covariates tell exactly who is treated: no two comparable rows (the model of who is "
    "treated does not converge)"
)


@dataclass(frozen=True)
class Outcome:
    """A regression of the outcome on treatment and covariates.

    ``at`` holds its terms as they would be with treatment and without.
    """

    study: Study
    terms: Matrix
    at: tuple[Matrix, Matrix]
    coefficients: Vector

    @cached_property
    def mean(self) -> tuple[Vector, Vector]:
        """What it says of each row with treatment and without."""
        link = _LINKS[self.study.outcome_kind][0]
        return link(self.at[0] @ self.coefficients), link(self.at[1] @ self.coefficients)

    @cached_property
    def slope(self) -> tuple[Matrix, Matrix]:
        """The derivative of ``mean`` by the coefficients."""
        derivative = _LINKS[self.study.outcome_kind][1]
        one, other = (derivative(at @ self.coefficients)[:, None] * at for at in self.at)
        return one, other

    @cached_property
    def influence(self) -> Matrix:
        """Each row's influence on the coefficients."""
        link, derivative = _LINKS[self.study.outcome_kind]
        line, w = self.terms @ self.coefficients, self.study.weights
        score = (w * (self.study.y - link(line)))[:, None] * self.terms
        bread = (self.terms * (w * derivative(line))[:, None]).T @ self.terms
        return score @ _inverse(bread / self.study.n)

    @classmethod
    def fit(cls, study: Study, x: Matrix, modifiers: Matrix | None = None) -> Outcome:
        """Fit it: linear, for a yes/no outcome a logit, for a count a Poisson regression.

        Args:
            x: the terms, a constant first.
            modifiers: terms that change the effect; every term does if it is not given.
        """
        z = x if modifiers is None else modifiers
        w = study.weights
        at = study.t[:, None]
        terms = np.hstack([x, at * z])
        # A covariate that does not vary among the treated cannot change the effect.
        kept = independent(terms)
        terms = terms[:, kept]
        with_t, without = np.hstack([x, z])[:, kept], np.hstack([x, 0 * z])[:, kept]
        kind = study.outcome_kind
        try:
            coefficients = _regress(kind, terms, study.y, w)
        except (ConvergenceWarning, LinAlgError, ValueError) as error:
            raise ToolError(f"The model of {study.outcome} cannot be fitted") from error
        return cls(study, terms, (with_t, without), coefficients)


def _regress(kind: str, terms: Matrix, y: Vector, w: Vector) -> Vector:
    """Return the coefficients of the regression for this kind of outcome, without a penalty."""
    with warnings.catch_warnings():
        warnings.simplefilter("error", ConvergenceWarning)
        warnings.simplefilter("ignore", RuntimeWarning)
        if kind == BINARY:
            logit = LogisticRegression(
                C=np.inf, solver="newton-cholesky", fit_intercept=False, tol=1e-10, max_iter=100
            )
            return np.asarray(logit.fit(terms, y, sample_weight=w).coef_[0])
        if kind == COUNT:
            poisson = PoissonRegressor(
                alpha=0, solver="newton-cholesky", fit_intercept=False, tol=1e-10, max_iter=200
            )
            return np.asarray(poisson.fit(terms, y, sample_weight=w).coef_)
        weighted = terms * w[:, None]
        return np.asarray(linalg.solve(weighted.T @ terms, weighted.T @ y, assume_a="pos"))


def _sigmoid(line: Vector) -> Vector:
    return np.asarray(1 / (1 + np.exp(-line)))


_LINKS: dict[str, tuple[Callable[[Vector], Vector], Callable[[Vector], Vector]]] = {
    "continuous": (lambda line: line, np.ones_like),
    BINARY: (_sigmoid, lambda line: _sigmoid(line) * (1 - _sigmoid(line))),
    COUNT: (np.exp, np.exp),
}


def standardization(study: Study, outcome: Outcome, target: str = ATE) -> Effect:
    """Mean of what the outcome model says with and without treatment (the g-formula).

    Hernan and Robins, Causal Inference: What If, chapter 13.
    """
    s = study.weights * (study.t if target == ATT else 1)
    means = []
    for mean, slope in zip(outcome.mean, outcome.slope, strict=True):
        centre = float(np.average(mean, weights=s))
        own = s * (mean - centre)
        through = outcome.influence @ (s @ slope / study.n)
        means.append((centre, (own + through) / s.mean()))
    return difference_of(means)


def ipw(study: Study, assignment: Assignment, target: str = ATE) -> Effect:
    """Means weighted by the inverse probability of the treatment that was had (Hajek).

    Hernan and Robins, Causal Inference: What If, chapter 12.
    """
    means = []
    for share, slope in _shares(study, assignment, target):
        w = study.weights * share
        centre = float(np.average(study.y, weights=w))
        rest = study.y - centre
        through = assignment.influence @ ((study.weights * slope * rest) @ assignment.x / study.n)
        means.append((centre, (w * rest + through) / w.mean()))
    return difference_of(means)


def aipw(study: Study, assignment: Assignment, outcome: Outcome, target: str = ATE) -> Effect:
    """Doubly robust: right when either the outcome model or the assignment model is.

    Robins, Rotnitzky and Zhao, JASA 89 (1994); for the treated: Moodie and others, Stat 7 (2018).
    """
    s = study.weights * (study.t if target == ATT else 1)
    means = []
    parts = zip(_shares(study, assignment, target), outcome.mean, outcome.slope, strict=True)
    for (share, slope), mean, tangent in parts:
        w = study.weights * share
        rest = study.y - mean
        value = s * mean + w * rest
        centre = float(value.mean() / s.mean())
        through = assignment.influence @ (
            (study.weights * slope * rest) @ assignment.x / study.n
        ) + outcome.influence @ ((s - w) @ tangent / study.n)
        means.append((centre, (value - s * centre + through) / s.mean()))
    return difference_of(means)


def aipw_estimate(study: Study, assignment: Assignment, outcome: Outcome) -> float:
    """Return the estimate of :func:`aipw` for everybody, without what its error needs."""
    t, e, w = study.t, assignment.probability, study.weights
    mean1, mean0 = outcome.mean
    value = mean1 - mean0 + t * (study.y - mean1) / e - (1 - t) * (study.y - mean0) / (1 - e)
    return float(np.average(value, weights=w))


def weights_of(study: Study, probability: Vector, target: str = ATE) -> Vector:
    """Return the weight that makes each row stand for the target population."""
    if target == ATT:
        return np.where(study.t == 1, 1.0, probability / (1 - probability))
    return np.where(study.t == 1, 1 / probability, 1 / (1 - probability))


def _shares(study: Study, assignment: Assignment, target: str) -> list[tuple[Vector, Vector]]:
    """Return, for treated and untreated, the weights and their derivative by the logit's line."""
    t, e = study.t, assignment.probability
    if target == ATT:
        odds = e / (1 - e)
        return [(t, np.zeros_like(t)), ((1 - t) * odds, (1 - t) * odds)]
    return [
        (t / e, -t * (1 - e) / e),
        ((1 - t) / (1 - e), (1 - t) * e / (1 - e)),
    ]


def difference_of(means: list[tuple[float, Vector]]) -> Effect:
    """Return the effect that the means with treatment and without make."""
    (mean1, influence1), (mean0, influence0) = means
    return Effect(mean1 - mean0, influence1 - influence0, (means[0], means[1]))


def _inverse(bread: Matrix) -> Matrix:
    try:
        return np.asarray(np.linalg.inv(bread))
    except LinAlgError as error:
        raise ToolError("The columns to adjust for are not independent") from error
