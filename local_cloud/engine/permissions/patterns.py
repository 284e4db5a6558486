"""Words of a policy with wildcards and variables, and what they match.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_resource.html
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import cache

#: The values of the keys of a request's context; the names are in lower case.
Context = Mapping[str, Sequence[str]]
_VARIABLE = re.compile(r"\$\{([^}]*)\}")
_DEFAULT = re.compile(r"\s*([^,]*?)\s*,\s*'(.*)'\s*")
#: What ``${*}`` stands for until the wildcards are looked at.
_LITERAL = {"*": "\ue000", "?": "\ue001", "$": "\ue002"}
_PLAIN = {"\ue000": "*", "\ue001": "?", "\ue002": "$"}


class NoValue(LookupError):
    """A variable has no value in a request: the element matches nothing."""


def filled(text: str, context: Context) -> str:
    """Return a word of a policy with the values of its variables.

    Raises:
        NoValue: the request has none for one of them, or several.
    """

    def value(found: re.Match[str]) -> str:
        name = found[1]
        if name in _LITERAL:
            return _LITERAL[name]
        default = _DEFAULT.fullmatch(name)
        values = context.get((default[1] if default else name).lower(), ())
        if len(values) == 1:
            return _escaped(values[0])
        if default and not values:
            return _escaped(default[2])
        raise NoValue(name)

    return _VARIABLE.sub(value, text)


def _escaped(value: str) -> str:
    return "".join(_LITERAL.get(letter, letter) if letter in "*?" else letter for letter in value)


def plain(text: str) -> str:
    """Return a word whose variables are filled, to be compared as it is."""
    return "".join(_PLAIN.get(letter, letter) for letter in text)


@cache
def _pattern(text: str, ignore_case: bool) -> re.Pattern[str]:
    parts = (
        ".*" if letter == "*" else "." if letter == "?" else re.escape(_PLAIN.get(letter, letter))
        for letter in text
    )
    return re.compile("".join(parts), re.DOTALL | (re.IGNORECASE if ignore_case else 0))


def like(value: str, text: str, *, ignore_case: bool = False) -> bool:
    """Return whether a value is what a word with ``*`` and ``?`` stands for."""
    return _pattern(text, ignore_case).fullmatch(value) is not None


def arn_like(value: str, text: str) -> bool:
    """Return whether an ARN is what a pattern stands for.

    Wildcards stay within the parts between colons, where a pattern has all six.
    """
    if text == "*":
        return True
    parts, wanted = value.split(":", 5), text.split(":", 5)
    if len(parts) < 6 or len(wanted) < 6:
        return like(value, text)  # a * at the end of a part stands for those that follow, too
    return all(like(part, want) for part, want in zip(parts, wanted, strict=True))
