"""``python -m local_cloud.awslocal.server DESCRIPTOR``: forks for each command of ``awslocal``.

The descriptor is a listening socket, standard input a pipe from the supervisor: when that ends,
everything here does. It ends as well when nobody has wanted anything for a while; the supervisor
starts it again for the next command.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import io
import json
import os
import selectors
import signal
import socket
import sys
import time
from typing import Any

import awscli
from botocore.loaders import Loader

from local_aws.account import REGION
from local_aws.listener import PAUSE_SECONDS, SpareFile, is_shortage
from local_cloud.awslocal import peers
from local_cloud.awslocal.command import make_driver, run
from local_cloud.awslocal.front import READY, STARTED
from local_cloud.places import awslocal_log

IDLE_SECONDS = 600.0
INTERRUPT = {signal.SIGINT}
_MOST_BYTES = 1 << 20
#: With a command: its standard files, its folder, and the log of this server.
_DESCRIPTORS = 5
#: What there is in one.
_COMMAND = {"arguments", "encodings", "environment", "umask"}
_STANDARD = ("stdin", "r"), ("stdout", "w"), ("stderr", "w")


class Server:
    """Takes commands, forks for each, and tells how it ended.

    Args:
        listener: where they come.
        idle_seconds: after which it ends.
    """

    def __init__(self, listener: socket.socket, idle_seconds: float = IDLE_SECONDS) -> None:
        self._listener = listener
        self._log = awslocal_log(os.path.dirname(listener.getsockname()))
        self._idle_seconds = idle_seconds
        self._selector = selectors.DefaultSelector()
        self._waker, self._wakened = socket.socketpair()
        self._spare = SpareFile()
        #: Whoever has asked, with the process that runs the command: 0 when it has ended.
        self._fronts: dict[socket.socket, int | None] = {}

    def serve(self) -> dict[str, Any] | None:
        """Fork until nobody asks any more; return in each child what to run."""
        self._waker.setblocking(False)
        self._wakened.setblocking(False)
        self._listener.setblocking(False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(self._waker.fileno())
        for source in (self._listener, self._wakened, sys.stdin):
            self._selector.register(source, selectors.EVENT_READ)
        while ready := self._selector.select(None if self._fronts else self._idle_seconds):
            for key, _ in ready:
                source = key.fileobj
                if source is sys.stdin:
                    self._end_all()
                    return None
                if source is self._listener:
                    self._accept()
                elif source is self._wakened:
                    self._tell_ended()
                elif source in self._fronts and (command := self._hear(source)):
                    return command
        return None

    def _accept(self) -> None:
        try:
            front, _ = self._listener.accept()
        except OSError as error:
            # Else it has gone again.
            if is_shortage(error) and not self._spare.turn_away(self._listener):
                time.sleep(PAUSE_SECONDS)  # whoever gives files back tells nobody
            return
        if not peers.is_own_user(front):
            front.close()
            return
        self._fronts[front] = None
        self._selector.register(front, selectors.EVENT_READ)
        _say(front, READY)

    def _hear(self, front: socket.socket) -> dict[str, Any] | None:
        """Take what a front says; return, in the child, the command to run.

        Whom it does not understand, or for whom no process can be had, runs the command by itself.
        """
        pid = self._fronts[front]
        try:
            data, descriptors, _, _ = socket.recv_fds(front, _MOST_BYTES, _DESCRIPTORS)
        except OSError:
            data, descriptors = b"", []
        if pid is None:
            command = self._command(data, descriptors)
            if command is not None and (pid := self._fork(front, command, descriptors)) == 0:
                return command
            number = 0
        else:
            number = int(data) if data.isdigit() else signal.SIGTERM
        for descriptor in descriptors:
            os.close(descriptor)
        if pid and number:
            with contextlib.suppress(ProcessLookupError):  # the word of its end is on its way
                os.kill(pid, number)
        if pid is None or not data:
            self._forget(front)
        return None

    def _command(self, data: bytes, descriptors: list[int]) -> dict[str, Any] | None:
        """Return the command that a front has sent; ``None`` where it is none, or not to run here.

        One of a user's functions would read here what it cannot by itself.
        """
        if len(descriptors) != _DESCRIPTORS or not peers.can_read(self._log, descriptors[4:]):
            return None
        try:
            command = json.loads(data)
        except ValueError:
            return None
        return command if isinstance(command, dict) and command.keys() >= _COMMAND else None

    def _fork(
        self, front: socket.socket, command: dict[str, Any], descriptors: list[int]
    ) -> int | None:
        """Return the process that is to run a command, in which it is 0; ``None`` without one."""
        # Ctrl-C that comes at once waits until the child can take it.
        signal.pthread_sigmask(signal.SIG_BLOCK, INTERRUPT)
        try:
            pid = os.fork()
        except OSError:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, INTERRUPT)
            return None
        if pid:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, INTERRUPT)
            self._fronts[front] = pid
            _say(front, STARTED)
            return pid
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        # What a child holds open, nobody sees the end of.
        self._selector.close()
        self._spare.close()
        for mine in (self._listener, self._waker, self._wakened, *self._fronts):
            mine.close()
        _become(command, descriptors)
        return 0

    def _tell_ended(self) -> None:
        with contextlib.suppress(BlockingIOError):
            self._wakened.recv(4096)
        with contextlib.suppress(ChildProcessError):  # there is none
            while True:
                pid, status = os.waitpid(-1, os.WNOHANG)
                if not pid:
                    return
                for front in [front for front, child in self._fronts.items() if child == pid]:
                    _say(front, b"%d" % os.waitstatus_to_exitcode(status))
                    # It closes: here that would take back the status of one that speaks just now.
                    self._fronts[front] = 0

    def _forget(self, front: socket.socket) -> None:
        del self._fronts[front]
        self._selector.unregister(front)
        front.close()

    def _end_all(self) -> None:
        for pid in self._fronts.values():
            if pid:
                with contextlib.suppress(ProcessLookupError):  # it has ended
                    os.kill(pid, signal.SIGTERM)


def _say(front: socket.socket, said: bytes) -> None:
    with contextlib.suppress(OSError):  # it is gone, which its end of the socket tells, too
        front.send(said)


def _become(command: dict[str, Any], descriptors: list[int]) -> None:
    """Be what the front would have been."""
    *standard, folder, log = descriptors
    os.close(log)
    for number, descriptor in enumerate(standard):
        os.dup2(descriptor, number)
        os.close(descriptor)
    os.fchdir(folder)
    os.close(folder)
    os.umask(command["umask"])
    os.environ.clear()
    os.environ.update(command["environment"])
    time.tzset()
    importlib.reload(awscli)  # it notes in the environment where its data is
    sys.argv[1:] = command["arguments"]
    for number, ((name, mode), encoding) in enumerate(
        zip(_STANDARD, command["encodings"], strict=True)
    ):
        stream = open(number, mode, encoding=encoding[0], errors=encoding[1], closefd=False)  # noqa: SIM115
        setattr(sys, name, stream)
        setattr(sys, f"__{name}__", stream)


def _warm() -> Loader:
    """Do what most commands do first; return what has read what they read."""
    driver, arguments = make_driver(
        "http://localhost", ["sts", "get-caller-identity", "--generate-cli-skeleton"]
    )
    with contextlib.redirect_stdout(io.StringIO()):
        driver.main(arguments)
    driver.session.create_client("sts", region_name=REGION)
    loader: Loader = driver.session.get_component("data_loader")
    return loader


def _reads_as_here(loader: Loader, path: str | None) -> bool:
    """Return whether a command would find the same descriptions of services.

    Args:
        path: the user's ``AWS_DATA_PATH``.
    """
    return path is None and not os.path.exists(loader.CUSTOMER_DATA_PATH)


def main() -> None:
    """Import what every command does; take commands until nobody asks, or the supervisor goes."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the front is told, and tells
    loader = _warm()
    gc.collect()
    gc.freeze()  # a collection in a child does not touch, and so copy, what is shared
    command = Server(socket.socket(fileno=int(sys.argv[1]))).serve()
    if command is None:
        return
    same = _reads_as_here(loader, command["environment"].get("AWS_DATA_PATH"))
    try:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, INTERRUPT)
        sys.exit(run(command["arguments"], loader if same else None))
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
