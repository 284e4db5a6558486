"""Whose process speaks to ``awslocal``'s server, and what it may read."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from local_cloud.awslocal import peers


def test_a_process_of_the_same_user_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    here, there = socket.socketpair()
    with here, there:
        assert peers.is_own_user(here)
        monkeypatch.setattr(os, "getuid", lambda: os.geteuid() + 1)
        assert peers._PEER_CREDENTIALS is None or not peers.is_own_user(here)


def test_who_has_a_file_open_to_read_may_read_it(tmp_path: Path) -> None:
    for name in ("log", "other"):
        (tmp_path / name).touch()
    log, other = (os.open(tmp_path / name, os.O_RDONLY) for name in ("log", "other"))
    try:
        assert peers.can_read(str(tmp_path / "log"), [log])
        assert not peers.can_read(str(tmp_path / "log"), [other])
        assert not peers.can_read(str(tmp_path / "log"), [])
    finally:
        os.close(log)
        os.close(other)


@pytest.mark.skipif(not hasattr(os, "O_PATH"), reason="Linux's own")
def test_who_can_only_name_a_file_may_not(tmp_path: Path) -> None:
    (tmp_path / "log").touch()
    named = os.open(tmp_path / "log", os.O_PATH)
    try:
        assert not peers.can_read(str(tmp_path / "log"), [named])
    finally:
        os.close(named)
