"""What ``awslocal`` starts: it hands its command to the running cloud, or runs it by itself.

One packet each way: the cloud says :data:`READY`, the front sends the command with its standard
files, its folder and the server's log, the cloud says :data:`STARTED` and, at the end, the exit
status.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import sys
from collections.abc import Sequence
from typing import Any

from local_cloud.places import awslocal_log, awslocal_socket, home_folder

READY, STARTED = b"ready", b"started"
READY_SECONDS = 10.0
#: They want the terminal for themselves: for their questions, a pager, or a session.
INTERACTIVE = {"configure", "execute-command", "help", "login", "ssh", "start-session"}
#: Files that only this process has open, like those of the shell's ``<(…)``.
OWN_FILES = ("/dev/fd/", "/proc/self/", "/dev/tty")


def may_be_handed_over(arguments: Sequence[str]) -> bool:
    """Return whether a command does the same in a process that the cloud forks.

    What goes to another cloud is not to end with this one.
    """
    return (
        bool(arguments)
        and None not in (sys.stdin, sys.stdout, sys.stderr)  # closed by whoever started it
        and not os.environ.get("AWS_ENDPOINT_URL")
        and not INTERACTIVE.intersection(arguments)
        and not any(
            argument.startswith("--endpoint-url") or any(own in argument for own in OWN_FILES)
            for argument in arguments
        )
    )


def hand_over(arguments: Sequence[str]) -> int | None:
    """Have the running cloud run a command; return its exit status, or ``None`` if none can."""
    if not may_be_handed_over(arguments):
        return None
    try:
        there = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    except OSError:
        return None
    with there:
        shown: list[int] = []
        try:
            there.settimeout(READY_SECONDS)
            there.connect(awslocal_socket(home_folder()))
            if there.recv(64) != READY:
                return None
            there.settimeout(None)
            # The log is there, by now; that it is open shows what this process may read.
            shown += (os.open(place, os.O_RDONLY) for place in (".", awslocal_log(home_folder())))
            socket.send_fds(there, [json.dumps(_command(arguments)).encode()], [0, 1, 2, *shown])
            if there.recv(64) != STARTED:
                return None
        except OSError:  # no cloud runs, or the command is longer than a packet
            return None
        finally:
            for descriptor in shown:
                os.close(descriptor)
        return _wait(there)


def _command(arguments: Sequence[str]) -> dict[str, Any]:
    umask = os.umask(0o077)
    os.umask(umask)
    return {
        "arguments": list(arguments),
        "environment": dict(os.environ),
        "umask": umask,
        "encodings": [
            [stream.encoding, stream.errors] for stream in (sys.stdin, sys.stdout, sys.stderr)
        ],
    }


def _wait(there: socket.socket) -> int:
    """Wait for a command's end; Ctrl-C goes to it, and an end of this process ends it."""

    def interrupt(number: int, _: object) -> None:
        with contextlib.suppress(OSError):  # it has ended
            there.send(b"%d" % number)

    if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:  # as a shell's background job has it
        signal.signal(signal.SIGINT, interrupt)
    try:
        said = there.recv(64)
    except OSError:
        said = b""
    if not said:
        print("awslocal: the cloud has ended, and this command with it", file=sys.stderr)
        return 1
    status = int(said)
    if status < 0:  # as if the signal had come here
        with contextlib.suppress(OSError):  # nobody handles SIGKILL
            signal.signal(-status, signal.SIG_DFL)
        os.kill(os.getpid(), -status)
    return status


def main() -> None:
    """Run the AWS CLI. ``AWS_ENDPOINT_URL`` names another cloud than the one that runs here."""
    try:
        status = hand_over(sys.argv[1:])
        if status is None:
            from local_cloud.awslocal.command import run  # what costs the time

            status = run(sys.argv[1:])
    except KeyboardInterrupt:
        status = 130
    sys.exit(status)


if __name__ == "__main__":
    main()
