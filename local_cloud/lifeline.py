"""``python -m local_cloud.lifeline MODULE ARGUMENT…``: run a module until its parent is gone.

``--command PROGRAM ARGUMENT…`` instead of a module runs another program.

Standard input is a pipe from the supervisor. When the supervisor dies, however it dies, the pipe
ends, and so does the part: none is left behind.
"""

import contextlib
import os
import runpy
import signal
import subprocess
import sys
import threading
import time

GRACE_SECONDS = 5.0


def _watch(descriptor: int) -> None:
    with contextlib.suppress(OSError):
        while os.read(descriptor, 1024):
            pass
    os.killpg(os.getpgid(0), signal.SIGTERM)
    time.sleep(GRACE_SECONDS)
    os.killpg(os.getpgid(0), signal.SIGKILL)


def _run_command(command: list[str]) -> int:
    # The signal goes to the whole group; this process waits for how the program takes it.
    signal.signal(signal.SIGTERM, lambda *_: None)
    return subprocess.run(command, check=False).returncode


def main() -> None:
    """Watch the pipe, then be the module."""
    descriptor = os.dup(sys.stdin.fileno())
    with open(os.devnull) as null:
        os.dup2(null.fileno(), 0)
    threading.Thread(target=_watch, args=(descriptor,), daemon=True).start()
    if sys.argv[1] == "--command":
        sys.exit(_run_command(sys.argv[2:]))
    os.umask(0o077)  # what a part writes, and each function that it runs, is its user's alone
    module, sys.argv = sys.argv[1], sys.argv[1:]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


main()
