"""The rows and columns of one comparison, made ready for the estimators.

What is done to data as they come (missing values, categories, columns that tell nothing new) is
done here, once, and every choice is told as a finding.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tools.dataset import MAX_LEVELS, Dataset, ToolError
from tools.findings import NOTE, WEAKENS, finding
from tools.linear import independent

Vector = NDArray[np.float64]
Matrix = NDArray[np.float64]

MIN_ROWS = 10
MAX_DESIGN_COLUMNS = 200
#: From this share of rows on, leaving out incomplete ones weakens a claim.
MANY_MISSING = 0.05
#: Errors by cluster are only good with more clusters than these.
MIN_CLUSTERS = 30

CONTINUOUS, BINARY, COUNT = "continuous", "binary", "count"


@dataclass(frozen=True)
class Study:
    """Rows with a treatment, an outcome and covariates that vary.

    Args:
        t: the treatment, 0/1 (any number where it is a dose).
        y: the outcome.
        x: covariates as numbers, a column for each level of a category but one.
        source: column of ``x`` -> column of the dataset that it stands for.
        weights: of the rows, mean 1.
        clusters: of the rows, as codes from 0; ``None`` where every row stands for itself.
        rows_dropped: for a missing value.
        also: other columns of these rows, such as an instrument.
    """

    treatment: str
    outcome: str
    t: Vector
    y: Vector
    x: pd.DataFrame
    source: dict[str, str]
    weights: Vector
    clusters: NDArray[np.intp] | None = None
    rows_dropped: int = 0
    also: dict[str, Vector] = field(default_factory=dict)
    missing: dict[str, Any] = field(default_factory=dict)
    findings: list[dict[str, Any]] = field(default_factory=list)

    @property
    def n(self) -> int:
        return len(self.y)

    @property
    def covariates(self) -> list[str]:
        """The dataset's columns that are adjusted for."""
        return list(dict.fromkeys(self.source[name] for name in self.x.columns))

    @cached_property
    def outcome_kind(self) -> str:
        """``binary``, ``count`` (whole numbers from 0, no more than 100 of them) or neither."""
        values = np.unique(self.y)
        if np.array_equal(values, [0.0, 1.0]):
            return BINARY
        whole = bool((values == np.floor(values)).all())
        return COUNT if whole and values[0] == 0 and len(values) <= 100 else CONTINUOUS

    def described(self) -> dict[str, Any]:
        """Return what every answer about it begins with."""
        return {
            "treatment": self.treatment,
            "outcome": self.outcome,
            "outcome_kind": self.outcome_kind,
            "adjustment_set": self.covariates,
            "rows": self.n,
            "rows_dropped": self.rows_dropped,
            "missing": self.missing,
        }

    def rows(self, keep: NDArray[Any]) -> Study:
        """Return the study of some of its rows, named by index (repeats allowed) or by mask."""
        x = self.x.iloc[np.flatnonzero(keep) if keep.dtype == bool else keep]
        weights = self.weights[keep]
        clusters = None
        if self.clusters is not None:
            clusters = np.unique(self.clusters[keep], return_inverse=True)[1]
        return Study(
            self.treatment,
            self.outcome,
            self.t[keep],
            self.y[keep],
            x.loc[:, np.ptp(x.to_numpy(), axis=0) > 0],
            self.source,
            weights / weights.mean(),
            clusters,
        )


