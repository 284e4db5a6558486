"""What may be shown of a payload: its beginning, without passwords, secrets and tokens.

A payload is cut before it is searched. No expression here tries a character twice: its repeats are
possessive, and none begins within what another try has read, so that no text makes it slow.
Secrets are known by names (:mod:`.secret_names`), by the marks of AWS's service models, and by
their form: JSON Web Tokens, PEM blocks, AWS access keys, passwords in URLs.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

import orjson

from local_aws.secret_names import Secrecy, looks_random, secrecy_of

#: Of a payload, what is kept.
SHOWN_CHARACTERS = 2048
#: Of a payload, what is looked at: more than is shown, since what is hidden leaves room.
_LOOKED_AT = 2 * SHOWN_CHARACTERS
REDACTED = "…"
#: Values that are nested deeper are not looked at, and not shown.
_MOST_LEVELS = 64

#: The members of a structure that a service model marks ``sensitive``, or that lead to such: by
#: name, or ``(marks,)`` for each member of a list or map; ``True`` for all of a value.
type Marks = dict[str, Marks] | tuple[Marks] | bool

#: A text without one of these, in small letters, has nothing to hide. Each costs time at each
#: message: the fewer, the better.
_SIGNS = (
    *("pass", "pwd", "secret", "token", "cred", "cookie", "authorization", "signature", "bearer"),
    *("eyj", "akia", "asia", "-----begin", "\\u00", 'pin"', 'otp"', 'auth"', "securestring"),
)
_SIGNS_IN_FORMS, _SIGNS_IN_LINES = ("pin=", "otp=", "auth="), ("pin:", "otp:", "auth:")
#: A string without one of these names nothing whose value it has, and a shorter one is no token.
_SEPARATORS = ("=", ":", ">")
_LEAST_TOKEN = 16
_FORM_SIGNS = ("eyJ", "AKIA", "ASIA", "earer ", "-----BEGIN")

#: A name and what is between it and its value, quoted at whatever level.
_FIELD = re.compile(r"(?<![\w.$-])([\w.$-]++)([\\\"']*+\s*+[=:>]\s*+[\\\"']*+)")
#: Codes of AWS's errors before their message: ``NoSuchKey: The specified key does not exist.``
_ERROR_CODE = re.compile(
    r"(?:NoSuch|Invalid|Expired|Missing|Unrecognized|Incomplete|Malformed|Duplicate)[A-Z]"
)
_FORMS = re.compile(
    r"eyJ[\w-]++(?:\.[\w-]*+)*+"  # a JSON Web Token, or other JSON in base64
    r"|-----BEGIN (?:(?!-----END).)*+(?:-----END[^-]*+-----)?+"  # RFC 7468
    r"|(?:AKIA|ASIA)[A-Z0-9]{12,}+"
    r"|(?<=://)([^\s/:@\"']*+:)[^\s/@\"']++(?=@)"  # RFC 3986, section 3.2.1
    r"|((?i:bearer) ++)[\w.~+/=-]{8,}+",  # RFC 6750, section 2.1
    re.DOTALL,
)
#: AWS's words for a value that a constraint refuses.
_REFUSED = re.compile(r"(?<=Value ')([^']*+)(?=' at '([^']*+)')")
#: Where a value ends that is not quoted: in a query or a form, and in YAML, a header or a log line.
_QUERY_END, _LINE_END = re.compile(r"[&\s\"'\\]"), re.compile(r"[\n\r\"]")
#: Names of values that have spaces.
_OF_WORDS = ("authorization", "cookie")
_JSON_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*+("?)|[\[\]{},:]', re.DOTALL)

#: What names a value that is beside it, as in ``{"Name": "DB_PASS", "Value": …}``.
_NAMING = frozenset(("name", "key", "parametername", "parameterkey", "header", "variable", "field"))
_NAMED = frozenset(("value", "parametervalue", "stringvalue", "default", "content", "data"))
_JSON_TYPES = ("string", "object", "array", "number", "integer", "boolean")


def shown(payload: str | bytes | Mapping[str, Any], marks: Marks = False) -> str:
    """Return the beginning of a payload, without secrets and tokens.

    Args:
        marks: what a service model marks of it.
    """
    if not isinstance(payload, str | bytes):
        walk = _Walk(SHOWN_CHARACTERS)
        return _cut(_dumped(walk.value(payload, marks)), more=walk.left <= 0)
    if isinstance(payload, bytes):
        beginning = payload[: 4 * _LOOKED_AT].decode(errors="replace")[:_LOOKED_AT]
        more = len(payload) > 4 * _LOOKED_AT or len(beginning) == _LOOKED_AT
    else:
        beginning, more = payload[:_LOOKED_AT], len(payload) > _LOOKED_AT
    if marks is True:
        return REDACTED
    if _is_harmless(beginning):
        return _cut(beginning, more=more)
    return _cut(_without_secrets_in(beginning, more=more), more=more)


def without_secrets(value: Any) -> Any:
    """Return JSON without passwords, secrets and tokens, in texts that are JSON, too."""
    return _Walk(None).value(value, False)


class _Walk:
    """Goes through a value, and leaves out what is secret.

    Args:
        left: characters after which it goes no further; ``None`` for no end.
    """

    def __init__(self, left: int | None) -> None:
        self.bounded = left is not None
        self.left = left or 0

    def value(self, value: Any, marks: Marks, level: int = 0) -> Any:
        """Return a value without what is secret of it."""
        if marks is True:
            return REDACTED
        if isinstance(value, str):
            return self.text(value, level)
        if level > _MOST_LEVELS or (self.bounded and self.left <= 0):
            return REDACTED
        if isinstance(value, Mapping):
            return self.members(value, marks, level)
        if isinstance(value, list | tuple):
            inner = marks[0] if isinstance(marks, tuple) else False
            found = []
            for one in value:
                if self.bounded and self.left <= 0:
                    break
                found.append(self.value(one, inner, level + 1))
            return found
        if isinstance(value, bytearray):
            value = bytes(value)
        if isinstance(value, int) and value.bit_length() > 63:
            value = str(value)  # more than orjson writes
        self.left -= 8 if self.bounded else 0
        return value

    def members(self, value: Mapping[Any, Any], marks: Marks, level: int) -> dict[str, Any]:
        named = _secrecy_of_named(value)
        found: dict[str, Any] = {}
        for key, inner in value.items():
            if self.bounded and self.left <= 0:
                break
            name = str(key)
            self.left -= len(name) if self.bounded else 0
            if isinstance(marks, dict):
                mark = marks.get(name, False)
            else:
                mark = marks[0] if isinstance(marks, tuple) else False
            secrecy = secrecy_of(name)
            if named and name.lower() in _NAMED:
                secrecy = max(secrecy, named)
            if mark is True:
                found[name] = REDACTED
            elif secrecy:
                found[name] = self.secret(inner, secrecy, mark, level + 1)
            else:
                found[name] = self.value(inner, mark, level + 1)
        return found

    def secret(self, value: Any, secrecy: Secrecy, marks: Marks, level: int) -> Any:
        """Return what is shown of a value whose name tells that it is secret."""
        if value is None or isinstance(value, bool):
            return value
        if isinstance(value, str | bytes) or (
            secrecy == Secrecy.ALL
            and not (isinstance(value, Mapping) and value.get("type") in _JSON_TYPES)
        ):
            if secrecy == Secrecy.IF_RANDOM and not (
                isinstance(value, str) and looks_random(value)
            ):
                return self.value(value, marks, level)
            return REDACTED
        if secrecy == Secrecy.TEXTS and isinstance(value, list | tuple):
            return [
                REDACTED if isinstance(one, str | bytes) else self.value(one, False, level)
                for one in value
            ]
        return self.value(value, marks, level)

    def text(self, value: str, level: int) -> str:
        """Return a text without what is secret in it."""
        more = False
        if self.bounded:
            more = len(value) > self.left + _LOOKED_AT
            value = value[: self.left + _LOOKED_AT]
            self.left -= len(value)
        if not any(sign in value for sign in _SEPARATORS) and (
            len(value) < _LEAST_TOKEN or not any(sign in value for sign in _FORM_SIGNS)
        ):
            return value
        if _is_harmless(value):
            return value
        return _without_secrets_in(value, level, more=more)


def _secrecy_of_named(value: Mapping[Any, Any]) -> Secrecy:
    """Return what the name in an object tells of the value in it."""
    secrecy = Secrecy.NONE
    for name, inner in value.items():
        if isinstance(name, str) and isinstance(inner, str):
            small = name.lower()
            if small in _NAMING:
                secrecy = max(secrecy, secrecy_of(inner))
            elif small == "type" and inner == "SecureString":
                return Secrecy.ALL
    return secrecy


def _is_harmless(text: str) -> bool:
    small = text.lower()
    for sign in _SIGNS:  # not any(): a generator takes longer than what it yields
        if sign in small:
            return False
    if "=" in small and any(sign in small for sign in _SIGNS_IN_FORMS):
        return False
    if small[:1] not in ("{", "[") and any(sign in small for sign in _SIGNS_IN_LINES):
        return False
    if "@" in small and "://" in small:
        return False
    # Each event of API Gateway's has one.
    return small.count("key") == small.count("routekey")


def _without_secrets_in(text: str, level: int = 0, *, more: bool = False) -> str:
    """Return a text without what is secret in it, which may be the beginning of JSON.

    Args:
        more: whether its end was cut off.
    """
    if text[:1] in ("{", "[") and level <= _MOST_LEVELS:
        closers = ""
        try:
            if more:
                text, closers = _closed(text)
            found = _dumped(_Walk(None).value(orjson.loads(text + closers), False, level + 1))
            return found[: len(found) - len(closers)]
        except ValueError:
            pass  # it only looks like JSON
    return _without_fields(_without_forms(text))


def _closed(beginning: str) -> tuple[str, str]:
    """Return what is whole of the beginning of JSON, and what closes it."""
    open_: list[str] = []
    end, closers = 0, ""
    takes_value = True
    for token in _JSON_TOKEN.finditer(beginning):
        sign = token[0][0]
        if sign == '"':
            if not token[1] and takes_value:  # a text whose end is cut off
                escape = beginning.rfind("\\", max(token.start(), len(beginning) - 12))
                end = escape if escape >= 0 else len(beginning)
                closers = '"' + "".join(reversed(open_))
            continue
        if sign in "{[":
            open_.append("}" if sign == "{" else "]")
            takes_value = sign == "["
        elif sign in "}]":
            if not open_:
                break
            open_.pop()
        else:
            takes_value = sign == ":" or (bool(open_) and open_[-1] == "]")
            if sign == ":":
                continue
        end = token.start() if sign == "," else token.end()
        closers = "".join(reversed(open_))
    return beginning[:end], closers


def _without_fields(text: str) -> str:
    """Return a text without the values of names that tell that they are secret."""
    found, at = [], 0
    for field in _FIELD.finditer(text):
        if field.start() < at or not (secrecy := secrecy_of(field[1])):
            continue
        if field[2] == ":" and text[field.start() - 1 : field.start()] == ":":
            continue  # arn:aws:secretsmanager:us-east-1:000000000000:secret:NAME
        if field[2] == ": " and _ERROR_CODE.match(field[1]):
            continue
        begin, end = field.end(), _end_of_value(text, field)
        if secrecy == Secrecy.IF_RANDOM and not looks_random(text[begin:end]):
            continue
        if begin < end:
            found += [text[at:begin], REDACTED]
            at = end
    text = "".join([*found, text[at:]])
    return _REFUSED.sub(lambda value: REDACTED if secrecy_of(value[2]) else value[1], text)


def _end_of_value(text: str, field: re.Match[str]) -> int:
    """Return where the value of a name ends; where it does not, at the end of the text."""
    between, begin = field[2], field.end()
    separator = between.strip("\\\"' \t\r\n")[:1]
    if separator == ">":
        if text[field.start() - 1 : field.start()] != "<":
            return begin
        tag = text.find("<", begin)
        return tag if tag >= 0 else len(text)
    if between[-1] in "\"'":
        return _end_of_quoted(text, begin, between)
    if text[begin : begin + 1] in ("{", "[", "|", ">"):  # a list, an object, YAML's long texts
        return len(text)
    in_query = separator == "=" and not any(one in field[1].lower() for one in _OF_WORDS)
    end = (_QUERY_END if in_query else _LINE_END).search(text, begin)
    return end.start() if end else len(text)


def _end_of_quoted(text: str, begin: int, opening: str) -> int:
    """Return where a quoted value ends: at the quote before which are no more backslashes."""
    quote = opening[-1]
    escapes = len(opening[:-1]) - len(opening[:-1].rstrip("\\"))
    at = begin
    while (end := text.find(quote, at)) >= 0:
        first = end
        while first > at and text[first - 1] == "\\":
            first -= 1
        if end - first <= escapes:
            return first
        at = end + 1
    return len(text)


def _without_forms(text: str) -> str:
    """Return a text without what is known as secret by its form."""

    def hidden(found: re.Match[str]) -> str:
        if found[0].startswith("eyJ") and len(found[0]) < _LEAST_TOKEN:
            return found[0]
        return (found[1] or found[2] or "") + REDACTED

    return _FORMS.sub(hidden, text)


def _cut(text: str, *, more: bool) -> str:
    return text[:SHOWN_CHARACTERS] + REDACTED if more or len(text) > SHOWN_CHARACTERS else text


def _dumped(value: Any) -> str:
    try:
        return orjson.dumps(value, default=_other).decode()
    except TypeError:  # half of a surrogate pair
        return json.dumps(value, default=_other)


def _other(value: object) -> str:
    """Return what stands for something that JSON has not, such as the content of an object."""
    return f"({len(value)} bytes)" if isinstance(value, bytes) else f"({type(value).__name__})"
