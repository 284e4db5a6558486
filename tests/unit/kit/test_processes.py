from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator

import psutil
import pytest

from local_cloud.memory import resident_bytes, resident_mb
from local_cloud.processes import children, command_line, family, found, is_alive, send, wait_gone

WAITS = "import sys; print(flush=True); sys.stdin.read()"
STARTS_ONE = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {WAITS!r}])"


@pytest.fixture
def program() -> Iterator[subprocess.Popen[bytes]]:
    """A process that has one below it; both end when their input does."""
    with subprocess.Popen(
        [sys.executable, "-c", STARTS_ONE], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as started:
        assert started.stdout is not None
        started.stdout.readline()
        yield started


def test_a_process_is_found_with_all_below_it(program: subprocess.Popen[bytes]) -> None:
    (process,) = found(program.pid)
    (below,) = children(program.pid)
    assert family(program.pid) == [process, below]
    assert command_line(below)[1:] == ["-c", WAITS]
    assert is_alive(process)
    assert 0 < resident_bytes(process) / 2**20 < resident_mb(program.pid)
    assert wait_gone([process], 0.05) == [process]


def test_a_process_may_end_between_its_being_found_and_looked_at(
    program: subprocess.Popen[bytes],
) -> None:
    processes = family(program.pid)
    send(processes, signal.SIGKILL)
    assert wait_gone(processes, 10) == [], "one that nobody has waited for has ended, too"
    program.wait()
    send(processes, signal.SIGTERM)
    for process in processes:
        assert not is_alive(process)
        assert command_line(process) == []
        assert resident_bytes(process) == 0
    assert found(program.pid) == children(program.pid) == family(program.pid) == []
    assert resident_mb(program.pid) == 0


@pytest.mark.parametrize("method", ["is_running", "status"])
def test_a_process_may_end_while_it_is_looked_at(
    program: subprocess.Popen[bytes], monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    def ended(process: psutil.Process) -> None:
        raise psutil.NoSuchProcess(process.pid)

    monkeypatch.setattr(psutil.Process, method, ended)
    assert wait_gone(found(program.pid), 10) == []
