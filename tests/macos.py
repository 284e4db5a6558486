"""A pytest plugin, and a start for programs, in which Linux's own names are not there.

So it is shown on Linux that what is guarded is guarded: ``pytest -p tests.macos``. Libraries are
those of Linux still, and are loaded before.
"""

from __future__ import annotations

import asyncio
import fcntl
import importlib
import os
import resource
import select
import signal
import socket
import sys
import sysconfig
import tempfile
from types import ModuleType

OURS = ("local_aws", "local_cloud", "websocket_gateway")
#: What macOS lacks: by the documentation of each module ("Availability").
LINUX_ONLY: dict[ModuleType, tuple[str, ...]] = {
    socket: (
        *("MSG_MORE", "MSG_CMSG_CLOEXEC", "MSG_ERRQUEUE", "MSG_NOSIGNAL"),
        *("SOCK_CLOEXEC", "SOCK_NONBLOCK", "SO_PEERCRED", "SO_BUSY_POLL", "SO_INCOMING_CPU"),
        *("SO_BINDTODEVICE", "SO_PASSCRED", "TCP_CORK", "TCP_DEFER_ACCEPT", "TCP_QUICKACK"),
        *("TCP_USER_TIMEOUT", "AF_NETLINK", "AF_PACKET", "AF_VSOCK"),
    ),
    select: ("epoll", *(name for name in dir(select) if name.startswith("EPOLL"))),
    os: (
        *("O_PATH", "O_TMPFILE", "O_DIRECT", "O_NOATIME", "SCHED_BATCH", "SCHED_IDLE"),
        *("copy_file_range", "eventfd", "getrandom", "getresgid", "getresuid", "memfd_create"),
        *("pidfd_open", "pipe2", "posix_fadvise", "posix_fallocate", "sched_getaffinity"),
        *("sched_param", "sched_setaffinity", "sched_setscheduler", "setns", "splice", "unshare"),
    ),
    resource: ("prlimit",),
    signal: ("pidfd_send_signal", "SIGPWR", "SIGSTKFLT", "SIGRTMIN", "SIGRTMAX"),
    fcntl: ("F_SETPIPE_SZ", "F_GETPIPE_SZ", "F_ADD_SEALS", "F_NOTIFY"),
}


class _Socket(socket.socket):
    """A socket of a kind that macOS has."""

    def __init__(
        self, family: int = -1, kind: int = -1, proto: int = -1, fileno: int | None = None
    ) -> None:
        if fileno is None and family == socket.AF_UNIX and kind == socket.SOCK_SEQPACKET:
            raise OSError(43, "Protocol not supported")
        super().__init__(family, kind, proto, fileno)


def _socketpair(
    family: int = socket.AF_UNIX, kind: int = socket.SOCK_STREAM, proto: int = 0
) -> tuple[socket.socket, socket.socket]:
    if kind == socket.SOCK_SEQPACKET:
        raise OSError(43, "Protocol not supported")
    return _pair(family, kind, proto)


_pair = socket.socketpair


def become() -> None:
    """Take Linux's own names away, and what of ours was imported with them."""
    asyncio.run(asyncio.sleep(0))  # what the loop imports late
    sysconfig.get_config_vars()
    for name in [name for name in sys.modules if name.partition(".")[0] in OURS]:
        del sys.modules[name]
    for module, names in LINUX_ONLY.items():
        for name in names:
            if hasattr(module, name):
                delattr(module, name)
    for name, other in (("socket", _Socket), ("socketpair", _socketpair)):
        setattr(socket, name, other)
    # The standard library's own, that was loaded with names that are gone.
    for module, name, value in (
        (os, "process_cpu_count", os.cpu_count),
        (tempfile, "_O_TMPFILE_WORKS", False),
    ):
        setattr(module, name, value)
    sys.platform = "darwin"


def pytest_configure() -> None:
    """Load the libraries of what is tested; then be another system."""
    for name in ("uvloop", "psutil", "websockets.asyncio.server", "httptools", "rolo", "docker"):
        importlib.import_module(name)
    importlib.import_module("local_cloud.lambda_endpoint.server")
    importlib.import_module("websocket_gateway.server")
    become()
