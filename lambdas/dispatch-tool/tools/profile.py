"""Describes a dataset's columns."""

from __future__ import annotations

from typing import Any

import pandas as pd

from tools.dataset import Dataset, ToolError

MAX_COLUMNS = 200


def profile_dataset(dataset: Dataset) -> dict[str, Any]:
    """Return the number of rows and a description of each column.

    A column's ``type`` is ``binary`` (0 and 1), ``numeric``, ``constant``, ``category`` (few
    different words) or ``text``; its ``timing`` is ``before`` or ``after`` the treatment, where
    the dictionary of the dataset tells.
    """
    if dataset.frame.shape[1] > MAX_COLUMNS:
        raise ToolError(f"The dataset has more than {MAX_COLUMNS} columns")
    return {
        "rows": len(dataset.frame),
        "columns": [_describe(dataset, name) for name in dataset.frame.columns],
    }


def _describe(dataset: Dataset, name: str) -> dict[str, Any]:
    column = dataset.frame[name]
    described: dict[str, Any] = {"name": name, "missing": int(column.isna().sum())}
    if name in dataset.meanings:
        described["description"] = dataset.meanings[name]
    if name in dataset.timing:
        described["timing"] = dataset.timing[name]
    if dataset.is_category(name):
        return {**described, "type": "category", "values": _shares(column)}
    try:
        numbers = dataset.numbers(name).dropna()
    except ToolError as error:
        return {**described, "type": "text", "note": str(error), "values": _shares(column)}
    if numbers.nunique() <= 1:
        return {**described, "type": "constant", "values": [float(v) for v in numbers.unique()]}
    kind = "binary" if set(numbers.unique()) == {0.0, 1.0} else "numeric"
    return {**described, "type": kind, **_summary(numbers)}


def _shares(column: pd.Series) -> dict[str, int]:
    shares = column.value_counts().head(5)
    return {str(value)[:40]: int(count) for value, count in shares.items()}


def _summary(numbers: pd.Series) -> dict[str, float]:
    return {
        "min": float(numbers.min()),
        "max": float(numbers.max()),
        "mean": float(numbers.mean()),
        "sd": float(numbers.std()),
    }
