"""Attribute values as DynamoDB takes and keeps them.

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/HowItWorks.NamingRulesDataTypes.html
"""

from __future__ import annotations

from decimal import Context, Decimal, InvalidOperation
from typing import Any

MAX_DIGITS = 38
#: What stands in a request beside attribute values, and is left alone.
_NO_VALUES = frozenset({"ExpressionAttributeNames", "TableName", "IndexName", "Parameters"})
_EMPTY = "One or more parameter values were invalid: An {} set  may not be empty"
_SETS = {"SS": "string", "NS": "number", "BS": "binary"}
_EXACT = Context(prec=200)


class InvalidValue(ValueError):
    """A value that DynamoDB refuses, in its words."""


def normalized(request: Any) -> Any:
    """Return a request with its numbers in DynamoDB's form; the same object where all are.

    Raises:
        InvalidValue: a number has too many digits, or a set is empty.
    """
    if isinstance(request, dict):
        if len(request) == 1:
            ((kind, value),) = request.items()
            if kind == "N" and isinstance(value, str):
                number = number_text(value)
                return request if number == value else {"N": number}
            if kind in _SETS and isinstance(value, list):
                return _normalized_set(request, kind, value)
        changed = {
            key: new
            for key, value in request.items()
            if key not in _NO_VALUES and (new := normalized(value)) is not value
        }
        return {**request, **changed} if changed else request
    if isinstance(request, list):
        items = [normalized(item) for item in request]
        same = all(new is old for new, old in zip(items, request, strict=True))
        return request if same else items
    return request


def _normalized_set(request: dict[str, Any], kind: str, values: list[Any]) -> dict[str, Any]:
    if not values:
        raise InvalidValue(_EMPTY.format(_SETS[kind]))
    if kind != "NS":
        return request
    numbers = [number_text(str(value)) for value in values]
    return request if numbers == values else {"NS": numbers}


def number_text(text: str) -> str:
    """Return a number without the zeros that say nothing, and without an exponent.

    Raises:
        InvalidValue: it has more than 38 significant digits. What is no number is left as it is.
    """
    try:
        number = Decimal(text)
    except InvalidOperation:
        return text
    if not number.is_finite():
        return text
    shortest = number.normalize(_EXACT)
    if len(shortest.as_tuple().digits) > MAX_DIGITS:
        raise InvalidValue("Attempting to store more than 38 significant digits in a Number")
    return "0" if shortest.is_zero() else f"{shortest:f}"
