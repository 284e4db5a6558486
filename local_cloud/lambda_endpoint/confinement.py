"""Keeps functions from the files of the cloud that runs them: its key, its data, its traces.

Workers run as the user does, so file modes do not keep them out; Landlock does. A process that it
restricts opens only what a rule allows, its children as well, and looks into no process outside
(``/proc/PID/mem``, ``environ``, ptrace). It knows no rule that forbids. So each folder and file is
allowed that lies beside the cloud's folder or one above it. What somebody makes right there, a
worker that was started before does not see; what lies deeper, it does.

https://docs.kernel.org/userspace-api/landlock.html
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import errno
import functools
import os
import stat
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from local_aws.background import start_thread
from local_cloud.lambda_endpoint.zygote import ForkedProcess

#: System calls, of the same number on every architecture.
_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_ASK_VERSION, _PATH_BENEATH = 1, 1
_NO_NEW_PRIVILEGES = 38  # of prctl(2), without which Landlock restricts root alone
#: PR_CAPBSET_DROP of capabilities(7) by which root may read other processes' environment in spite
#: of Landlock: CAP_SYS_ADMIN, CAP_PERFMON.
_NEVER_AGAIN, _SEES_ALL = 24, (21, 38)
#: With the second version a process may still move files from one folder to another.
_OLDEST_VERSION, _WITH_TRUNCATE = 2, 3
_WRITE, _READ, _TRUNCATE = 1 << 1, 1 << 2, 1 << 14
#: To remove (two kinds), to make (seven kinds), to link and move. Folders may be listed anywhere.
_CHANGE_FOLDER = sum(1 << bit for bit in range(4, 14))


class _Beneath(ctypes.Structure):
    _pack_ = 1
    _fields_ = (("allowed", ctypes.c_uint64), ("parent", ctypes.c_int32))


@functools.cache
def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def _call(number: int, *arguments: object) -> int:
    result: int = _libc().syscall(number, *arguments)
    if result < 0:
        error = ctypes.get_errno()
        raise OSError(error, f"Landlock: {os.strerror(error)}")
    return result


@functools.cache
def version() -> int:
    """Return the version of Landlock that the kernel has, 0 where it has none or has it off."""
    if sys.platform != "linux":
        return 0
    try:
        return _call(_CREATE_RULESET, None, 0, _ASK_VERSION)
    except OSError:
        return 0


def why_not(home: Path) -> str | None:
    """Return why functions can read what a cloud keeps in ``home``; ``None`` where they cannot."""
    if version() < _OLDEST_VERSION:
        system = "this kernel has no Landlock, or it is off" if sys.platform == "linux" else "macOS"
        return f"functions can read {home}: that they cannot takes Linux 5.19 ({system})"
    for folder in (Path(tempfile.gettempdir()), Path("/tmp"), Path("/var/tmp")):  # noqa: S108
        if home.is_relative_to(folder.resolve()):
            return (
                f"functions can read {home}: it lies below {folder}, which is theirs. "
                "Name another folder in LOCAL_CLOUD_HOME"
            )
    return None


class Confinement:
    """The rules under which functions run, and what installs their packages.

    Args:
        home: the cloud's folder, which they cannot open anything in.
        readable: folders in it that they may read.
        writable: folders in it that they may change.
    """

    def __init__(
        self, home: Path, readable: Sequence[Path] = (), writable: Sequence[Path] = ()
    ) -> None:
        self.home = home.resolve()
        self.readable = readable
        self.writable = writable
        self._ruleset = -1
        self._made_of: object = None

    def ruleset(self) -> int:
        """Return a descriptor of the rules for the files that there are now.

        Raises:
            OSError: the kernel takes no rules.
        """
        made_of = self._look()
        if made_of != self._made_of:
            self.close()
            self._ruleset, self._made_of = self._make(), made_of
        return self._ruleset

    def _look(self) -> object:
        """Return what changes when other rules are needed."""
        places = (*self.home.parents, *self.readable, *self.writable)
        found = []
        for place in places:
            with contextlib.suppress(OSError):
                status = place.stat()
                changed = status.st_mtime_ns if place in self.home.parents else 0
                found.append((place, status.st_ino, changed))
        return found

    def _make(self) -> int:
        everything = _READ | _WRITE | _CHANGE_FOLDER
        if version() >= _WITH_TRUNCATE:
            everything |= _TRUNCATE
        handled = ctypes.c_uint64(everything)
        ruleset = _call(_CREATE_RULESET, ctypes.byref(handled), ctypes.sizeof(handled), 0)
        try:
            inside = self.home
            for folder in self.home.parents:
                with contextlib.suppress(FileNotFoundError, PermissionError):  # nor can functions
                    for entry in os.scandir(folder):
                        if entry.name != inside.name:
                            _allow(ruleset, entry.path, everything)
                inside = folder
            for place in self.readable:
                _allow(ruleset, str(place), _READ)
            for place in self.writable:
                _allow(ruleset, str(place), everything)
        except BaseException:
            os.close(ruleset)
            raise
        return ruleset

    def close(self) -> None:
        """Let go of the rules; who runs under them goes on doing so."""
        if self._ruleset >= 0:
            os.close(self._ruleset)
        self._ruleset, self._made_of = -1, None

    async def start(
        self,
        command: Sequence[str],
        folder: Path | None,
        environment: Mapping[str, str] | None,
        output: int,
        descriptors: Sequence[int] = (),
    ) -> ForkedProcess:
        """Start a program under the rules.

        Args:
            output: takes what it writes to its standard output and error.
            descriptors: that it keeps.

        Raises:
            OSError: it cannot be started, or the kernel takes no rules.
        """
        ruleset = self.ruleset()
        loop = asyncio.get_running_loop()
        started: asyncio.Future[subprocess.Popen[bytes]] = loop.create_future()

        def settle(process: subprocess.Popen[bytes] | OSError) -> None:
            if started.done():  # nobody waits for it any more
                if isinstance(process, subprocess.Popen):
                    process.kill()
                    process.wait()
            elif isinstance(process, OSError):
                started.set_exception(process)
            else:
                started.set_result(process)

        def start() -> None:
            made: subprocess.Popen[bytes] | OSError
            try:
                restrict(ruleset)  # this thread alone, which ends, and what it starts
                made = subprocess.Popen(
                    command,
                    cwd=folder,
                    env=environment,
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=output,
                    pass_fds=descriptors,
                )
            except OSError as error:
                made = error
            except Exception as error:  # noqa: BLE001 - told to who waits
                made = OSError(errno.EINVAL, f"{command[0]} does not start: {error!r}")
            loop.call_soon_threadsafe(settle, made)

        try:
            start_thread(start, "the start of a confined process")
        except RuntimeError as error:  # there are as many as there may be
            raise OSError(errno.EAGAIN, str(error)) from error
        return _followed(await started)


def restrict(ruleset: int) -> None:
    """Put this thread, and what it starts from now on, under rules.

    Raises:
        OSError: the kernel does not.
    """
    if _libc().prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0):
        raise OSError(ctypes.get_errno(), "no_new_privs cannot be set")
    for capability in _SEES_ALL:
        _libc().prctl(_NEVER_AGAIN, capability, 0, 0, 0)  # refused to who has none anyway
    _call(_RESTRICT_SELF, ruleset, 0)


def _allow(ruleset: int, path: str, rights: int) -> None:
    """Allow what is at a path, and below; a link stands for nothing, what it names for itself."""
    try:
        opened = os.open(path, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:  # it has gone, or is nobody's to open
        return
    try:
        mode = os.fstat(opened).st_mode
        if stat.S_ISLNK(mode):
            return
        if not stat.S_ISDIR(mode):
            rights &= _READ | _WRITE | _TRUNCATE
        rule = _Beneath(rights, opened)
        _call(_ADD_RULE, ruleset, _PATH_BENEATH, ctypes.byref(rule), 0)
    finally:
        os.close(opened)


def _followed(process: subprocess.Popen[bytes]) -> ForkedProcess:
    """Return a process that is told of its end by the loop."""
    worker = ForkedProcess(process.pid)
    loop = asyncio.get_running_loop()
    descriptor = os.pidfd_open(process.pid)

    def ended() -> None:
        loop.remove_reader(descriptor)
        os.close(descriptor)
        worker.end(process.wait())

    loop.add_reader(descriptor, ended)
    return worker
