"""Whether a function's code has changed: asked between any two edits, it is always told."""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest
import uvloop

from local_cloud.lambda_endpoint import sources
from local_cloud.lambda_endpoint.sources import Files, Sources


def _append(place: Path) -> None:
    with (place / "index.py").open("a") as file:
        file.write("#")


def _rewrite_at_once(place: Path) -> None:
    (place / "new").write_text("x" * len((place / "index.py").read_text()))
    (place / "new").rename(place / "index.py")


def _touch(place: Path) -> None:
    status = (place / "index.py").stat()
    os.utime(place / "index.py", ns=(status.st_atime_ns, status.st_mtime_ns + 1000))


def _add_a_folder(place: Path) -> None:
    (place / "more").mkdir()
    (place / "more" / "module.py").write_text("")


def _edit_below(place: Path) -> None:
    (place / "package" / "module.py").write_text("edited")


def _edit_what_a_link_leads_to(place: Path) -> None:
    (place.parent / "elsewhere.py").write_text("edited")


def _replace_the_folder(place: Path) -> None:
    shutil.copytree(place, place.with_name("copy"), symlinks=True)
    (place.with_name("copy") / "index.py").write_text("replaced")
    place.rename(place.with_name("old"))
    place.with_name("copy").rename(place)


def _replace_a_folder_above(place: Path) -> None:
    above = place.parent
    shutil.copytree(above, above.with_name("copy"), symlinks=True)
    (above.with_name("copy") / place.name / "index.py").write_text("replaced")
    above.rename(above.with_name("old"))
    above.with_name("copy").rename(above)


EDITS: list[Callable[[Path], object]] = [
    _append,
    _rewrite_at_once,
    _touch,
    lambda place: (place / "index.py").unlink(),
    _add_a_folder,
    _edit_below,
    lambda place: shutil.rmtree(place / "package"),
    lambda place: (place / "package").rename(place / "renamed"),
    _replace_the_folder,
    _replace_a_folder_above,
]


@pytest.fixture
def place(tmp_path: Path) -> Path:
    place = tmp_path / "app" / "code"
    (place / "package").mkdir(parents=True)
    (place / "index.py").write_text("one")
    (place / "package" / "module.py").write_text("two")
    return place


