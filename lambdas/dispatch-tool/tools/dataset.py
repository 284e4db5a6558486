"""A dataset as the tools see it: columns checked, bad values named."""

from __future__ import annotations

import io
import json
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

MIN_ROWS = 10
_SHOWN = 3


class ToolError(Exception):
    """The tool cannot answer; the message is for the model (and the user) to read."""


@dataclass(frozen=True)
class Dataset:
    """A table of numbers and text, and what its columns mean where that is known."""

    frame: pd.DataFrame
    meanings: dict[str, str] = field(default_factory=dict)

    @classmethod
    def parse(cls, data: bytes, dictionary: bytes | None = None) -> Dataset:
        """Read CSV bytes.

        Args:
            dictionary: JSON ``{"columns": {name: meaning}}``.

        Raises:
            ToolError: it is no CSV, or has no rows.
        """
        try:
            frame = pd.read_csv(io.BytesIO(data), skipinitialspace=True)
        except (UnicodeDecodeError, ValueError) as error:
            raise ToolError(f"The dataset is not readable as CSV: {error}".strip()) from error
        if isinstance(frame.index, pd.MultiIndex) or not isinstance(frame.index, pd.RangeIndex):
            raise ToolError("The dataset's rows have more fields than its header names")
        if frame.shape[1] < 2:
            raise ToolError("The dataset has one column only: is it separated by commas?")
        if frame.empty:
            raise ToolError("The dataset has a header and no rows")
        frame.columns = [str(name).strip() for name in frame.columns]
        meanings = json.loads(dictionary).get("columns", {}) if dictionary else {}
        return cls(frame, {str(k): str(v) for k, v in meanings.items()})

    def require(self, *names: str) -> None:
        """Raise :class:`ToolError` for a column that is not there."""
        for name in names:
            if name not in self.frame.columns:
                raise ToolError(
                    f"There is no column {name!r}. Columns: {', '.join(self.frame.columns)}."
                )

    def numbers(self, name: str) -> pd.Series:
        """Return a column as floats, missing values as NaN.

        Raises:
            ToolError: it is not there, or holds text; names the first rows that do.
        """
        self.require(name)
        column = self.frame[name]
        if column.dtype == bool:
            return column.astype(float)
        values = pd.to_numeric(column, errors="coerce")
        text = column.notna() & values.isna()
        if text.any():
            rows = [
                f"row {int(index) + 2}: {str(column[index])[:30]!r}"
                for index in column.index[text][:_SHOWN]
            ]
            raise ToolError(
                f"Column {name!r} holds text where numbers belong, in {int(text.sum())} of "
                f"{len(column)} rows ({'; '.join(rows)})"
            )
        return values.astype(float).replace([np.inf, -np.inf], np.nan)

    def study(self, treatment: str, outcome: str, covariates: list[str]) -> Study:
        """Return the complete rows of these columns.

        Raises:
            ToolError: a column is missing, is used twice, or holds text; the treatment is not
                0/1 or has one value; too few rows are complete.
        """
        names = [treatment, outcome, *covariates]
        if len(set(names)) != len(names):
            raise ToolError("Treatment, outcome and adjustment set should be different columns")
        frame = pd.DataFrame({name: self.numbers(name) for name in names})
        complete = frame.dropna()
        dropped = len(frame) - len(complete)
        if len(complete) < MIN_ROWS:
            raise ToolError(
                f"Only {len(complete)} of {len(frame)} rows have a value in all of "
                f"{', '.join(names)}; at least {MIN_ROWS} are needed"
            )
        values = sorted(complete[treatment].unique())
        if len(values) == 1:
            raise ToolError(
                f"Treatment {treatment!r} has one value only ({values[0]:g}) in the complete rows: "
                "there is nothing to compare"
            )
        if values != [0.0, 1.0]:
            shown = ", ".join(f"{value:g}" for value in values[:5])
            raise ToolError(f"Treatment {treatment!r} should hold 0 and 1 only, and holds {shown}")
        constant = [name for name in covariates if complete[name].nunique() == 1]
        kept = [name for name in covariates if name not in constant]
        return Study(complete, treatment, outcome, kept, dropped)


@dataclass(frozen=True)
class Study:
    """Complete rows with a 0/1 treatment, an outcome and covariates that vary."""

    frame: pd.DataFrame
    treatment: str
    outcome: str
    covariates: list[str]
    rows_dropped: int

    @property
    def treated(self) -> pd.Series:
        return self.frame[self.treatment]

    @property
    def y(self) -> pd.Series:
        return self.frame[self.outcome]
