"""Which functions of the running cloud a debugger can attach to."""

from __future__ import annotations

from typing import Any

import httpx

from local_cloud.installation import Ports
from local_cloud.lambda_endpoint.debugger import NotDebugged, Wanted


def debuggers(ports: Ports) -> dict[str, dict[str, Any]]:
    """Return the functions that are debugged, each with ``port``, ``wait`` and ``attached``."""
    try:
        answer = httpx.get(f"{ports.functions_url}/_debug", timeout=5, trust_env=False)
        found = answer.json() if answer.status_code == 200 else {}
    except (httpx.HTTPError, ValueError):
        return {}
    return dict(found)


def debug(ports: Ports, spec: str, *, wait: bool) -> int:
    """Let a debugger attach to a function; return the port.

    Args:
        spec: ``NAME[:PORT]``.

    Raises:
        NotDebugged: it cannot.
    """
    wanted = Wanted.read(spec)
    try:
        answer = httpx.put(
            f"{ports.functions_url}/_debug/{wanted.name}",
            json={"port": wanted.port, "wait": wait},
            timeout=60,
            trust_env=False,
        )
    except httpx.HTTPError as error:
        raise NotDebugged(f"{ports.functions_url} does not answer: {error}") from error
    if answer.status_code != 200:
        raise NotDebugged(answer.json().get("message", answer.text))
    return int(answer.json()["port"])
