"""What is told of the memory of a worker."""

from __future__ import annotations

import os
import subprocess
import sys

import psutil

from local_cloud.lambda_endpoint.resident_memory import ResidentMemory


def test_the_most_is_kept() -> None:
    memory = ResidentMemory(os.getpid())
    before = memory.most_megabytes()
    assert 0 < before <= (psutil.Process().memory_info().rss >> 20) + 1
    held = bytearray(os.urandom(1)) * (64 << 20)
    assert memory.most_megabytes() >= before + 60
    del held
    assert memory.most_megabytes() >= before + 60
    memory.close()


def test_a_process_that_has_ended_is_told_as_it_was() -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        memory = ResidentMemory(process.pid)
        before = memory.most_megabytes()
    assert memory.most_megabytes() == before
    memory.close()
    assert memory.most_megabytes() == before
    assert ResidentMemory(process.pid).most_megabytes() == 0
