"""The functions that Step Functions has beside JSONata's own.

https://docs.aws.amazon.com/step-functions/latest/dg/transforming-data.html#jsonata-functions-provided-by-sfn
"""

from __future__ import annotations

import hashlib
import json
import random
import uuid
from collections.abc import Callable
from typing import Any

from local_aws.json_text import loads

ALGORITHMS = {
    "MD5": "md5",
    "SHA-1": "sha1",
    "SHA-256": "sha256",
    "SHA-384": "sha384",
    "SHA-512": "sha512",
}
#: AWS's limit for what ``$range`` makes, as for ``States.ArrayRange``.
MAX_RANGE = 1000


class FunctionFailed(ValueError):
    """A function was given what it does not take; the message says so."""


def partition(array: Any = None, size: Any = None) -> Any:
    """Split an array into arrays of a size; the last one may be shorter."""
    if array is None:
        return None
    if not isinstance(array, list):
        array = [array]
    count = _whole("$partition", size)
    if count < 1:
        raise FunctionFailed("$partition: the size of a chunk has to be 1 or more")
    return [array[start : start + count] for start in range(0, len(array), count)]


def spread(first: Any = None, last: Any = None, step: Any = None) -> Any:
    """Return the numbers from one to another (``$range``)."""
    start, end, by = (_number("$range", value) for value in (first, last, step))
    if by == 0:
        raise FunctionFailed("$range: the step cannot be 0")
    count = int((end - start) / by) + 1
    if count > MAX_RANGE:
        raise FunctionFailed(f"$range: no more than {MAX_RANGE} elements")
    made = [start + number * by for number in range(max(0, count))]
    return made[0] if len(made) == 1 else made  # a sequence of one is that one, as everywhere


def digest(content: Any = None, algorithm: Any = None) -> Any:
    """Return a hash of a text, or of a value's JSON (``$hash``)."""
    if content is None:
        return None
    name = ALGORITHMS.get(str(algorithm))
    if name is None:
        raise FunctionFailed(f"$hash: {algorithm!r} is none of {', '.join(ALGORITHMS)}")
    text = content if isinstance(content, str) else json.dumps(content, separators=(",", ":"))
    # Which algorithm is the author's choice, as on AWS.
    return hashlib.new(name, text.encode(), usedforsecurity=False).hexdigest()


def chance(seed: Any = None) -> float:
    """Return a number from 0 up to 1; the same one for the same seed (``$random``)."""
    if seed is None:
        return random.random()  # noqa: S311 - no secret is made of it
    return random.Random(_number("$random", seed)).random()  # noqa: S311


def new_uuid() -> str:
    """Return a new UUID, version 4 (``$uuid``)."""
    return str(uuid.uuid4())


def parse(text: Any = None) -> Any:
    """Return the value of a JSON text (``$parse``)."""
    if text is None:
        return None
    if not isinstance(text, str):
        raise FunctionFailed("$parse: it takes a text")
    try:
        return loads(text)
    except ValueError as error:
        raise FunctionFailed(f"$parse: that is no JSON: {error}") from error


def no_eval(*_: Any) -> None:
    """Refuse: Step Functions has ``$parse`` in its place."""
    raise FunctionFailed("T1006: Attempted to invoke a non-function")


FUNCTIONS: dict[str, Callable[..., Any]] = {
    "partition": partition,
    "range": spread,
    "hash": digest,
    "uuid": new_uuid,
    "parse": parse,
    "random": chance,
    "eval": no_eval,
}


def _number(function: str, value: Any) -> int | float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise FunctionFailed(f"{function}: {value!r} is no number")
    return int(value) if float(value).is_integer() else value


def _whole(function: str, value: Any) -> int:
    number = _number(function, value)
    if not isinstance(number, int):
        raise FunctionFailed(f"{function}: {value!r} is no whole number")
    return number
