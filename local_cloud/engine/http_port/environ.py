"""What a WSGI application is told of a request, as LocalStack's gateway wants it (PEP 3333).

Names and values are as Twisted and rolo make them, which LocalStack is written for.
"""

from __future__ import annotations

import sys
from typing import IO, Any
from urllib.parse import unquote_to_bytes, urlsplit

#: Name and value of each header, in the order in which they came.
Headers = list[tuple[bytes, bytes]]


def environ_of(
    method: str,
    target: bytes,
    version: str,
    headers: Headers,
    body: IO[bytes],
    client: tuple[Any, ...],
    server: tuple[Any, ...],
) -> dict[str, Any]:
    """Return the environment of a request.

    Args:
        target: as the request line has it, whether a path or a URL.
        client: the address of the other end, that is its host and its port.
        server: that of this end.
    """
    path, _, query = target.partition(b"?")
    if not path.startswith(b"/"):
        path = urlsplit(path).path or b"/"
    uri = target.decode("utf-8", "replace")
    merged = _merged(headers)
    host = _first(merged, b"host").partition(":")[0] or str(server[0])
    environ = {
        "REQUEST_METHOD": method,
        "REMOTE_ADDR": str(client[0]),
        "REMOTE_PORT": str(client[1]),
        "SCRIPT_NAME": "",
        "PATH_INFO": unquote_to_bytes(path).decode("latin-1"),
        "QUERY_STRING": query.decode("latin-1"),
        "CONTENT_TYPE": _first(merged, b"content-type"),
        "CONTENT_LENGTH": _first(merged, b"content-length"),
        "SERVER_NAME": host,
        "SERVER_PORT": str(server[1]),
        "SERVER_PROTOCOL": f"HTTP/{version}",
        "REQUEST_URI": uri,
        "RAW_URI": uri,
        "rolo.headers": [(name, one) for name, values in merged.values() for one in values],
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.run_once": False,
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.errors": sys.stderr,
        "wsgi.input": body,
        "wsgi.input_terminated": True,
    }
    for name, values in merged.values():
        variable = f"HTTP_{name.decode('latin-1').upper().replace('-', '_')}"
        environ[variable] = b",".join(values).decode("latin-1")
    return environ


def _merged(headers: Headers) -> dict[bytes, tuple[bytes, list[bytes]]]:
    """Return each header once, by its name in lower case, with its first spelling: as AWS does."""
    merged: dict[bytes, tuple[bytes, list[bytes]]] = {}
    for name, value in headers:
        found = merged.get(name.lower())
        if found is None:
            merged[name.lower()] = (name, [value])
        else:
            found[1].append(value)
    return merged


def _first(merged: dict[bytes, tuple[bytes, list[bytes]]], name: bytes) -> str:
    found = merged.get(name)
    return found[1][-1].decode("latin-1") if found else ""
