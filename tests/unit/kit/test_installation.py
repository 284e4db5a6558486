"""Ports and state: where a cloud listens, and whether it still runs."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from local_cloud.installation import Home, Ports, State, aws_environment


def test_each_port_can_be_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ENGINE_PORT", "5000")
    monkeypatch.setenv("GATEWAY_PORT", "5001")
    for name in ("CONSOLE_PORT", "FUNCTIONS_PORT"):
        monkeypatch.delenv(name, raising=False)
    ports = Ports.from_environment()
    assert (ports.engine, ports.gateway) == (5000, 5001)


@pytest.mark.parametrize("value", ["", "x", "-1", "0", "65536", "8083"])
def test_a_port_that_cannot_be_is_refused(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.delenv("CONSOLE_PORT", raising=False)
    monkeypatch.setenv("ENGINE_PORT", value)
    with pytest.raises(ValueError, match=value or "ENGINE_PORT"):
        Ports.from_environment()


def test_a_running_cloud_is_found_and_a_dead_one_is_not(tmp_path: Path) -> None:
    home = Home(tmp_path)
    assert State.read(home) is None
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    State(process.pid, time.time(), Ports()).write(home)
    assert State.read(home) is not None
    process.kill()
    process.wait()
    assert State.read(home) is None


def test_a_later_process_with_the_same_number_is_not_taken_for_the_cloud(tmp_path: Path) -> None:
    State(os.getpid(), 1_000_000.0, Ports()).write(Home(tmp_path))
    assert State.read(Home(tmp_path)) is None


def test_a_damaged_state_file_is_no_running_cloud(tmp_path: Path) -> None:
    Home(tmp_path).state_file.write_text('{"pid": "x"')
    assert State.read(Home(tmp_path)) is None


def test_the_users_own_credentials_never_reach_the_local_cloud(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AWS_PROFILE", "production")
    monkeypatch.setenv("AWS_SESSION_TOKEN", "real")
    environment = aws_environment(Ports())
    assert "AWS_PROFILE" not in environment
    assert "AWS_SESSION_TOKEN" not in environment
    assert environment["AWS_ENDPOINT_URL"] == "http://localhost:4566"
