"""The folder of a cloud is its user's alone, also one that was made before it was so."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from local_cloud.installation import Home


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_home_is_closed_to_others_whatever_it_was(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    home.path.mkdir(mode=0o755)
    home.make()
    assert mode(home.path) == mode(home.logs) == 0o700


@pytest.mark.parametrize("linked", [False, True])
def test_a_home_of_another_user_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, linked: bool
) -> None:
    home = Home(tmp_path / "home")
    home.path.mkdir(mode=0o755)
    if linked:
        home = Home(tmp_path / "link")
        home.path.symlink_to("home")
    monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1)
    with pytest.raises(PermissionError, match="belongs to another user"):
        home.make()
    assert mode(home.path) == 0o755
    assert not home.logs.exists()


def test_a_log_is_readable_by_nobody_else(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    home.make()
    umask = os.umask(0o022)
    try:
        home.open_log("supervisor").close()
    finally:
        os.umask(umask)
    assert mode(home.log("supervisor")) == 0o600