def make_study(
    dataset: Dataset,
    treatment: str,
    outcome: str,
    adjustment_set: list[str] | None = None,
    *,
    also: list[str] | None = None,
    compare: list[Any] | None = None,
    dose: bool = False,
    missing: str = "complete_cases",
    categories: list[str] | None = None,
    cluster: str | None = None,
    weights: str | None = None,
) -> Study:
    """Return the study of these columns.

    Args:
        also: columns that have to be complete too, such as an instrument.
        compare: two values of the treatment, [untreated, treated]; only their rows are kept.
        dose: whether the treatment may be any number.
        missing: ``complete_cases`` leaves out rows that lack a covariate; ``indicator`` puts the
            mean there and adds a column that says so.
        categories: columns of numbers that stand for categories.
        cluster: column whose equal values mark rows that belong together.
        weights: column of sampling weights.

    Raises:
        ToolError: a column is missing, is used twice, or holds text of too many kinds; the
            treatment is not 0/1 or has one value; too few rows are complete.
    """
    covariates = list(adjustment_set or [])
    names = [treatment, outcome, *covariates]
    if len(set(names)) != len(names):
        raise ToolError("Treatment, outcome and adjustment set should be different columns")
    dataset.require(*names, *(also or []), *(n for n in (cluster, weights) if n))
    t = _treatment(dataset, treatment, compare)
    base = pd.DataFrame({"t": t, "y": dataset.numbers(outcome)})
    for name in also or []:
        base[f"also {name}"] = dataset.numbers(name)
    if weights:
        base["w"] = _weights(dataset, weights)
    if cluster:
        base["c"] = dataset.frame[cluster]
    columns = {n: _values(dataset, n, n in (categories or [])) for n in covariates}
    essential = base.notna().all(axis=1)
    lacking = pd.DataFrame({n: c.isna() for n, c in columns.items()}, index=base.index)
    complete = essential & ~lacking.any(axis=1)
    keep = essential if missing == "indicator" else complete
    used = int(keep.sum())
    if used < MIN_ROWS:
        raise ToolError(
            f"Only {used} of {len(base)} rows have a value in all of "
            f"{', '.join(names)}; at least {MIN_ROWS} are needed"
        )
    asked = len(base) if compare is None else int(t.notna().sum())
    told = _missing(asked, essential, complete, lacking, missing)
    kept = {n: c[keep] for n, c in columns.items()}
    x, source = _encode(kept, base.index[keep], missing == "indicator")
    x, dropped = _independent(x)
    codes = None
    findings = [*told["findings"], *_dropped_columns(dropped, source)]
    if cluster:
        codes = pd.factorize(base["c"][keep])[0]
        findings += _clusters(cluster, int(codes.max()) + 1)
    w = base["w"][keep].to_numpy() if weights else np.ones(used)
    study = Study(
        treatment,
        outcome,
        base["t"][keep].to_numpy(float),
        base["y"][keep].to_numpy(float),
        x,
        source,
        w / w.mean(),
        codes,
        asked - used,
        {name: base[f"also {name}"][keep].to_numpy(float) for name in also or []},
        told["missing"],
        findings,
    )
    _check_treatment(study, dose)
    return study


def _treatment(dataset: Dataset, name: str, compare: list[Any] | None) -> pd.Series:
    column = dataset.frame[name]
    if compare is not None:
        words = column.astype(object).map(_word)
        untreated, treated = (_word(value) for value in compare)
        for value in (untreated, treated):
            if not (words == value).any():
                held = ", ".join(sorted(map(str, words.dropna().unique()))[:10])
                raise ToolError(f"Treatment {name!r} has no value {value!r}. It holds {held}.")
        return words.map({untreated: 0.0, treated: 1.0}).astype(float)
    if dataset.is_category(name):
        words_held = [str(value) for value in column.dropna().unique()[:5]]
        raise ToolError(
            f"Treatment {name!r} should hold 0 and 1 only, and holds words "
            f"({', '.join(words_held)}). Name the two to compare: compare=[untreated, treated]"
        )
    return dataset.numbers(name)


def _word(value: Any) -> str | None:
    if value is None or value != value:  # NaN
        return None
    if isinstance(value, (bool, np.bool_)):
        return str(int(value))
    if isinstance(value, (int, float, np.integer, np.floating)):
        return f"{float(value):g}"
    return str(value)


def _check_treatment(study: Study, dose: bool) -> None:
    values = np.unique(study.t)
    if len(values) == 1:
        raise ToolError(
            f"Treatment {study.treatment!r} has one value only ({values[0]:g}) in the complete "
            "rows: there is nothing to compare"
        )
    if not dose and not np.array_equal(values, [0.0, 1.0]):
        shown = ", ".join(f"{value:g}" for value in values[:5])
        hint = (
            "Name two of them to compare, compare=[untreated, treated]"
            if len(values) <= MAX_LEVELS
            else "It is a dose"
        )
        raise ToolError(
            f"Treatment {study.treatment!r} should hold 0 and 1 only, and holds {shown}. {hint}; "
            "or take methods ['ols'] for the change per unit, if a straight line is meant"
        )


def _weights(dataset: Dataset, name: str) -> pd.Series:
    values = dataset.numbers(name)
    if (values < 0).any() or not (values > 0).any():
        raise ToolError(f"Weights {name!r} should be positive numbers")
    return values.where(values > 0)


