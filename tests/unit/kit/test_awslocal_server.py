"""What forks for ``awslocal`` lives on, whatever a command, its front or its process does."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from local_cloud.awslocal.front import READY, STARTED
from local_cloud.places import awslocal_log

LIMIT_SECONDS = 20
# Each command waits until its standard input ends, and ends with a status of its own.
CODE = """
import os, socket, sys
from local_cloud.awslocal.server import Server
server = Server(socket.socket(fileno=int(sys.argv[1])))
command = server.serve()
if command is not None:
    os.write(1, b"%d" % os.getpid())
    os.read(0, 1)
    os._exit(7)
"""
# What a front says is found in the moment in which its command has ended, which is found first.
AT_ONCE = CODE.replace(
    "command = ",
    """
import selectors
class Both(selectors.DefaultSelector):
    def select(self, timeout=None):
        ready = super().select(timeout)
        try:
            os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOWAIT)
        except ChildProcessError:
            return ready
        return sorted(super().select(0), key=lambda one: one[0].fileobj is not server._wakened)

server._selector = Both()
command = """,
)


class Fronts:
    """A server in a process of its own, and whoever asks it."""

    def __init__(self, folder: Path, code: str = CODE) -> None:
        self.folder = folder
        self.place = str(folder / "socket")
        log = Path(awslocal_log(str(folder)))
        log.parent.mkdir()
        log.touch()
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as listener:
            listener.bind(self.place)
            listener.listen()
            self.process = subprocess.Popen(
                [sys.executable, "-c", code, str(listener.fileno())],
                stdin=subprocess.PIPE,
                pass_fds=[listener.fileno()],
            )

    def end(self) -> None:
        assert self.process.poll() is None, "it lives"
        self.process.kill()
        self.process.wait()
        assert self.process.stdin is not None
        self.process.stdin.close()

    def front(self) -> socket.socket:
        """Return a front that the server is ready for."""
        front = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        front.settimeout(LIMIT_SECONDS)
        front.connect(self.place)
        assert front.recv(64) == READY
        return front

    def send(self, front: socket.socket, command: bytes, files: int = 5) -> tuple[int, int]:
        """Send a command; return its standard input's end, and the one to read what it says."""
        (stdin, ours), (told, stdout) = os.pipe(), os.pipe()
        folder = os.open(self.folder, os.O_RDONLY)
        log = os.open(awslocal_log(str(self.folder)), os.O_RDONLY)
        sent = [stdin, stdout, 2, folder, log]
        socket.send_fds(front, [command], sent[:files])
        for descriptor in (stdin, stdout, folder, log):
            os.close(descriptor)
        return ours, told


COMMAND = json.dumps(
    {
        "arguments": ["s3", "ls"],
        "environment": {},
        "umask": 0o77,
        "encodings": [["utf-8", "strict"]] * 3,
    }
).encode()


@pytest.fixture
def fronts(tmp_path: Path) -> Iterator[Fronts]:
    made = Fronts(tmp_path)
    yield made
    made.end()


def test_a_front_hears_of_the_end_of_its_command(fronts: Fronts) -> None:
    with fronts.front() as front:
        ours, told = fronts.send(front, COMMAND)
        assert front.recv(64) == STARTED
        os.close(ours)
        assert front.recv(64) == b"7"
        os.close(told)


def test_a_front_that_leaves_ends_its_command_and_nothing_else(fronts: Fronts) -> None:
    with fronts.front() as front:
        ours, told = fronts.send(front, COMMAND)
        assert front.recv(64) == STARTED
        child = psutil.Process(int(os.read(told, 64)))
    child.wait(LIMIT_SECONDS)  # its end of the pipe is still open: it was ended
    os.close(ours)
    os.close(told)
    fronts.front().close()


@pytest.mark.parametrize(
    ("command", "files"),
    [(b"no JSON", 5), (b"[]", 5), (b"{}", 5), (b"12", 5), (COMMAND, 2), (COMMAND, 0)],
)
def test_what_is_no_command_is_left_to_its_front(
    fronts: Fronts, command: bytes, files: int
) -> None:
    with fronts.front() as front:
        for descriptor in fronts.send(front, command, files):
            os.close(descriptor)
        assert front.recv(64) == b"", "neither started nor run"
    fronts.front().close()


def test_a_front_that_speaks_when_its_command_ends_is_told_of_that_alone(tmp_path: Path) -> None:
    fronts = Fronts(tmp_path, AT_ONCE)
    with fronts.front() as front:
        ours, told = fronts.send(front, COMMAND)
        assert front.recv(64) == STARTED
        front.send(b"2")
        os.close(ours)
        assert front.recv(64) == b"7"
        os.close(told)
    fronts.front().close()
    fronts.end()
