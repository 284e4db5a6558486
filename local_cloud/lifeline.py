"""``python -m local_cloud.lifeline MODULE ARGUMENT…``: run a module until its parent is gone.

Standard input is a pipe from the supervisor. When the supervisor dies, however it dies, the pipe
ends, and so does the part: none is left behind.
"""

import contextlib
import os
import runpy
import signal
import sys
import threading
import time

GRACE_SECONDS = 5.0


def _watch(descriptor: int) -> None:
    with contextlib.suppress(OSError):
        while os.read(descriptor, 1024):
            pass
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(GRACE_SECONDS)
    os.killpg(os.getpgid(0), signal.SIGKILL)


def main() -> None:
    """Watch the pipe, then be the module."""
    descriptor = os.dup(sys.stdin.fileno())
    with open(os.devnull) as null:
        os.dup2(null.fileno(), 0)
    threading.Thread(target=_watch, args=(descriptor,), daemon=True).start()
    module, sys.argv = sys.argv[1], sys.argv[1:]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


main()
