"""What may be shown of a payload: its beginning, without passwords, secrets and tokens."""

from __future__ import annotations

import re
from typing import Any

import orjson

#: Of a payload, what is kept.
SHOWN_CHARACTERS = 2048
#: What is longer is not parsed: only its beginning is looked at, as text.
_PARSED_BYTES = 128 * 1024
REDACTED = "…"

#: How the names of what nobody is shown end, in small letters and without - and _.
_NAMES = (
    "password",
    "passwd",
    "secret",
    "secretstring",
    "secretbinary",
    "secretaccesskey",
    "token",
    "tokens",
    "apikey",
    "authorization",
    "credential",
    "credentials",
)
#: One of these is in a text that has anything to hide.
_SIGNS = ("passw", "secret", "token", "apikey", "api_key", "api-key", "authoriz", "credent", "eyj")
_WORDS = r"(?:password|passwd|secret\w*|token|api[_-]?key|authorization|credentials?)"
_IN_TEXT = re.compile(
    r"eyJ[\w-]{8,}\.[\w-]+(?:\.[\w-]*)*"  # a JSON Web Token
    rf"|({_WORDS}=)[^&\s\"\\]+"
    rf"|({_WORDS}[\\\"']{{1,4}}\s*:\s*[\\\"']{{1,4}})(?:\\.|[^\"\\])*",
    re.IGNORECASE,
)


def shown(payload: str | bytes | dict[str, Any]) -> str:
    """Return the beginning of a payload, without secrets and tokens."""
    if isinstance(payload, dict):
        return _cut(orjson.dumps(without_secrets(payload), default=_other).decode())
    text = payload.decode(errors="replace") if isinstance(payload, bytes) else payload
    if _is_harmless(text):
        return _cut(text)
    if len(text) <= _PARSED_BYTES and text[:1] in ("{", "["):
        try:
            return _cut(orjson.dumps(without_secrets(orjson.loads(text))).decode())
        except ValueError:
            pass  # it only looks like JSON
    return _cut(_redacted(text[: 2 * SHOWN_CHARACTERS]), len(text))


def _is_harmless(text: str) -> bool:
    small = text.lower()
    return not any(sign in small for sign in _SIGNS)


def without_secrets(value: Any) -> Any:
    """Return JSON without passwords, secrets and tokens, in texts that are JSON, too."""
    if isinstance(value, dict):
        return {
            str(name): REDACTED if _hides(str(name), inner) else without_secrets(inner)
            for name, inner in value.items()
        }
    if isinstance(value, list | tuple):
        return [without_secrets(inner) for inner in value]
    if isinstance(value, str) and not _is_harmless(value):
        if value[:1] in ("{", "["):
            try:
                return orjson.dumps(without_secrets(orjson.loads(value))).decode()
            except ValueError:
                pass
        return _redacted(value)
    return value


def _hides(name: str, value: Any) -> bool:
    plain = name.lower().replace("_", "").replace("-", "")
    return plain.endswith(_NAMES) and isinstance(value, str | bytes)


def _redacted(text: str) -> str:
    return _IN_TEXT.sub(lambda match: (match[1] or match[2] or "") + REDACTED, text)


def _cut(text: str, length: int | None = None) -> str:
    whole = (length if length is not None else len(text)) <= SHOWN_CHARACTERS
    return text if whole else text[:SHOWN_CHARACTERS] + REDACTED


def _other(value: object) -> str:
    """Return what stands for something that JSON has not, such as the content of an object."""
    return f"({len(value)} bytes)" if isinstance(value, bytes) else f"({type(value).__name__})"
