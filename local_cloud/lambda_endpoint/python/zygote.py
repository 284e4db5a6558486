"""Forks workers that have what every function imports imported already.

Most of a cold start is the import of ``boto3``, the same for each function; and what is imported
before a fork the workers share in memory. A worker gets its own environment, folder, output and
path before anything of the function is run. This file is run by the function's interpreter, and
knows nothing of the kit.

The endpoint sends ``{"environment", "folder", "arguments"}`` with two descriptors, the output and
the wire, and with a third where the worker runs under Landlock's rules; it is told ``{"modules"}``
once, ``{"started"}``, a process id, for each of these in turn, and ``{"ended", "status"}``.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import importlib
import json
import os
import select
import signal
import socket
import sys
import time
from typing import Any

#: What no setting of a function's can change while it is imported; so nothing of ``awslambdaric``.
_SHARED = (
    *("asyncio", "concurrent.futures.thread", "http.client", "logging.config", "urllib.request"),
    *("simplejson", "boto3.dynamodb.conditions", "boto3.dynamodb.types", "boto3.s3.transfer"),
    *("botocore.httpchecksum", "botocore.retries.standard", "botocore.tokens"),
)
_MOST_BYTES = 1 << 20
#: Of prctl(2), and the number of landlock_restrict_self(2).
_NO_NEW_PRIVILEGES, _NEVER_AGAIN, _RESTRICT_SELF = 38, 24, 446


def serve(control: socket.socket) -> None:
    """Fork when told to, until the endpoint is gone; return in each worker, ready to begin."""
    own_path = [folder for folder in sys.path[1:] if folder not in _python_path()]
    for name in _SHARED:
        with contextlib.suppress(ImportError):
            importlib.import_module(name)
    gc.collect()
    gc.freeze()  # a collection in a worker does not touch, and so copy, what is shared
    _say(control, {"modules": sorted({name.partition(".")[0] for name in sys.modules})})
    waker, wakened = socket.socketpair()
    waker.setblocking(False)
    wakened.setblocking(False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    interrupt = signal.signal(signal.SIGINT, signal.SIG_IGN)  # the endpoint is told, and goes
    signal.set_wakeup_fd(waker.fileno())
    while True:
        ready, _, _ = select.select([control, wakened], [], [])
        if wakened in ready:
            wakened.recv(4096)
            _tell_ended(control)
        if control not in ready:
            continue
        data, descriptors, _, _ = socket.recv_fds(control, _MOST_BYTES, 3)
        if not data:
            os._exit(0)
        pid = os.fork()
        if pid:
            for descriptor in descriptors:
                os.close(descriptor)
            _say(control, {"started": pid})
            continue
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        signal.signal(signal.SIGINT, interrupt)
        for mine in (control, waker, wakened):
            mine.close()
        output, wire, *rules = descriptors
        _become(json.loads(data), output, wire, own_path)
        for ruleset in rules:
            _restrict(ruleset)
        return


def _become(worker: dict[str, Any], output: int, wire: int, own_path: list[str]) -> None:
    os.dup2(output, 1)
    os.dup2(output, 2)
    os.close(output)
    os.chdir(worker["folder"])
    os.environ.clear()
    os.environ.update(worker["environment"], LOCAL_CLOUD_WIRE=str(wire))
    time.tzset()
    sys.argv[:] = worker["arguments"]
    sys.path[:] = [sys.path[0], *_python_path(), *own_path]


def _restrict(ruleset: int) -> None:
    """Run under Landlock's rules from now on; see ``confinement.py`` of the endpoint.

    Raises:
        OSError: the kernel does not take them; the worker ends.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    # Root may read other processes' environment in spite of Landlock: CAP_SYS_ADMIN, CAP_PERFMON.
    head = (ctypes.c_uint32 * 2)(0x20080522, 0)  # capset(2), of this process
    held = (ctypes.c_uint32 * 6)()  # effective, permitted, inheritable; each again for 32 to 63
    libc.capget(head, held)
    for low, high in ((0, 3), (1, 4), (2, 5)):
        held[low] &= ~(1 << 21)
        held[high] &= ~(1 << 38 - 32)
    for capability in (21, 38):
        libc.prctl(_NEVER_AGAIN, capability, 0, 0, 0)  # refused to who has none anyway
    libc.capset(head, held)
    if libc.prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0) or libc.syscall(_RESTRICT_SELF, ruleset, 0):
        raise OSError(ctypes.get_errno(), "the rules that functions run under are not taken")
    os.close(ruleset)


def _python_path() -> list[str]:
    return [folder for folder in os.environ.get("PYTHONPATH", "").split(os.pathsep) if folder]


def _tell_ended(control: socket.socket) -> None:
    with contextlib.suppress(ChildProcessError):  # there is none
        while True:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if not pid:
                return
            _say(control, {"ended": pid, "status": os.waitstatus_to_exitcode(status)})


def _say(control: socket.socket, said: dict[str, Any]) -> None:
    try:
        control.send(json.dumps(said).encode())
    except OSError:
        os._exit(0)  # the endpoint is gone
