"""The supervisor's part: the server of ``awslocal`` starts when a command first wants it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import pathlib
import socket
import sys
from collections.abc import Iterator

from local_cloud.installation import Home
from local_cloud.mode import Progress, Report
from local_cloud.parts import end_group, exit_words
from local_cloud.places import awslocal_socket

_LONGEST_QUEUE = 64


async def take_commands(home: Home, report: Report) -> None:
    """Have commands of ``awslocal`` start at once, until this is cancelled."""
    with _listening(awslocal_socket(str(home.path)), report) as listener:
        while listener is not None:
            await _asked(listener)
            with home.open_log("awslocal") as log:
                process = await asyncio.create_subprocess_exec(
                    *(sys.executable, "-m", "local_cloud.awslocal.server", str(listener.fileno())),
                    stdin=asyncio.subprocess.PIPE,
                    stdout=log,
                    stderr=log,
                    pass_fds=[listener.fileno()],
                    start_new_session=True,
                )
            try:
                status = await process.wait()
            finally:
                await end_group(process)
            if status:
                report(Progress("awslocal", f"died ({exit_words(status)})", bad=True))
                _turn_away(listener)


@contextlib.contextmanager
def _listening(path: str, report: Report) -> Iterator[socket.socket | None]:
    with contextlib.ExitStack() as stack:
        try:
            pathlib.Path(path).unlink(missing_ok=True)
            listener = stack.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET))
            listener.bind(path)
        except OSError as error:  # a path may have 107 bytes
            report(Progress("awslocal", f"starts slowly, without {path}: {error}", bad=True))
            yield None
            return
        stack.callback(pathlib.Path(path).unlink, missing_ok=True)
        os.chmod(path, 0o600)
        listener.setblocking(False)
        listener.listen(_LONGEST_QUEUE)
        yield listener


async def _asked(listener: socket.socket) -> None:
    loop = asyncio.get_running_loop()
    asked = asyncio.Event()
    loop.add_reader(listener, asked.set)
    try:
        await asked.wait()
    finally:
        loop.remove_reader(listener)


def _turn_away(listener: socket.socket) -> None:
    """Let go who waits for a server that does not start: they run their commands themselves."""
    with contextlib.suppress(BlockingIOError):
        while True:
            listener.accept()[0].close()