@pytest.mark.parametrize("edit", EDITS)
@pytest.mark.parametrize("told", [True, False], ids=["told by the kernel", "looked for"])
def test_every_edit_is_noticed_once(
    place: Path, edit: Callable[[Path], object], *, told: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not told:
        monkeypatch.setattr(sources, "_tells", lambda folder: False)
    one = Sources([place])
    before = one.mark()
    assert one.mark() == before
    edit(place)
    after = one.mark()
    assert after != before
    assert one.mark() == after
    (place / "index.py").write_text("and another one")
    assert one.mark() != after
    one.close()


def test_what_a_link_leads_to_is_looked_at(place: Path) -> None:
    (place.parent / "elsewhere.py").write_text("one")
    (place / "linked.py").symlink_to(place.parent / "elsewhere.py")
    one = Sources([place])
    before = one.mark()
    _edit_what_a_link_leads_to(place)
    assert one.mark() != before


def test_a_folder_that_is_reached_by_a_link_is_looked_at(place: Path) -> None:
    (place.parent / "current").symlink_to(place)
    one = Sources([place.parent / "current"])
    before = one.mark()
    (place.parent / "next").mkdir()
    (place.parent / "current").unlink()
    (place.parent / "current").symlink_to(place.parent / "next")
    assert one.mark() != before


def test_two_functions_share_a_layer_and_both_notice(place: Path) -> None:
    layer = place.parent / "layer"
    layer.mkdir()
    first, second = Sources([place, layer]), Sources([layer])
    marks = first.mark(), second.mark()
    (layer / "shared.py").write_text("")
    assert first.mark() != marks[0]
    first.close()
    assert second.mark() != marks[1]
    again = second.mark()
    (layer / "shared.py").write_text("more")
    assert second.mark() != again


def test_more_events_than_the_kernel_keeps_lose_nothing(place: Path) -> None:
    kept = Path("/proc/sys/fs/inotify/max_queued_events")
    if not kept.exists():
        pytest.skip("this kernel does not tell of changes")
    one = Sources([place])
    other = place.parent / "other"
    other.mkdir()
    two = Sources([other])
    before = one.mark(), two.mark()
    names = [other / "a", other / "b"]
    for number in range(int(kept.read_text()) + 100):
        names[number % 2].write_text("")
    (place / "index.py").write_text("edited")
    assert one.mark() != before[0]
    assert two.mark() != before[1]


def test_what_runs_leaves_behind_is_no_edit(place: Path) -> None:
    one = Sources([place])
    before = one.mark()
    (place / "__pycache__").mkdir()
    (place / "__pycache__" / "index.cpython-313.pyc").write_bytes(b"")
    assert one.mark() == before


def test_a_folder_that_is_gone_is_an_error(place: Path) -> None:
    one = Sources([place])
    one.mark()
    shutil.rmtree(place)
    with pytest.raises(FileNotFoundError):
        one.mark()


def _rewrite(file: Path) -> None:
    file.write_text(file.read_text() + "#")


def _replace(file: Path) -> None:
    file.with_name("new").write_text("replaced")
    file.with_name("new").rename(file)


def _replace_its_folder(file: Path) -> None:
    _replace_the_folder(file.parent)
    file.write_text("another one")


@pytest.mark.parametrize("edit", [_rewrite, _replace, Path.unlink, _replace_its_folder])
@pytest.mark.parametrize("told", [True, False], ids=["told by the kernel", "looked for"])
def test_every_edit_of_a_single_file_is_noticed(
    place: Path, edit: Callable[[Path], object], *, told: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not told:
        monkeypatch.setattr(sources, "_tells", lambda folder: False)
    file = place / "index.py"
    one = Files([file, place / "not there", None])
    before = one.mark()
    (place / "package" / "module.py").write_text("of no concern")
    (place / "beside").write_text("nor this")
    assert one.mark() == before
    edit(file)
    after = one.mark()
    assert after != before
    (place / "not there").write_text("it is now")
    assert one.mark() != after
    one.close()


def test_a_single_file_is_noticed_in_a_folder_that_is_watched_as_code(place: Path) -> None:
    file, code = Files([place / "index.py"]), Sources([place])
    marks = file.mark(), code.mark()
    _rewrite(place / "index.py")
    assert file.mark() != marks[0]
    assert code.mark() != marks[1]
    code.close()
    again = file.mark()
    _rewrite(place / "index.py")
    assert file.mark() != again
    file.close()


def test_a_single_file_that_is_a_link_is_looked_at(place: Path) -> None:
    (place / "linked").symlink_to(place / "package" / "module.py")
    one = Files([place / "linked"])
    before = one.mark()
    _edit_below(place)
    assert one.mark() != before


@pytest.mark.parametrize("run", [asyncio.run, uvloop.run])
@pytest.mark.parametrize("edit", [_append, _rewrite_at_once, _add_a_folder])
def test_what_is_sent_after_an_edit_finds_it_noticed(
    place: Path,
    edit: Callable[[Path], object],
    run: Callable[[Coroutine[Any, Any, None]], None],
) -> None:
    """A loop that takes both is told of the edit first."""

    async def ask() -> None:
        loop = asyncio.get_running_loop()
        one = Sources([place])
        before = one.mark()
        heard: asyncio.Future[int] = loop.create_future()
        here, there = socket.socketpair()
        with here, there:

            def hear() -> None:
                loop.remove_reader(here)
                heard.set_result(one.mark())

            loop.add_reader(here, hear)
            edit(place)
            there.send(b"!")
            assert await heard != before
        one.close()

    run(ask())