def _values(dataset: Dataset, name: str, category: bool) -> pd.Series:
    column = dataset.frame[name]
    if not category and not dataset.is_category(name):
        return dataset.numbers(name)
    if column.nunique() > MAX_LEVELS:
        raise ToolError(
            f"Column {name!r} has {column.nunique()} different values; a category has at most "
            f"{MAX_LEVELS}"
        )
    return column.astype(object).map(_word).astype("category")


def _encode(
    columns: dict[str, pd.Series], rows: pd.Index[Any], indicator: bool
) -> tuple[pd.DataFrame, dict[str, str]]:
    """Return covariates as numbers, and which column of the dataset each stands for."""
    made: dict[str, pd.Series] = {}
    source: dict[str, str] = {}
    for name, column in columns.items():
        lacks = column.isna()
        if isinstance(column.dtype, pd.CategoricalDtype):
            # The commonest level is what the others are compared with.
            for level in list(column.value_counts().index)[1:]:
                made[f"{name}={level}"] = (column == level).astype(float)
                source[f"{name}={level}"] = name
        else:
            made[name] = column.fillna(column.mean())
            source[name] = name
        if indicator and lacks.any():
            made[f"{name} is missing"] = lacks.astype(float)
            source[f"{name} is missing"] = name
    if len(made) > MAX_DESIGN_COLUMNS:
        raise ToolError(
            f"The adjustment set makes {len(made)} columns; at most {MAX_DESIGN_COLUMNS} are taken"
        )
    return pd.DataFrame(made, index=rows), source


def _independent(x: pd.DataFrame) -> tuple[pd.DataFrame, dict[str, str]]:
    """Return the columns that tell something of their own, and why each other one was left out."""
    dropped = {name: "has one value in every row" for name in x.columns if x[name].nunique() <= 1}
    x = x.drop(columns=list(dropped))
    if x.empty:
        return x, dropped
    kept = {x.columns[number] for number in independent(((x - x.mean()) / x.std()).to_numpy())}
    for number, name in enumerate(x.columns):
        if name not in kept:
            same = [n for n in x.columns[:number] if abs(x[n].corr(x[name])) > 1 - 1e-9]
            dropped[name] = f"says the same as {same[0]}" if same else "follows from the others"
    return x.drop(columns=[n for n in dropped if n in x.columns]), dropped


def _dropped_columns(dropped: dict[str, str], source: dict[str, str]) -> list[dict[str, Any]]:
    if not dropped:
        return []
    words = "; ".join(f"{name} {why}" for name, why in dropped.items() if name in source)
    return [
        finding("columns", NOTE, f"Left out of the adjustment, since it adds nothing: {words}.")
    ]


def _clusters(name: str, count: int) -> list[dict[str, Any]]:
    if count < 2:
        raise ToolError(f"Column {name!r} has one value only: there are no clusters")
    if count >= MIN_CLUSTERS:
        return []
    text = (
        f"There are {count} clusters of {name}: errors by cluster are too small with fewer than "
        f"{MIN_CLUSTERS}."
    )
    return [finding("clusters", WEAKENS, text)]


def _missing(
    asked: int, essential: pd.Series, complete: pd.Series, lacking: pd.DataFrame, choice: str
) -> dict[str, Any]:
    """Return how many rows each way of dealing with missing values costs."""
    costs = {
        "complete_cases": asked - int(complete.sum()),
        "indicator": asked - int(essential.sum()),
    }
    by_column = {str(name): int(count) for name, count in lacking.sum().items() if count}
    findings = []
    share = costs["complete_cases"] / asked
    if costs[choice]:
        findings.append(
            finding(
                "missing",
                WEAKENS if costs[choice] / asked > MANY_MISSING else NOTE,
                f"{costs[choice]:,} of {asked:,} rows ({costs[choice] / asked:.1%}) lack a value "
                "and are left out: the answer is for the others, and for all only if values are "
                "missing by chance.",
            )
        )
    if choice == "indicator" and by_column:
        findings.append(
            finding(
                "missing",
                WEAKENS if share > MANY_MISSING else NOTE,
                f"Missing values of {', '.join(by_column)} are replaced by the mean, with a column "
                "that says so: that is right only if who lacks a value was not treated or doing "
                "otherwise because of the value itself.",
            )
        )
    told = {"choice": choice, "rows_lost": costs, "by_column": by_column}
    return {"missing": told, "findings": findings}
