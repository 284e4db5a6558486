"""Starts the parts, keeps them running, stops them all."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import time
from collections import defaultdict, deque
from collections.abc import AsyncIterator, Callable

import httpx

from local_cloud.installation import State
from local_cloud.mode import Mode, Progress, Report
from local_cloud.parts import Part, PartFailed, end_group

READY_SECONDS = 180.0
PROVISION_SECONDS = 180.0
# A part that dies this often within this time is not started again.
MAX_DEATHS, DEATHS_WITHIN_SECONDS = 5, 60.0
HEALTH_POLL_SECONDS = 0.05


class Supervisor:
    """Runs a cloud, in whichever mode.

    Args:
        report: is told what happens.
    """

    def __init__(self, mode: Mode, report: Report) -> None:
        self.mode = mode
        self.home = mode.home
        self.report = report
        self.parts = {part.name: part for part in mode.parts()}
        self.state = State(os.getpid(), time.time(), mode.ports, mode=mode.name)
        self.deaths: dict[str, deque[float]] = defaultdict(deque)
        self.reset_wanted = asyncio.Event()
        self.stop_wanted = asyncio.Event()

    async def run(self, on_ready: Callable[[], None]) -> None:
        """Run the cloud until it is told to stop.

        Raises:
            PartFailed: a part does not start or keeps dying. Everything has been stopped then.
        """
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self.stop_wanted.set)
        loop.add_signal_handler(signal.SIGUSR1, self.reset_wanted.set)
        self.home.logs.mkdir(parents=True, exist_ok=True)
        self.state.write(self.home)
        work = loop.create_task(self._work(on_ready))
        stop = loop.create_task(self.stop_wanted.wait())
        try:
            await asyncio.wait({work, stop}, return_when=asyncio.FIRST_COMPLETED)
            if work.done():
                work.result()
        finally:
            for task in (work, stop):
                task.cancel()
            await asyncio.gather(work, stop, return_exceptions=True)
            await self._stop_all()
            self.home.state_file.unlink(missing_ok=True)

    async def _work(self, on_ready: Callable[[], None]) -> None:
        await self._start_all()
        self._note_ready()
        on_ready()
        while True:
            name = await self._next_death()
            if name is None or name == "engine":
                await self._begin_anew()
            else:
                await self._start(self.parts[name])
                self._note_ready()

    async def _start_all(self) -> None:
        """Start the parts and the provisioning at once; its scripts wait for the engine."""
        await self.mode.prepare(self.report)
        provisioned = asyncio.Event()
        async with _first_error() as group:
            for part in self.parts.values():
                group.create_task(self._start(part, provisioned))
            group.create_task(self._provision(provisioned))

    async def _begin_anew(self) -> None:
        """Start over with an empty engine.

        What the engine held is lost with it: users, tokens, connections, running analyses. So
        every connection is closed, and every function starts afresh. A client sees its
        connection go, connects again, and is told that its analysis is gone.
        """
        self.state.ready = False
        self.state.write(self.home)
        await asyncio.gather(*(part.stop() for part in self.parts.values()))
        await self._start_all()
        self.state.generation += 1
        self._note_ready()
        self.report(Progress("engine", "is back, empty and provisioned anew"))

    def _note_ready(self) -> None:
        self.state.ready = True
        self.state.write(self.home)

    async def _start(self, part: Part, provisioned: asyncio.Event | None = None) -> None:
        if part.after_provisioning and provisioned is not None:
            await provisioned.wait()
        began = time.monotonic()
        await part.start(self.home.log(part.name))
        if part.pid is not None:
            self.state.parts[part.name] = part.pid
        self.state.write(self.home)
        await self._wait_ready(part)
        self.report(Progress(part.name, "ready", time.monotonic() - began))

    async def _wait_ready(self, part: Part) -> None:
        deadline = time.monotonic() + READY_SECONDS
        async with httpx.AsyncClient(trust_env=False, timeout=2) as client:
            while time.monotonic() < deadline:
                if (words := part.has_ended()) is not None:
                    raise PartFailed(
                        f"{part.title} did not start ({words}). {self._last_words(part)}"
                    )
                if await part.is_ready(client):
                    return
                await asyncio.sleep(HEALTH_POLL_SECONDS)
        raise PartFailed(
            f"{part.title} does not answer at {part.health_url} after {READY_SECONDS:.0f} s. "
            f"{self._last_words(part)}"
        )

    def _last_words(self, part: Part) -> str:
        try:
            lines = self.home.log(part.name).read_text(errors="replace").strip().splitlines()
        except OSError:
            lines = []
        said = f"It said last: {lines[-1].strip()[:300]}. " if lines else ""
        return f"{said}See: ./local-cloud logs {part.name}"

    async def _provision(self, provisioned: asyncio.Event) -> None:
        began = time.monotonic()
        await provision(self.mode)
        provisioned.set()
        self.report(Progress("provisioning", "ready", time.monotonic() - began))

    async def _next_death(self) -> str | None:
        """Wait until a part dies; return its name, or ``None`` when a reset is asked for."""
        loop = asyncio.get_running_loop()
        reset = loop.create_task(self.reset_wanted.wait())
        ends = {loop.create_task(part.ended()): part for part in self.parts.values()}
        try:
            done, _ = await asyncio.wait({reset, *ends}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (reset, *ends):
                task.cancel()
            await asyncio.gather(*ends, return_exceptions=True)
        if reset in done:
            self.reset_wanted.clear()
            self.report(Progress("engine", "is emptied and provisioned anew"))
            return None
        dead = {part.name: part for task, part in ends.items() if task in done}
        part = dead.get("engine") or next(iter(dead.values()))
        now, deaths = time.monotonic(), self.deaths[part.name]
        deaths.append(now)
        while now - deaths[0] > DEATHS_WITHIN_SECONDS:
            deaths.popleft()
        words = part.has_ended() or "for an unknown reason"
        if len(deaths) >= MAX_DEATHS:
            raise PartFailed(
                f"{part.title} died {MAX_DEATHS} times within "
                f"{DEATHS_WITHIN_SECONDS:.0f} s ({words}). {self._last_words(part)}"
            )
        self.state.restarts[part.name] = self.state.restarts.get(part.name, 0) + 1
        self.report(Progress(part.name, f"died ({words}); it is started again", bad=True))
        return part.name

    async def _stop_all(self) -> None:
        await asyncio.gather(*(part.stop() for part in self.parts.values()))
        await self.mode.clean_up()


async def provision(mode: Mode) -> None:
    """Create the resources in a running engine.

    Raises:
        PartFailed: it failed; carries the lines that say why.
    """
    mode.home.logs.mkdir(parents=True, exist_ok=True)
    command, environment = mode.provisioning()
    process = await asyncio.create_subprocess_exec(
        *command,
        env=environment,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        start_new_session=True,
    )
    try:
        output, _ = await asyncio.wait_for(process.communicate(), PROVISION_SECONDS)
    except TimeoutError as error:
        raise PartFailed(
            f"Provisioning did not end within {PROVISION_SECONDS:.0f} s. "
            "See: ./local-cloud logs engine"
        ) from error
    finally:
        await end_group(process)
    mode.home.log("provisioning").write_bytes(output)
    if process.returncode != 0:
        lines = output.decode(errors="replace").splitlines()
        why = [line for line in lines if line.startswith("create-")] or lines[-3:]
        raise PartFailed("Provisioning failed. " + " ".join(why))


@contextlib.asynccontextmanager
async def _first_error() -> AsyncIterator[asyncio.TaskGroup]:
    """A task group that raises the first error itself, not a group of one."""
    try:
        async with asyncio.TaskGroup() as group:
            yield group
    except BaseExceptionGroup as errors:
        raise errors.exceptions[0] from None
