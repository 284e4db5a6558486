"""The ``Condition`` of a statement, held against what is known of a request.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-single-vs-multi-valued-context-keys.html
"""

from __future__ import annotations

import base64
import datetime
import ipaddress
import operator
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from local_aws.iam.patterns import Context, NoValue, arn_like, filled, like, plain

Compare = Callable[[str, str], bool]
ALL, ANY, IF_EXISTS = "forallvalues", "foranyvalue", "ifexists"


class WrongPolicy(ValueError):
    """A policy is none that AWS would take; says why."""


def _number(compare: Callable[[float, float], bool]) -> Compare:
    return lambda value, wanted: compare(float(value), float(plain(wanted)))


def _moment(text: str) -> datetime.datetime:
    if text.replace(".", "", 1).isdigit() and len(text) > 4:  # seconds since 1970
        return datetime.datetime.fromtimestamp(float(text), datetime.UTC)
    moment = datetime.datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=datetime.UTC)


def _date(compare: Callable[[Any, Any], bool]) -> Compare:
    return lambda value, wanted: compare(_moment(value), _moment(plain(wanted)))


def _equal(value: str, wanted: str) -> bool:
    return value == plain(wanted)


def _equal_ignoring_case(value: str, wanted: str) -> bool:
    return value.casefold() == plain(wanted).casefold()


def _same_bytes(value: str, wanted: str) -> bool:
    return base64.b64decode(value) == base64.b64decode(plain(wanted))


def _in_network(value: str, wanted: str) -> bool:
    return ipaddress.ip_address(value) in ipaddress.ip_network(plain(wanted), strict=False)


#: Those that say what has to be; the same with ``Not`` in its name says what must not.
_OPERATORS: dict[str, Compare] = {
    "stringequals": _equal,
    "stringequalsignorecase": _equal_ignoring_case,
    "stringlike": like,
    "numericequals": _number(operator.eq),
    "numericlessthan": _number(operator.lt),
    "numericlessthanequals": _number(operator.le),
    "numericgreaterthan": _number(operator.gt),
    "numericgreaterthanequals": _number(operator.ge),
    "dateequals": _date(operator.eq),
    "datelessthan": _date(operator.lt),
    "datelessthanequals": _date(operator.le),
    "dategreaterthan": _date(operator.gt),
    "dategreaterthanequals": _date(operator.ge),
    "bool": _equal_ignoring_case,
    "binaryequals": _same_bytes,
    "ipaddress": _in_network,
    "arnequals": arn_like,
    "arnlike": arn_like,
}
_NEGATED = {
    "stringnotequals": "stringequals",
    "stringnotequalsignorecase": "stringequalsignorecase",
    "stringnotlike": "stringlike",
    "numericnotequals": "numericequals",
    "datenotequals": "dateequals",
    "notipaddress": "ipaddress",
    "arnnotequals": "arnequals",
    "arnnotlike": "arnlike",
}


def holds(condition: Mapping[str, Mapping[str, Any]], context: Context) -> bool:
    """Return whether all of a condition is true of a request.

    Raises:
        WrongPolicy: it has an operator that there is not.
    """
    return all(
        _holds(name, key, words(wanted), context)
        for name, keys in condition.items()
        for key, wanted in keys.items()
    )


def keys_of(condition: Mapping[str, Mapping[str, Any]]) -> set[str]:
    """Return the keys that a condition asks for."""
    return {key for keys in condition.values() for key in keys}


def words(value: Any) -> list[str]:
    """Return the words that stand in a policy where one or several may."""
    values = value if isinstance(value, list) else [value]
    return [str(one).lower() if isinstance(one, bool) else str(one) for one in values]


def _holds(name: str, key: str, wanted: Sequence[str], context: Context) -> bool:
    spelled = name.lower()
    quantifier, _, rest = spelled.rpartition(":")
    values = context.get(key.lower(), ())
    if spelled == "null":
        return any((not values) == (one.lower() == "true") for one in wanted)
    if_exists = rest.endswith(IF_EXISTS)
    rest = rest.removesuffix(IF_EXISTS)
    negated = rest in _NEGATED
    compare = _OPERATORS.get(_NEGATED.get(rest, rest))
    if compare is None or quantifier not in ("", ALL, ANY):
        raise WrongPolicy(f"there is no condition operator {name!r}")
    if not values:
        return if_exists or quantifier == ALL or (negated and quantifier != ANY)

    def matches(value: str) -> bool:
        return any(_compare(compare, value, one, context) for one in wanted) != negated

    each = quantifier == ALL or (negated and quantifier != ANY)
    return (all if each else any)(map(matches, values))


def _compare(compare: Compare, value: str, wanted: str, context: Context) -> bool:
    try:
        return compare(value, filled(wanted, context))
    except (NoValue, ValueError, ArithmeticError, OSError):
        return False  # what is none of its kind matches nothing
