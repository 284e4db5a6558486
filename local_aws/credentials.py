"""Credentials by which the engine knows whose call it is, and requests that are signed by them."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

#: What the keys of temporary credentials begin with, as a role's session has them.
TEMPORARY = "ASIA"
#: Names the URL for which a request was signed that was sent on to another.
SIGNED_FOR = "x-signed-for"
_CREDENTIAL = re.compile(rf"\bCredential=({TEMPORARY}\w+)/")


@dataclass(frozen=True)
class SignedRequest:
    """A request that is signed, and what it asks for.

    Args:
        target: path and query, as they were sent.
        headers: by their names in lower case.
        payload: the SHA-256 of its body, in hex.
        action: as policies name it, such as ``execute-api:Invoke``.
        resource: an ARN.
        service: for which it has to be signed.
    """

    method: str
    target: str
    headers: Mapping[str, str]
    payload: str
    action: str
    resource: str
    service: str = "execute-api"


def session_key(headers: Mapping[str, str]) -> str | None:
    """Return the access key id of a role's session with which a request is signed, if it is.

    Args:
        headers: by their names in lower case.
    """
    match = _CREDENTIAL.search(headers.get("authorization") or "")
    return match[1] if match else None


@cache
def key_of(function: str) -> str:
    """Return the access key id of a function's role's session: the same at each start."""
    digest = hashlib.sha256(f"function {function}".encode()).digest()
    return TEMPORARY + base64.b32encode(digest).decode()[:16]
