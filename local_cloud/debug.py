"""Which functions of the running cloud a debugger can attach to."""

from __future__ import annotations

from typing import Any

from local_cloud.ask import NoAnswer, ask
from local_cloud.installation import Ports
from local_cloud.lambda_endpoint.debugger import NotDebugged, Wanted


def debuggers(ports: Ports) -> dict[str, dict[str, Any]]:
    """Return the functions that are debugged, each with ``port``, ``wait`` and ``attached``."""
    try:
        return dict(ask(f"{ports.functions_url}/_debug", seconds=5))
    except NoAnswer:
        return {}


def debug(ports: Ports, spec: str, *, wait: bool) -> int:
    """Let a debugger attach to a function; return the port.

    Args:
        spec: ``NAME[:PORT]``.

    Raises:
        NotDebugged: it cannot.
    """
    wanted = Wanted.read(spec)
    try:
        answer = ask(
            f"{ports.functions_url}/_debug/{wanted.name}",
            "PUT",
            {"port": wanted.port, "wait": wait},
            seconds=60,
        )
    except NoAnswer as error:
        raise NotDebugged(str(error)) from error
    return int(answer["port"])
