"""Which of the ports are taken, and by whom."""

from __future__ import annotations

import contextlib
import random
import socket
from dataclasses import asdict

import psutil

from local_cloud.installation import Ports

# Below what Linux (32768) and macOS (49152) give to connections.
_NEVER_GIVEN = range(20_000, 32_000)


def taken_ports(ports: Ports) -> list[str]:
    """Return a sentence with the remedy for every port that cannot be opened."""
    return [
        f"port {port} is taken{_by_whom(port)}. Stop that, or choose another: "
        f"{name.upper()}_PORT={port + 1} ./local-cloud up"
        for name, port in asdict(ports).items()
        if not _is_free(port)
    ]


def free_ports() -> Ports:
    """Return four ports that nobody listens on.

    Not among those that a system gives to connections that it opens, which may take one before a
    part does.
    """
    found: list[int] = []
    for port in random.sample(_NEVER_GIVEN, len(_NEVER_GIVEN)):
        if _is_free(port):
            found.append(port)
        if len(found) == len(asdict(Ports())):
            return Ports(*found)
    raise OSError(f"no free ports from {_NEVER_GIVEN[0]} to {_NEVER_GIVEN[-1]}")


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def _by_whom(port: int) -> str:
    with contextlib.suppress(psutil.Error, OSError):
        for connection in psutil.net_connections("tcp"):
            address = connection.laddr
            if connection.status != psutil.CONN_LISTEN or not address or address.port != port:
                continue
            if connection.pid is not None:
                return f" by {psutil.Process(connection.pid).name()} (process {connection.pid})"
    return ""
