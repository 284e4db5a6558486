"""The doors of running processes: sockets that others may send to, and files that they may open.

https://www.kernel.org/doc/html/latest/filesystems/proc.html
"""

from __future__ import annotations

import contextlib
import os
import socket
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil

#: Of ``/proc/net/unix``: the socket takes connections (``SO_ACCEPTCON``).
_LISTENS = 0x10000
_OTHERS = stat.S_IRWXG | stat.S_IRWXO


@dataclass(frozen=True)
class Door:
    """A socket that somebody outside its process may send to.

    Args:
        kind: ``tcp``, ``udp`` or ``unix``.
        address: an IP address, or a path; an abstract name begins with ``@``.
        port: 0 of a ``unix`` one.
        pid: of one of the processes that have it open.
        command: that process's command line.
    """

    kind: str
    address: str
    port: int
    pid: int
    command: str


def doors_of(processes: Iterable[psutil.Process]) -> set[Door]:
    """Return every socket of these processes that others may send to."""
    found: dict[tuple[str, str, int], Door] = {}
    unix = _unix_doors()
    for process in processes:
        with contextlib.suppress(psutil.Error, OSError):
            command = " ".join(process.cmdline())
            for one in process.net_connections("inet"):
                tcp = one.type == socket.SOCK_STREAM
                if (tcp and one.status != psutil.CONN_LISTEN) or (not tcp and one.raddr):
                    continue
                kind, (address, port) = "tcp" if tcp else "udp", one.laddr or ("unbound", 0)
                found[kind, address, port] = Door(kind, address, port, process.pid, command)
            for inode in _socket_inodes(process.pid):
                if (name := unix.get(inode)) is not None:
                    found["unix", name, 0] = Door("unix", name, 0, process.pid, command)
    return set(found.values())


def _socket_inodes(pid: int) -> Iterator[int]:
    for descriptor in os.scandir(f"/proc/{pid}/fd"):
        with contextlib.suppress(OSError):
            target = os.readlink(descriptor.path)
            if target.startswith("socket:["):
                yield int(target[len("socket:[") : -1])


def _unix_doors() -> dict[int, str]:
    """Return the names of Unix sockets that listen, or take datagrams, by inode."""
    found = {}
    for line in Path("/proc/net/unix").read_text().splitlines()[1:]:
        _, _, _, flags, kind, _, inode, *path = line.split(None, 7)
        datagrams = int(kind, 16) == socket.SOCK_DGRAM
        if path and (int(flags, 16) & _LISTENS or datagrams):
            found[int(inode)] = path[0]
    return found


def written_files(processes: Iterable[psutil.Process]) -> set[Path]:
    """Return the files that these processes have open to write, those without a name included."""
    found = set()
    for process in processes:
        for descriptor in os.listdir(f"/proc/{process.pid}/fd"):
            with contextlib.suppress(OSError):
                place = os.readlink(f"/proc/{process.pid}/fd/{descriptor}")
                about = Path(f"/proc/{process.pid}/fdinfo/{descriptor}").read_text()
                flags = int(next(line for line in about.splitlines() if "flags" in line)[7:], 8)
                if place.startswith("/") and flags & (os.O_WRONLY | os.O_RDWR):
                    found.add(Path(place.removesuffix(" (deleted)")))
    return {path for path in found if path.parts[1] not in ("dev", "memfd:")}


def open_to_others(place: Path) -> Iterator[Path]:
    """Yield what below a folder, itself included, has a mode that lets another user use it."""
    for path in (place, *place.rglob("*")):
        with contextlib.suppress(FileNotFoundError):
            status = path.lstat()
            if not stat.S_ISLNK(status.st_mode) and status.st_mode & _OTHERS:
                yield path
