"""Intrinsic functions that are refused what is too much before they make it.

https://docs.aws.amazon.com/step-functions/latest/dg/intrinsic-functions.html
"""

from __future__ import annotations

from localstack.services.stepfunctions.asl.component.intrinsic.function.statesfunction.array import (  # noqa: E501
    array_range,
)

#: Of what ``States.ArrayRange`` makes.
MOST_ITEMS = 1000


def bound_ranges() -> None:
    """Have ``States.ArrayRange`` count its items first: LocalStack makes them all, and counts."""
    theirs = range

    def counted(first: int, end: int, step: int) -> range:
        numbers = theirs(first, end, step)
        if len(numbers) > MOST_ITEMS:
            raise ValueError(f"Arrays cannot contain more than {MOST_ITEMS} items.")
        return numbers

    array_range.range = counted
