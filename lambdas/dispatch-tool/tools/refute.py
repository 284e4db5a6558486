"""Attempts to refute an estimate, each of which can fail.

Sharma and Kiciman, DoWhy (2020), section 3.4, names the first checks. A placebo outcome is one
that the treatment cannot have changed: Lipsitch, Tchetgen Tchetgen and Cohen, "Negative Controls",
Epidemiology 21 (2010).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from tools.dataset import Dataset, ToolError
from tools.design import design
from tools.estimate import WRONG, Tell, ols
from tools.estimators import Assignment, Outcome, Z, aipw, aipw_estimate, interval
from tools.findings import WEAKENS, finding
from tools.sensitivity import Regression
from tools.study import Study, make_study

# The same data and arguments give the same answer.
SEED = 20_240_601
SUBSET_SHARE = 0.8
#: Fewer repetitions with more rows: so many rows are estimated on in each check at most.
_ROWS_PER_CHECK = 150_000
LEAST, MOST = 5, 50
#: Of more rows a random sample is refuted.
MAX_ROWS = 50_000

Random = np.random.Generator

#: What each check shows when it passes or fails, and what it cannot show.
MEANING = {
    "placebo_treatment": (
        "a treatment dealt out by chance has no effect by this method",
        "whether something not measured led to both treatment and outcome",
    ),
    "random_common_cause": (
        "a column of noise does not move the estimate",
        "what a column that matters would do",
    ),
    "data_subset": (
        "the estimate does not hang on a fifth of the rows",
        "whether these rows are like those of interest",
    ),
    "bootstrap": (
        "the error by formula is that of drawing the rows again",
        "errors that all rows share",
    ),
    "placebo_outcome": (
        "the treatment has no effect on what came before it",
        "that groups which were alike before would have stayed alike",
    ),
    "unobserved_common_cause": (
        "something not measured, as strong as the strongest covariate, leaves the effect's sign",
        "whether there is something stronger",
    ),
}


def refute_estimate(
    dataset: Dataset,
    treatment: str,
    outcome: str,
    adjustment_set: list[str] | None = None,
    method: str = "ols",
    repetitions: int | None = None,
    placebo_outcomes: list[str] | None = None,
    tell: Tell = lambda _: None,
    **how: Any,
) -> dict[str, Any]:
    """Return the checks of an estimate, each with ``passed``, and the findings of those that fail.

    Args:
        method: ``ols`` or ``aipw``.
        repetitions: of the checks that draw rows; by default as many as the rows allow, 5 to 50.
        placebo_outcomes: columns that the treatment cannot have changed, such as earlier values
            of the outcome.
        how: choices of :func:`tools.study.make_study`.
    """
    study = make_study(dataset, treatment, outcome, adjustment_set, **how)
    rows = study.n
    if rows > MAX_ROWS:
        sample = np.random.default_rng(SEED).choice(rows, MAX_ROWS, replace=False)
        study = study.rows(np.sort(sample))
    times = repetitions or max(LEAST, min(MOST, _ROWS_PER_CHECK // study.n))
    refutation = _Refutation(study, method, times, tell)
    checks = {
        "placebo_treatment": refutation.placebo_treatment(),
        "random_common_cause": refutation.random_common_cause(),
        "data_subset": refutation.data_subset(),
        "bootstrap": refutation.bootstrap(),
    }
    if placebo_outcomes:
        tell("estimating the effect on placebo outcomes")
        checks["placebo_outcome"] = _placebo_outcome(
            dataset, treatment, adjustment_set or [], placebo_outcomes, method, how
        )
    if study.covariates:
        checks["unobserved_common_cause"] = _unobserved(study)
    for name, check in checks.items():
        check["shows"], check["cannot_show"] = MEANING[name]
    return {
        "estimate": refutation.told["estimate"],
        "method": method,
        "repetitions": times,
        "rows": study.n,
        "rows_of": rows,
        "checks": checks,
        "findings": [
            finding("refutation", WEAKENS, _words(name, check))
            for name, check in checks.items()
            if not check["passed"]
        ],
    }


class _Refutation:
    def __init__(self, study: Study, method: str, times: int, tell: Tell) -> None:
        self.study = study
        self.method = method
        self.times = times
        self.tell = tell
        self.random = np.random.default_rng(SEED)
        self.told = _told(study, method)

    def placebo_treatment(self) -> dict[str, Any]:
        found = self._effects("placebo treatment", _shuffled)
        estimate, error = self.told["estimate"], self.told["std_error"]
        as_large = 1 + sum(abs(effect) >= abs(estimate) for effect in found)
        mean = float(np.mean(found))
        # The mean of so many placebos strays by its own error, too.
        allowed = max(error, 3 * float(np.std(found, ddof=1)) / np.sqrt(len(found)))
        return {
            "mean_effect": mean,
            "p_value": as_large / (len(found) + 1),
            "passed": bool(abs(mean) < allowed),
        }

    def random_common_cause(self) -> dict[str, Any]:
        mean = float(np.mean(self._effects("random common cause", _with_noise)))
        moved = abs(mean - self.told["estimate"])
        return {"mean_effect": mean, "passed": bool(moved < 0.5 * self.told["std_error"])}

    def data_subset(self) -> dict[str, Any]:
        found = self._effects("data subsets", _subset)
        mean = float(np.mean(found))
        return {
            "mean_effect": mean,
            "sd": float(np.std(found, ddof=1)),
            "passed": bool(self.told["ci_low"] < mean < self.told["ci_high"]),
        }

    def bootstrap(self) -> dict[str, Any]:
        found = self._effects("bootstrap", _resampled)
        spread, error = float(np.std(found, ddof=1)), self.told["std_error"]
        # A deviation from so many draws is itself uncertain by about 1 / sqrt(2 n).
        allowed = 1.5 * (1 + Z / np.sqrt(2 * (len(found) - 1)))
        low, high = np.quantile(found, [0.025, 0.975])
        return {
            "mean_effect": float(np.mean(found)),
            "sd": spread,
            "ci_low": float(low),
            "ci_high": float(high),
            "passed": bool(error / allowed < spread < error * allowed),
        }

    def _effects(self, name: str, change: Callable[[Study, Random], Study]) -> list[float]:
        self.tell(f"refuting by {name}, {self.times} times on {self.study.n:,} rows")
        found: list[float] = []
        for _ in range(self.times):
            try:
                found.append(_effect(change(self.study, self.random), self.method))
            except WRONG:
                continue  # a draw without untreated rows has no answer; the others have
        if len(found) < max(2, self.times // 2):
            raise ToolError(f"Most draws of the check {name!r} cannot be estimated")
        return found


def _told(study: Study, method: str) -> dict[str, Any]:
    if method == "ols":
        return ols(study)[1]
    x = design(study)
    return interval(aipw(study, Assignment.fit(study, x), Outcome.fit(study, x)), study)


def _effect(study: Study, method: str) -> float:
    if method == "ols":  # without the errors of a fit
        made = np.column_stack([design(study), study.t])
        weighted = made * study.weights[:, None]
        return float(np.linalg.solve(weighted.T @ made, weighted.T @ study.y)[-1])
    x = design(study)
    return aipw_estimate(study, Assignment.fit(study, x), Outcome.fit(study, x))


def _shuffled(study: Study, random: Random) -> Study:
    return replace(study, t=random.permutation(study.t))


def _with_noise(study: Study, random: Random) -> Study:
    name = "random common cause"
    x = study.x.assign(**{name: random.normal(size=study.n)})
    return replace(study, x=x, source={**study.source, name: name})


def _subset(study: Study, random: Random) -> Study:
    size = max(2, int(study.n * SUBSET_SHARE))
    return study.rows(random.choice(study.n, size=size, replace=False))


def _resampled(study: Study, random: Random) -> Study:
    if study.clusters is None:
        return study.rows(random.integers(0, study.n, study.n))
    count = int(study.clusters.max()) + 1
    order = np.argsort(study.clusters, kind="stable")
    parts = np.split(order, np.cumsum(np.bincount(study.clusters))[:-1])
    return study.rows(np.concatenate([parts[n] for n in random.integers(0, count, count)]))


def _placebo_outcome(
    dataset: Dataset,
    treatment: str,
    adjust: list[str],
    placebos: list[str],
    method: str,
    how: dict[str, Any],
) -> dict[str, Any]:
    """Return the effect on each column that the treatment cannot have changed; the worst tells."""
    outcomes: dict[str, Any] = {}
    for name in placebos:
        others = [column for column in adjust if column not in placebos]
        try:
            outcomes[name] = _told(make_study(dataset, treatment, name, others, **how), method)
        except WRONG as error:
            outcomes[name] = {"error": str(error)}
    good = {name: told for name, told in outcomes.items() if "error" not in told}
    if not good:
        first = next(iter(outcomes.values()))
        raise ToolError(f"No placebo outcome can be estimated: {first['error']}")
    worst = max(good, key=lambda name: abs(good[name]["estimate"] / good[name]["std_error"]))
    return {
        "mean_effect": good[worst]["estimate"],
        "outcome": worst,
        "outcomes": outcomes,
        "passed": bool(good[worst]["ci_low"] <= 0 <= good[worst]["ci_high"]),
    }


def _unobserved(study: Study) -> dict[str, Any]:
    """Return what a confounder as strong as the strongest covariate would leave of the effect."""
    regression = Regression(study)
    strongest = regression.benchmarks()[0]
    first = strongest["adjusted"].get("1")
    moved = 0.0 if first is None else first["estimate"]
    return {
        "mean_effect": moved,
        "covariate": strongest["covariate"],
        "strengths": {k: v["estimate"] for k, v in strongest["adjusted"].items()},
        "passed": first is not None and (moved > 0) == (regression.estimate > 0),
    }


def _words(name: str, check: dict[str, Any]) -> str:
    effect = f"{check['mean_effect']:,.2f}"
    match name:
        case "placebo_treatment":
            return f"A treatment dealt out by chance has an effect of {effect} by this method."
        case "random_common_cause":
            return f"A column of noise moves the estimate to {effect}."
        case "data_subset":
            return f"Without a fifth of the rows the estimate is {effect}, outside its interval."
        case "bootstrap":
            return (
                f"Drawing the rows again gives a spread of {check['sd']:,.2f}, not the error that "
                "the formula gives."
            )
        case "placebo_outcome":
            return (
                f"The treatment has an effect of {effect} on {check['outcome']}, which came before "
                "it: the groups were not alike to begin with."
            )
    return (
        f"Something not measured, as strong as {check['covariate']}, would leave an effect of "
        f"{effect}: its sign would be another."
    )
