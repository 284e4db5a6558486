"""Functions open nothing in a cloud's folder, and everything else that they could before."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

import pytest

from local_cloud.lambda_endpoint import confinement
from local_cloud.lambda_endpoint.confinement import Confinement, why_not

landlocked = pytest.mark.skipif(
    confinement.version() < 2, reason="this kernel has no Landlock of Linux 5.19"
)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A cloud's folder with a key, a package and a link beside it that leads back."""
    home = tmp_path / "project" / "home"
    for name in ("key", "packages/code", "../beside/file", "../../far"):
        file = home / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("text")
    (home.parent / "link").symlink_to(home)
    (home.parent.parent / "up").symlink_to(home.parent)
    return home


def run(rules: Confinement, code: str, *arguments: object) -> str:
    """Return what a Python program prints that runs under the rules."""

    async def start() -> str:
        read_end, write_end = os.pipe()
        command = [sys.executable, "-I", "-c", code, *map(str, arguments)]
        process = await rules.start(command, None, None, write_end)
        os.close(write_end)
        assert await process.wait() == 0
        with open(read_end) as said:
            return said.read().strip()

    return asyncio.run(asyncio.wait_for(start(), 60))


OPEN = """
import sys
for path in sys.argv[2:]:
    try:
        open(path, sys.argv[1]).close()
    except PermissionError:
        print("no", end=" ")
    else:
        print("yes", end=" ")
"""


@landlocked
@pytest.mark.parametrize("mode", ["r", "w", "a", "x"])
def test_nothing_in_the_folder_is_opened_by_whatever_name(home: Path, mode: str) -> None:
    rules = Confinement(home, [home / "packages"])
    name = "new" if mode == "x" else "key"
    places = [home / name, home.parent / "link" / name, home.parents[1] / "up" / "home" / name]
    assert run(rules, OPEN, mode, *places) == "no no no"


@landlocked
def test_what_is_beside_is_used_as_before(home: Path) -> None:
    rules = Confinement(home, [home / "packages"])
    places = [home.parent / "beside" / "file", home.parents[1] / "far"]
    assert run(rules, OPEN, "a", *places) == "yes yes"
    assert run(rules, OPEN, "x", home.parent / "beside" / "new") == "yes"


@landlocked
def test_what_is_readable_is_not_changed_and_what_is_writable_is(home: Path) -> None:
    place = home / "packages" / "code"
    assert run(Confinement(home, [home / "packages"]), OPEN, "r", place) == "yes"
    assert run(Confinement(home, [home / "packages"]), OPEN, "a", place) == "no"
    assert run(Confinement(home, (), [home / "packages"]), OPEN, "a", place) == "yes"


@landlocked
def test_no_other_folder_takes_the_place_of_the_clouds(home: Path) -> None:
    code = """
import os, sys
home, beside = sys.argv[1:]
for step in (
    lambda: os.rename(home, home + "-away"),
    lambda: os.symlink(beside, home + "-link"),
    lambda: os.rename(beside + "/file", home + "/key"),
    lambda: os.link(home + "/key", beside + "/key"),
    lambda: os.remove(home + "/key"),
):
    try:
        step()
    except OSError:
        print("no", end=" ")
    else:
        print("yes", end=" ")
"""
    assert run(Confinement(home), code, home, home.parent / "beside") == "no no no no no"


@landlocked
def test_what_was_made_since_is_seen_by_who_starts_then(home: Path) -> None:
    rules = Confinement(home)
    rules.ruleset()
    (home.parent / "later").write_text("text")
    assert run(rules, OPEN, "r", home.parent / "later", home / "key") == "yes no"


@landlocked
def test_no_process_outside_is_looked_into(home: Path) -> None:
    pid = os.getpid()
    places = [f"/proc/{pid}/mem", f"/proc/{pid}/environ", f"/proc/{pid}/maps"]
    assert run(Confinement(home), OPEN, "r", *places, "/proc/self/environ") == "no no no yes"


@landlocked
def test_this_process_goes_on_as_before(home: Path) -> None:
    run(Confinement(home), "pass")
    assert (home / "key").read_text() == "text"


@landlocked
def test_who_starts_nothing_is_told_why(home: Path) -> None:
    rules = Confinement(home)

    async def start() -> None:
        await rules.start(["/no/such/program"], None, None, 1)

    with pytest.raises(FileNotFoundError):
        asyncio.run(start())


def test_below_a_folder_for_temporary_files_functions_can_read(tmp_path: Path) -> None:
    words = why_not(tmp_path.resolve())
    assert words is not None
    assert "LOCAL_CLOUD_HOME" in words or "Linux 5.19" in words


@landlocked
def test_where_a_users_files_are_they_cannot() -> None:
    assert why_not(Path.home() / "project" / ".local-cloud") is None


@pytest.mark.parametrize("found", [0, 1])
def test_an_old_kernel_is_told(monkeypatch: pytest.MonkeyPatch, found: int) -> None:
    monkeypatch.setattr(confinement, "version", lambda: found)
    words = why_not(Path("/home/user/project/.local-cloud"))
    assert words is not None
    assert "Linux 5.19" in words
