"""Heads of HTTP/1.1 messages: the one place that writes them, and says what may be in one.

A value from a message, a function or an object may end up in a head. One with a line break would
begin another header, or another request, so it is refused and not mended: whoever sent it learns
of it. What goes out over HTTP/2 is checked by the same rules.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache

#: RFC 9110, section 5.6.2
_TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
#: RFC 9110, section 5.5: all that is no field content
_CONTROLS = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_STATUS = re.compile(r"[1-9]\d\d(?: [^\x00-\x08\x0a-\x1f\x7f]*)?")
#: Headers by which a peer finds the end of a message, or takes a connection for another protocol's.
FRAMING = frozenset({"connection", "content-length", "transfer-encoding", "upgrade"})


class InvalidHead(ValueError):
    """A head would hold what RFC 9110 (5.5) or RFC 9112 (3, 4) does not allow; names the part."""


def check_header(name: str, value: str) -> None:
    """Refuse a header that would be another one, or another message, for who reads it.

    Raises:
        InvalidHead: the name is no token, or the value has a control character (RFC 9110, 5.5).
    """
    if not _is_token(name):
        raise InvalidHead(f"{name[:64]!r} is no name of a header")
    if not value.isprintable() and _CONTROLS.search(value) is not None:
        raise InvalidHead(f"the header {name} has a line break or another control character")


def check_headers(headers: Iterable[tuple[str, str]]) -> None:
    """Refuse headers as :func:`check_header` does."""
    for name, value in headers:
        check_header(name, value)


def check_status(status: str) -> None:
    """Refuse a status that is more than three digits and a reason (RFC 9112, section 4).

    Raises:
        InvalidHead: it is.
    """
    if _STATUS.fullmatch(status) is None:
        raise InvalidHead(f"{status[:64]!r} is no status")


def request_head(
    method: str, target: str, host: str, headers: Iterable[tuple[str, str]], length: int
) -> bytes:
    """Return the head of a request.

    Args:
        host: what ``Host`` tells.
        length: bytes of the body, which ``Content-Length`` tells.

    Raises:
        InvalidHead: a part of it is not allowed, is not Latin-1, or is a header that follows from
            the address, the body or the connection.
    """
    if not _is_token(method):
        raise InvalidHead(f"{method[:64]!r} is no method")
    if not target or " " in target or not (target.isascii() and target.isprintable()):
        raise InvalidHead("the request target has a space, a control character, or is not ASCII")
    lines = [f"{method} {target} HTTP/1.1", f"Host: {host}"]
    for name, value in headers:
        if _is_framing(name) or not value.isprintable():
            _check_sent(name, value)
        lines.append(f"{name}: {value}")
    lines.append(f"Content-Length: {length}")
    try:
        return "\r\n".join([*lines, "\r\n"]).encode("latin-1")
    except UnicodeEncodeError as error:
        raise InvalidHead("a header has characters that are not Latin-1") from error


def response_head(status: str, headers: Iterable[tuple[str, str]]) -> bytes:
    """Return the head of a response; characters beyond Latin-1 are told as question marks.

    Args:
        status: three digits and a reason.

    Raises:
        InvalidHead: a part of it is not allowed.
    """
    check_status(status)
    lines = [f"HTTP/1.1 {status}"]
    for name, value in headers:
        if not (_is_token(name) and value.isprintable()):
            check_header(name, value)
        lines.append(f"{name}: {value}")
    return "\r\n".join([*lines, "\r\n"]).encode("latin-1", "replace")


def _check_sent(name: str, value: str) -> None:
    check_header(name, value)
    if _is_framing(name):
        raise InvalidHead(f"the header {name} is not for a caller to set")


@lru_cache(maxsize=1024)
def _is_framing(name: str) -> bool:
    """Return whether a name is none that a caller may set."""
    return not _is_token(name) or name.lower() in FRAMING or name.lower() == "host"


@lru_cache(maxsize=1024)
def _is_token(text: str) -> bool:
    return _TOKEN.fullmatch(text) is not None
