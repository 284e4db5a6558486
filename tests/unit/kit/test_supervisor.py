"""Parts that die and parts that do not start, with a fake clock and parts that are no processes."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from local_cloud import supervisor
from local_cloud.installation import Home, Options, Ports, State
from local_cloud.mode import Progress, Report
from local_cloud.parts import Part, PartFailed
from local_cloud.supervisor import (
    DEATHS_WITHIN_SECONDS,
    HANG_POLL_SECONDS,
    HANG_POLLS,
    MAX_DEATHS,
    RETRY_SECONDS,
    Supervisor,
)
from tests.unit.virtual_time import now, run

START_SECONDS = 1.0


class FakePart(Part):
    """Runs until it is told to die; does not get ready while ``broken``."""

    def __init__(self, name: str, journal: list[tuple[str, str]], **more: Any) -> None:
        super().__init__(name, name.title(), "http://127.0.0.1:9", **more)
        self.journal = journal
        self.broken = self.hangs = self.held = False
        self.starts: list[float] = []
        self.end: asyncio.Event | None = None

    async def start(self, log: Path) -> None:
        self.starts.append(now())
        self.journal.append((self.name, "start"))
        self.end = asyncio.Event()
        if self.broken:
            asyncio.get_running_loop().call_later(START_SECONDS / 2, self.end.set)

    def die(self) -> None:
        assert self.end is not None
        self.end.set()

    def has_ended(self) -> str | None:
        return "exit status 1" if self.end is not None and self.end.is_set() else None

    async def ended(self) -> None:
        assert self.end is not None
        await self.end.wait()

    async def kill(self) -> None:
        self.journal.append((self.name, "kill"))
        self.hangs = False
        self.die()

    async def is_held(self) -> bool:
        return self.held

    async def answers(self) -> bool:
        return not self.hangs

    async def stop(self) -> None:
        self.journal.append((self.name, "stop"))
        await asyncio.sleep(0.1)
        self.journal.append((self.name, "stopped"))

    async def is_ready(self) -> bool:
        return not self.broken and now() >= self.starts[-1] + START_SECONDS


class FakeMode:
    name = "fake"
    umask = 0o077
    ports = Ports()
    options = Options()
    keeps_state = False

    def __init__(self, folder: Path) -> None:
        self.home = Home(folder)
        self.template = folder / "template.yaml"
        self.template.write_text("as it was")
        self.journal: list[tuple[str, str]] = []
        self.refusals = 0
        self.part = {
            name: FakePart(name, self.journal, files=files)
            for name, files in (
                ("engine", ()),
                ("lambda", (self.template,)),
                ("gateway", (self.template,)),
                ("console", ()),
            )
        }

    def parts(self) -> list[Part]:
        return list(self.part.values())

    async def prepare(self, report: Report) -> None: ...

    async def prepare_engine(self) -> None:
        self.journal.append(("mode", "prepare engine"))

    async def go_on(self) -> None:
        if self.refusals:
            self.refusals -= 1
            raise PartFailed("executions do not go on.")
        self.journal.append(("mode", "go on"))

    async def empty(self) -> None:
        self.journal.append(("mode", "empty"))

    async def copy_state(self, target: Path) -> None:
        raise AssertionError("nobody asks for it")

    def provisioning(self) -> tuple[list[str], dict[str, str]]:
        raise AssertionError("the test's own provisioning runs")

    async def clean_up(self) -> None:
        self.journal.append(("mode", "clean"))

    def memory_mb(self, pids: dict[str, int]) -> dict[str, float]:
        return {}


class Cloud:
    """A supervisor at work, and what it has said."""

    def __init__(self, folder: Path) -> None:
        self.mode = FakeMode(folder)
        self.said: list[Progress] = []
        self.supervisor = Supervisor(self.mode, self.said.append)

    def run(self, use: Callable[[Cloud], Awaitable[None]]) -> None:
        async def work() -> None:
            ready = asyncio.Event()
            running = asyncio.create_task(self.supervisor.run(ready.set))
            waiting = asyncio.create_task(ready.wait())
            await asyncio.wait({running, waiting}, return_when=asyncio.FIRST_COMPLETED)
            waiting.cancel()
            if not running.done():
                await use(self)
                self.supervisor.stop_wanted.set()
            await running

        run(work())

    def part(self, name: str) -> FakePart:
        return self.mode.part[name]

    def words(self, name: str) -> str:
        return "\n".join(p.text for p in self.said if p.part == name)

    @property
    def state(self) -> State:
        return self.supervisor.state


@pytest.fixture
def cloud(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Cloud:
    async def provision(mode: object) -> None:
        await asyncio.sleep(0.2)

    monkeypatch.setattr(supervisor, "provision", provision)
    return Cloud(tmp_path)


def test_a_part_that_dies_is_started_again_and_the_others_live_on(cloud: Cloud) -> None:
    async def use(cloud: Cloud) -> None:
        cloud.part("gateway").die()
        await asyncio.sleep(5)

    cloud.run(use)
    assert [len(part.starts) for part in cloud.mode.part.values()] == [1, 1, 2, 1]
    assert cloud.state.restarts == {"gateway": 1}


@pytest.mark.parametrize("name", ["engine", "gateway"])
def test_a_part_that_answers_no_more_is_ended_and_started_again(cloud: Cloud, name: str) -> None:
    cloud.mode.keeps_state = True

    async def use(cloud: Cloud) -> None:
        cloud.part(name).hangs = True
        await asyncio.sleep((HANG_POLLS - 1) * HANG_POLL_SECONDS)
        assert (name, "kill") not in cloud.mode.journal
        await asyncio.sleep(2 * HANG_POLL_SECONDS + 5)

    cloud.run(use)
    assert cloud.mode.journal.count((name, "kill")) == 1
    assert len(cloud.part(name).starts) == 2
    assert "answers no more" in cloud.words(name)


def test_a_part_that_somebody_holds_is_left_alone(cloud: Cloud) -> None:
    async def use(cloud: Cloud) -> None:
        cloud.part("lambda").hangs = cloud.part("lambda").held = True
        await asyncio.sleep(10 * HANG_POLLS * HANG_POLL_SECONDS)

    cloud.run(use)
    assert len(cloud.part("lambda").starts) == 1


def test_a_part_that_does_not_start_again_ends_nothing(cloud: Cloud) -> None:
    async def use(cloud: Cloud) -> None:
        cloud.part("lambda").broken = True
        cloud.part("lambda").die()
        await asyncio.sleep(300)
        cloud.part("gateway").die()  # another death is noticed meanwhile
        await asyncio.sleep(5)
        assert len(cloud.part("gateway").starts) == 2
        cloud.part("lambda").broken = False
        await asyncio.sleep(RETRY_SECONDS * 2)
        assert cloud.part("lambda").has_ended() is None

    cloud.run(use)
    assert "did not start" in cloud.words("lambda")


def test_deaths_before_readiness_count_and_are_followed_by_pauses(cloud: Cloud) -> None:
    async def use(cloud: Cloud) -> None:
        cloud.part("lambda").broken = True
        cloud.part("lambda").die()
        await asyncio.sleep(DEATHS_WITHIN_SECONDS)

    cloud.run(use)
    starts = cloud.part("lambda").starts
    assert len(starts) < MAX_DEATHS + DEATHS_WITHIN_SECONDS / RETRY_SECONDS + 2
    assert starts[-1] - starts[-2] >= RETRY_SECONDS
    assert "template.yaml changes" in cloud.words("lambda")


def test_a_part_that_waits_for_its_template_starts_when_that_is_mended(cloud: Cloud) -> None:
    async def use(cloud: Cloud) -> None:
        part = cloud.part("lambda")
        part.broken = True
        part.die()
        while "template.yaml changes" not in cloud.words("lambda"):  # noqa: ASYNC110 - virtual
            await asyncio.sleep(0.1)
        part.broken = False
        began = now()
        cloud.mode.template.write_text("mended")
        os.utime(cloud.mode.template, ns=(1, 1))
        while part.has_ended() is not None:  # noqa: ASYNC110 - virtual
            await asyncio.sleep(0.1)
        assert now() - began < RETRY_SECONDS / 2

    cloud.run(use)


def test_an_engine_that_dies_takes_everything_with_it_and_all_comes_back(cloud: Cloud) -> None:
    async def use(cloud: Cloud) -> None:
        cloud.part("engine").die()
        await asyncio.sleep(10)

    cloud.run(use)
    assert [len(part.starts) for part in cloud.mode.part.values()] == [2, 2, 2, 2]
    assert cloud.state.generation == 1


def test_an_engine_that_keeps_its_state_dies_alone(cloud: Cloud) -> None:
    cloud.mode.keeps_state = True

    async def use(cloud: Cloud) -> None:
        cloud.mode.journal.clear()
        cloud.part("engine").die()
        await asyncio.sleep(10)

    cloud.run(use)
    assert [len(part.starts) for part in cloud.mode.part.values()] == [2, 1, 1, 1]
    done = [what for who, what in cloud.mode.journal if who == "mode"]
    assert done == ["prepare engine", "go on", "clean"], "and nothing is emptied"
    assert "is back, with what it held" in cloud.words("engine")


def test_what_does_not_go_on_is_tried_again(cloud: Cloud) -> None:
    cloud.mode.keeps_state = True

    async def use(cloud: Cloud) -> None:
        cloud.mode.refusals = 2
        cloud.part("engine").die()
        await asyncio.sleep(2 * RETRY_SECONDS + 5)

    cloud.run(use)
    said = cloud.words("engine")
    assert said.count("executions do not go on. It is tried again") == 1
    assert "is back, with what it held" in said


def test_an_engine_that_does_not_come_back_is_tried_again_until_it_does(cloud: Cloud) -> None:
    async def use(cloud: Cloud) -> None:
        cloud.part("engine").broken = True
        cloud.part("engine").die()
        await asyncio.sleep(120)
        assert not cloud.state.ready
        cloud.part("engine").broken = False
        await asyncio.sleep(RETRY_SECONDS * 2)
        assert cloud.state.ready

    cloud.run(use)
    assert cloud.state.generation == 1


def test_a_reset_starts_everything_anew(cloud: Cloud) -> None:
    async def use(cloud: Cloud) -> None:
        cloud.supervisor.reset_wanted.set()
        await asyncio.sleep(10)

    cloud.run(use)
    assert cloud.state.generation == 1
    assert cloud.state.restarts == {}


@pytest.mark.parametrize("is_reset", [False, True])
def test_what_was_loaded_is_not_emptied_when_a_start_with_it_fails(
    cloud: Cloud, monkeypatch: pytest.MonkeyPatch, is_reset: bool
) -> None:
    async def put_in_place() -> None:
        cloud.mode.journal.append(("mode", "empty"))
        if cloud.mode.home.next_data.exists():
            cloud.mode.home.next_data.rmdir()

    monkeypatch.setattr(cloud.mode, "empty", put_in_place)

    async def use(cloud: Cloud) -> None:
        cloud.mode.home.next_data.mkdir(parents=True)
        cloud.mode.refusals = 3
        cloud.supervisor.reset_wanted.set()
        if is_reset:
            await asyncio.sleep(2)
            cloud.supervisor.reset_wanted.set()
        await asyncio.sleep(120)
        assert cloud.state.ready

    cloud.run(use)
    assert cloud.mode.refusals == 0, "it was tried until it went"
    assert (cloud.mode.journal.count(("mode", "empty")) > 1) == is_reset
    last = "is back, empty and provisioned anew" if is_reset else "is back, with what was loaded"
    assert cloud.words("engine").splitlines()[-1] == last


def test_a_first_start_that_fails_stops_everything_and_says_why(cloud: Cloud) -> None:
    async def never(cloud: Cloud) -> None:
        raise AssertionError("it is never ready")

    cloud.part("console").broken = True
    with pytest.raises(PartFailed, match="Console did not start"):
        cloud.run(never)
    stopped = {name for name, what in cloud.mode.journal if what == "stopped"}
    assert stopped == {"engine", "lambda", "gateway", "console"}


def test_the_gateway_stops_first_and_the_engine_last(cloud: Cloud) -> None:
    async def use(cloud: Cloud) -> None: ...

    cloud.run(use)
    stops = [entry for entry in cloud.mode.journal if entry[1] not in ("start", "go on")]
    assert stops[:2] == [("gateway", "stop"), ("gateway", "stopped")]
    assert stops[-3:] == [("engine", "stop"), ("engine", "stopped"), ("mode", "clean")]
