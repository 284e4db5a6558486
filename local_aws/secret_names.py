"""Which names tell that a value is secret, in camelCase, snake_case, kebab-case and as headers."""

from __future__ import annotations

import math
import re
from collections import Counter
from enum import IntEnum
from functools import lru_cache

#: Of a longer name only its end is read.
_NAME_CHARACTERS = 128
_WORD = re.compile(r"[A-Z]++(?![a-z])|[A-Z][a-z]*+|[a-z]++|[0-9]++")

#: Wherever one of these is in a name, all below that name is secret.
_SECRET = (
    "password",
    "passwd",
    "passphrase",
    "passcode",
    "secret",
    "credential",
    "cookie",
    "authorization",
    "privatekey",
    "apikey",
    "accesskey",
)
_SECRET_WORDS = {"pwd", "pass", "pin", "otp"}
#: As parts of names, these tell of texts: ``maxTokens`` is a number, ``auth`` may hold settings.
_SECRET_TEXTS = ("token", "signature", "bearer")
_SECRET_LAST = {"auth"}
#: What ends so says something about a secret: its id, its rules, its place.
_ABOUT = {
    *("id", "ids", "arn", "arns", "name", "names", "policy", "policies", "type", "types"),
    *("length", "count", "counts", "version", "versions", "expiry", "expires"),
    *("expiration", "in", "use", "usage", "limit", "max", "min", "url", "uri"),
    *("endpoint", "enabled", "required", "status", "date", "at", "days", "hours"),
    *("minutes", "seconds", "validity", "unit", "units", "rotation", "label", "labels"),
    *("stage", "stages", "algorithm", "method", "methods", "provider", "configuration"),
    *("config", "settings", "options", "schema", "format", "hint", "source", "scope"),
    *("scopes", "parameters", "flow", "mode", "attempts", "error", "description"),
}
#: Keys that are no keys to anything: ``routeKey``, ``LastEvaluatedKey``, ``TagKeys``.
_PLAIN_KEYS = {
    *("route", "partition", "sort", "hash", "range", "primary", "foreign", "cache"),
    *("idempotency", "public", "object", "s3", "tag", "start", "evaluated"),
    *("unprocessed", "group", "message", "event", "bucket", "attribute", "index"),
    *("target", "source", "output", "input", "result", "file", "order", "row", "item"),
    *("context", "parameter", "state", "template", "lookup", "map", "exact"),
    *("deduplication", "host"),
}
_NO_PASSWORDS = ("bypass", "compass", "overpass", "surpass", "trespass", "underpass", "encompass")

_RANDOM_CHARACTERS, _RANDOM_BITS = 16, 3.0
_UUID = re.compile(r"[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}")
_RANDOM = re.compile(r"[A-Za-z0-9+=_-]{16,}+|[A-Za-z0-9/+]{40}")


class Secrecy(IntEnum):
    """What a name tells of its value."""

    NONE = 0
    #: It is secret if it looks as if nobody had thought of it.
    IF_RANDOM = 1
    #: Texts are.
    TEXTS = 2
    #: Numbers are, too, and all that is below it.
    ALL = 3


def secrecy_of(name: str) -> Secrecy:
    """Return what a name tells of its value, such as ``DB_PASS`` or ``x-api-key``."""
    return _secrecy_of(name[-_NAME_CHARACTERS:])


@lru_cache(maxsize=4096)
def _secrecy_of(name: str) -> Secrecy:
    words = [word.lower() for word in _WORD.findall(name)]
    while words and words[-1].isdigit():  # password2
        words.pop()
    if not words:
        return Secrecy.NONE
    plain, last = "".join(words), words[-1]
    if "accesskey" in plain or last.endswith(("password", "passwd")):
        return Secrecy.ALL
    if last in _ABOUT:
        return Secrecy.NONE
    if any(part in plain for part in _SECRET) or not _SECRET_WORDS.isdisjoint(words):
        return Secrecy.ALL
    if last.endswith("pass") and not last.endswith(_NO_PASSWORDS):  # mysqlpass
        return Secrecy.ALL
    if any(part in plain for part in _SECRET_TEXTS) or last in _SECRET_LAST:
        return Secrecy.TEXTS
    if last in ("key", "keys"):
        if len(words) == 1:
            return Secrecy.IF_RANDOM
        return Secrecy.NONE if words[-2] in _PLAIN_KEYS else Secrecy.TEXTS
    return Secrecy.NONE


def looks_random(text: str) -> bool:
    """Return whether a text looks like a key: long, of letters and digits, and of many of them."""
    if not _RANDOM_CHARACTERS <= len(text) <= 1024 or not _RANDOM.fullmatch(text):
        return False
    if text.isalpha() or _UUID.fullmatch(text):
        return False
    counts = Counter(text).values()
    bits = -sum(n / len(text) * math.log2(n / len(text)) for n in counts)
    return bits >= _RANDOM_BITS
