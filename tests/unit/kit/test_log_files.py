"""Logs are put aside when they have become long, while somebody writes and reads them."""

import errno
import queue
import shutil
import stat
import threading
from pathlib import Path

import pytest

from local_cloud import log_files
from local_cloud.installation import Home
from local_cloud.log_files import (
    LONGEST_LINE,
    follow_files,
    known_logs,
    last_lines,
    last_words,
    rotate,
)
from tests.stack import until


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    monkeypatch.setattr(log_files, "MOST_BYTES", 100)
    home = Home(tmp_path)
    home.logs.mkdir()
    return home


def test_a_long_log_is_put_aside_and_written_on(home: Home) -> None:
    log = home.log("engine")
    with log.open("ab", buffering=0) as writer:
        writer.write(b"".join(b"line %d\n" % number for number in range(20)))
        rotate(home)
        assert log.read_bytes() == b""
        writer.write(b"line 20\n")
    assert log.read_bytes() == b"line 20\n"
    assert last_lines(log, 3) == ["line 18", "line 19", "line 20"], "as if it were one"
    assert list(known_logs(home)) == ["engine"]


def test_of_what_was_put_aside_the_last_is_kept(home: Home) -> None:
    log = home.log("engine")
    for number in range(3):
        log.write_text(f"{number}\n" * 100)
        rotate(home)
    assert last_lines(log, 1000) == ["2"] * 100
    assert len(list(home.logs.iterdir())) == 2


def test_a_short_log_stays(home: Home) -> None:
    home.log("engine").write_text("short\n")
    rotate(home)
    assert [file.name for file in home.logs.iterdir()] == ["engine.log"]


def test_who_follows_a_log_sees_what_comes_after(home: Home) -> None:
    log = home.log("engine")
    log.write_text("before\n" * 100)
    lines = follow_files({"engine": log})
    told: queue.Queue[str] = queue.Queue()

    def read() -> None:
        for _, line in lines:
            told.put(line)

    reader = threading.Thread(target=read, daemon=True)
    with log.open("ab", buffering=0) as writer:
        reader.start()
        until(lambda: writer.write(b"one\n") and not told.empty())  # from where it has begun
        rotate(home)
        writer.write(b"two\n")
        while (line := told.get(timeout=10)) == "one":
            pass
        assert line == "two"


def test_a_log_that_cannot_be_copied_stays_whole(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = home.log("engine")
    log.write_text("x\n" * 100)

    def full(source: Path, target: Path) -> None:
        Path(target).write_text("x\n")
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(shutil, "copyfile", full)
    with pytest.raises(OSError, match="No space left"):
        rotate(home)
    assert log.read_text() == "x\n" * 100
    assert [file.name for file in home.logs.iterdir()] == ["engine.log"]


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_nobody_else_can_read_logs(home: Home) -> None:
    log = home.log("engine")
    home.logs.chmod(0o755)  # as an earlier release has made it
    log.touch(0o644)
    for _ in range(2):
        with home.open_log("engine") as file:
            file.write(b"line\n" * 100)
        rotate(home)
    assert {path.name: mode(path) for path in home.logs.iterdir()} == {
        "engine.log": 0o600,
        "engine.log.1": 0o600,
    }
    assert mode(home.logs) == 0o700


def test_a_line_without_an_end_is_read_in_pieces(home: Home) -> None:
    log = home.log("engine")
    log.write_bytes(b"x" * (8 * LONGEST_LINE) + b"\nlast\n")
    assert last_lines(log, 3) == ["x" * LONGEST_LINE, "", "last"]
    assert last_words(log) == "last"
    log.write_bytes(b"\x1b[2J" + b"x" * (8 * LONGEST_LINE))
    assert set(last_words(log)) == {"x"}
    assert len(last_words(log)) == log_files.MOST_WORDS
    assert last_words(home.log("none")) == ""


def test_a_line_that_returns_the_cursor_stays_one_line(home: Home) -> None:
    log = home.log("engine")
    log.write_bytes(b"harmless\rERROR all is lost\n")
    assert last_lines(log, 5) == ["harmless\rERROR all is lost"]
