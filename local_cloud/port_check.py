"""Which of the ports are taken, and by whom."""

from __future__ import annotations

import contextlib
import socket
from dataclasses import asdict

import psutil

from local_cloud.installation import Ports


def taken_ports(ports: Ports) -> list[str]:
    """Return a sentence with the remedy for every port that cannot be opened."""
    return [
        f"port {port} is taken{_by_whom(port)}. Stop that, or choose another: "
        f"{name.upper()}_PORT={port + 1} ./local-cloud up"
        for name, port in asdict(ports).items()
        if not _is_free(port)
    ]


def free_ports() -> Ports:
    """Return four ports that nobody listens on."""
    with contextlib.ExitStack() as stack:
        probes = [stack.enter_context(socket.socket()) for _ in asdict(Ports())]
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return Ports(*(probe.getsockname()[1] for probe in probes))


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
