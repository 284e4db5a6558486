"""Words of a policy with wildcards and variables, and what they match.

No regular expression runs on foreign text here: the time is that of a search for each stretch of a
pattern between its wildcards, whatever the value.
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_resource.html
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache

#: The values of the keys of a request's context; the names are in lower case.
Context = Mapping[str, Sequence[str]]
#: What ``${*}`` stands for until the wildcards are looked at.
_LITERAL = {"*": "\ue000", "?": "\ue001", "$": "\ue002"}
_ESCAPED = str.maketrans({"*": "\ue000", "?": "\ue001"})
_PLAIN = str.maketrans({"\ue000": "*", "\ue001": "?", "\ue002": "$"})
#: Patterns whose stretches are remembered.
_MOST_PATTERNS = 4096


class NoValue(LookupError):
    """A variable has no value in a request: the element matches nothing."""


def filled(text: str, context: Context) -> str:
    """Return a word of a policy with the values of its variables.

    Raises:
        NoValue: the request has none for one of them, or several.
    """
    head, *parts = text.split("${")
    if not parts:
        return text
    found = [head]
    for part in parts:
        name, closed, rest = part.partition("}")
        found.append(f"{_value(name, context)}{rest}" if closed else f"${{{part}")
    return "".join(found)


def _value(name: str, context: Context) -> str:
    if name in _LITERAL:
        return _LITERAL[name]
    key, has_default, default = (part.strip() for part in name.partition(","))
    values = context.get(key.lower(), ())
    if len(values) == 1:
        return values[0].translate(_ESCAPED)
    quoted = len(default) > 1 and default.startswith("'") and default.endswith("'")
    if has_default and quoted and not values:
        return default[1:-1].translate(_ESCAPED)
    raise NoValue(name)


def plain(text: str) -> str:
    """Return a word whose variables are filled, to be compared as it is."""
    return text.translate(_PLAIN)


@lru_cache(_MOST_PATTERNS)
def _stretches(text: str) -> tuple[tuple[str, ...], ...]:
    """Return what stands between the ``*`` of a pattern, each cut at its ``?``."""
    return tuple(tuple(plain(piece) for piece in stretch.split("?")) for stretch in text.split("*"))


def like(value: str, text: str, *, ignore_case: bool = False) -> bool:
    """Return whether a value is what a word with ``*`` and ``?`` stands for."""
    if ignore_case:
        value, text = value.lower(), text.lower()
    first, *others = _stretches(text)
    if not _stands_at(value, first, 0):
        return False
    place = _length(first)
    if not others:
        return place == len(value)
    *middle, last = others
    for stretch in middle:
        # The first place is the best: it leaves the most for those that follow.
        found = _find(value, stretch, place)
        if found is None:
            return False
        place = found + _length(stretch)
    end = len(value) - _length(last)
    return end >= place and _stands_at(value, last, end)


def _length(stretch: tuple[str, ...]) -> int:
    return sum(map(len, stretch)) + len(stretch) - 1


def _stands_at(value: str, stretch: tuple[str, ...], place: int) -> bool:
    if place + _length(stretch) > len(value):
        return False
    for piece in stretch:
        if not value.startswith(piece, place):
            return False
        place += len(piece) + 1
    return True


def _find(value: str, stretch: tuple[str, ...], start: int) -> int | None:
    """Return the first place of a stretch, not before ``start``."""
    longest = max(stretch, key=len)
    before = _length(stretch[: stretch.index(longest)]) + 1 if stretch[0] != longest else 0
    place = start
    while (found := value.find(longest, place + before)) >= 0:
        place = found - before
        if _stands_at(value, stretch, place):
            return place
        place += 1
    return None


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
