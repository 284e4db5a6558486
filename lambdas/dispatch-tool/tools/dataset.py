"""A dataset as the tools see it: a table, its columns checked and bad values named."""

from __future__ import annotations

import io
import json
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

#: More rows could not be analysed before the function times out.
MAX_ROWS = 500_000
#: Text of more different values is no category.
MAX_LEVELS = 20
_SHOWN = 3


class ToolError(Exception):
    """The tool cannot answer; the message is for the model (and the user) to read."""


@dataclass(frozen=True)
class Dataset:
    """A table of numbers and text, and what is known of its columns.

    Args:
        meanings: column -> what it means, in words.
        timing: column -> ``before`` or ``after`` the treatment, where the dictionary tells.
    """

    frame: pd.DataFrame
    meanings: dict[str, str] = field(default_factory=dict)
    timing: dict[str, str] = field(default_factory=dict)

    @classmethod
    def parse(cls, data: bytes, dictionary: bytes | None = None) -> Dataset:
        """Read CSV bytes.

        Args:
            dictionary: JSON ``{"columns": {name: meaning}, "before_treatment": [name],
                "after_treatment": [name]}``, each part optional.

        Raises:
            ToolError: it is no CSV, has no rows, or has more than :data:`MAX_ROWS`.
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
        if len(frame) > MAX_ROWS:
            raise ToolError(
                f"The dataset has {len(frame):,} rows; at most {MAX_ROWS:,} are analysed in the "
                "time a tool has. Take a random sample of them"
            )
        frame.columns = [str(name).strip() for name in frame.columns]
        known = json.loads(dictionary) if dictionary else {}
        timing = {
            str(name): when
            for when in ("before", "after")
            for name in known.get(f"{when}_treatment", [])
        }
        return cls(frame, {str(k): str(v) for k, v in known.get("columns", {}).items()}, timing)

    def require(self, *names: str) -> None:
        """Raise :class:`ToolError` for a column that is not there."""
        for name in names:
            if name not in self.frame.columns:
                raise ToolError(
                    f"There is no column {name!r}. Columns: {', '.join(self.frame.columns)}."
                )

    def is_category(self, name: str) -> bool:
        """Return whether a column holds words, of which there are few different ones."""
        column = self.frame[name]
        if pd.api.types.is_numeric_dtype(column.dtype):
            return False
        present = column.dropna()
        numbers = pd.to_numeric(present, errors="coerce").notna().sum()
        return bool(numbers < len(present) / 2 and 2 <= present.nunique() <= MAX_LEVELS)

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
