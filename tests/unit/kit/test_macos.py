"""What is Linux's own is done in another way on macOS, or is not asked for."""

from __future__ import annotations

import os
import pkgutil
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

import local_aws
import local_cloud
import websocket_gateway
from local_cloud.engine.http_port import departures
from local_cloud.engine.http_port.departures import Departures
from local_cloud.installation import PROJECT

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="macOS needs not to be played")
#: Imports every module named in the arguments, twice: as it is here, and as it would be there.
IMPORTS = """
import importlib, os, sys
from tests import macos
sys.path.insert(0, os.getcwd())
for name in sys.argv[1:]:
    importlib.import_module(name)
macos.become()
for name in sys.argv[1:]:
    try:
        importlib.import_module(name)
    except BaseException as error:
        print(name, repr(error))
"""
#: Programs that run when they are imported.
PROGRAMS = ("__main__", "lifeline", "local_runtime")


def modules() -> Iterator[str]:
    for package in (local_aws, local_cloud, websocket_gateway):
        for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if found.name.rpartition(".")[2] not in PROGRAMS:
                yield found.name


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=PROJECT,
        env={**os.environ, "AWS_ENDPOINT_URL": "http://localhost:4566"},
        capture_output=True,
        text=True,
        check=False,
    )


def test_every_module_is_imported_without_linuxs_names() -> None:
    names = sorted(modules())
    assert len(names) > 300
    said = run("-c", IMPORTS, *names)
    assert said.returncode == 0, said.stderr[-3000:]
    assert said.stdout == ""


def test_workers_output_and_their_wire_are_as_on_linux() -> None:
    files = ("wire", "worker_output", "sources", "http_port", "resident_memory", "homes")
    tests = [f"tests/unit/kit/test_{name}.py" for name in files]
    said = run("-m", "pytest", "-q", "-p", "tests.macos", "-p", "no:cacheprovider", *tests)
    assert said.returncode == 0, said.stdout[-3000:]
    assert " passed" in said.stdout


@pytest.mark.parametrize("kind", [departures._Told, departures._Looked])
def test_a_client_that_leaves_is_told_of(
    kind: type[departures._Poll], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    if kind is departures._Looked:
        monkeypatch.delattr("select.epoll")
    left, stayed = threading.Event(), threading.Event()
    watched = Departures()
    here, there = socket.socketpair()
    other, others = socket.socketpair()
    with here, other, others:
        watched.watch(here, left.set)
        watched.watch(other, stayed.set)
        others.sendall(b"the next request")
        there.close()
        assert isinstance(watched._poll, kind)
        assert left.wait(20)
        assert not stayed.is_set()
        watched.forget(other)
