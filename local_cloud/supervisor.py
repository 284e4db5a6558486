"""Starts the parts, keeps them running, stops them all."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections import defaultdict, deque
from collections.abc import Callable
from functools import partial
from typing import Any

from local_aws.background import keep_running
from local_cloud.awslocal.activation import take_commands
from local_cloud.installation import State
from local_cloud.log_files import last_words, rotate
from local_cloud.mode import Mode, Progress, Report
from local_cloud.parts import Part, PartFailed, end_group, first_error

READY_SECONDS = 180.0
PROVISION_SECONDS = 180.0
# A part that dies this often within this time is started again after a pause only.
MAX_DEATHS, DEATHS_WITHIN_SECONDS = 5, 60.0
RETRY_SECONDS = 15.0
HEALTH_POLL_SECONDS, FILE_POLL_SECONDS, LOGS_SECONDS = 0.05, 0.5, 10.0
# A part that is asked this often in vain, at these intervals, will not answer any more.
HANG_POLL_SECONDS, HANG_POLLS = 5.0, 6
# The gateway tells functions of its clients' end; functions deliver their last lines to the engine.
STOPPING = (("gateway",), ("lambda", "console"), ("engine",))


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
        self.state = State(
            os.getpid(), time.time(), mode.ports, mode=mode.name, options=mode.options
        )
        self.deaths: dict[str, deque[float]] = defaultdict(deque)
        self.reset_wanted = asyncio.Event()
        self.stop_wanted = asyncio.Event()

    async def run(self, on_ready: Callable[[], None]) -> None:
        """Run the cloud until it is told to stop.

        Raises:
            PartFailed: a part does not start at first. Everything has been stopped then.
        """
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self.stop_wanted.set)
        loop.add_signal_handler(signal.SIGUSR1, self.reset_wanted.set)
        self.home.make()
        self.state.write(self.home)
        work = loop.create_task(self._work(on_ready))
        stop = loop.create_task(self.stop_wanted.wait())
        aside = [
            keep_running(self._keep_logs_short, "the rotation of logs"),
            keep_running(partial(take_commands, self.home, self.report), "awslocal's commands"),
        ]
        try:
            await asyncio.wait({work, stop}, return_when=asyncio.FIRST_COMPLETED)
            if work.done():
                work.result()
        finally:
            for task in (work, stop, *aside):
                task.cancel()
            await asyncio.gather(work, stop, *aside, return_exceptions=True)
            await self._stop_all()
            self.home.state_file.unlink(missing_ok=True)

    async def _work(self, on_ready: Callable[[], None]) -> None:
        await self._start_all()
        self._note_ready()
        on_ready()
        while True:
            await self._keep_until_all_is_lost()
            await self._begin_anew()

    async def _keep_logs_short(self) -> None:
        while True:
            try:
                rotate(self.home)
            except OSError as error:
                self.report(Progress("logs", f"are not put aside: {error}", bad=True))
            await asyncio.sleep(LOGS_SECONDS)

    async def _start_all(self) -> None:
        """Start the parts and the provisioning at once; its scripts wait for the engine."""
        await self.mode.prepare(self.report)
        provisioned = asyncio.Event()
        async with first_error() as group:
            for part in self.parts.values():
                group.create_task(self._start(part, provisioned))
            group.create_task(self._provision(provisioned))
        await self.mode.go_on()

    async def _begin_anew(self) -> None:
        """Start over with an empty engine, or what was loaded, as often as that takes.

        What the engine held is lost: users, tokens, connections, running analyses. So every
        connection is closed, and every function starts afresh. A client sees its connection go,
        connects again, and is told that its analysis is gone. What was loaded is kept until it
        runs, or somebody has it emptied: whoever waits for it is not told that it is there before.
        """
        loaded = False
        self.state.ready = False
        self.state.write(self.home)
        while True:
            # All at once: what a part could say at its end, nobody would keep.
            await asyncio.gather(*(part.stop() for part in self.parts.values()))
            brings = self.home.next_data.exists()
            if brings or not loaded or self.reset_wanted.is_set():
                self.reset_wanted.clear()
                await self.mode.empty()
                loaded = brings
            await self._pause(self.parts["engine"])
            try:
                await self._start_all()
                break
            except PartFailed as error:
                self.deaths["engine"].append(self._now())
                self.report(Progress("engine", f"{error} All is tried again", bad=True))
        self.state.generation += 1
        self._note_ready()
        holds = "with what was loaded" if loaded else "empty and provisioned anew"
        self.report(Progress("engine", f"is back, {holds}"))

    async def _keep_until_all_is_lost(self) -> None:
        """Start parts that die again; return when all has to start anew.

        That is when a reset is asked for, or an engine has died that keeps nothing.
        """
        loop = asyncio.get_running_loop()
        engine = loop.create_task(
            self._keep_engine() if self.mode.keeps_state else self._ended(self.parts["engine"])
        )
        reset = loop.create_task(self.reset_wanted.wait())
        others = [
            loop.create_task(self._keep(part))
            for part in self.parts.values()
            if part.name != "engine"
        ]
        tasks: list[asyncio.Task[Any]] = [engine, reset, *others]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()  # a part is kept for ever: what ends that is a fault
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        if reset in done:
            self.reset_wanted.clear()
            self.report(Progress("engine", "is emptied and provisioned anew"))
        else:
            self._note_death(self.parts["engine"])

    async def _keep_engine(self) -> None:
        """Start the engine again each time that it dies; its services hold what they held."""
        engine = self.parts["engine"]
        while True:
            await self._ended(engine)
            self._note_death(engine)
            await self.mode.prepare_engine()
            await self._start_again(engine)
            provisioning = asyncio.create_task(self._provision_again())
            died = asyncio.create_task(self._ended(engine))
            try:
                await asyncio.wait({provisioning, died}, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for task in (provisioning, died):
                    task.cancel()
                await asyncio.gather(provisioning, died, return_exceptions=True)

    async def _provision_again(self) -> None:
        """Have an engine that is back go on, and create what it had no time to."""
        said = ""
        while True:
            try:
                await self.mode.go_on()
                await provision(self.mode)
            except PartFailed as error:
                if str(error) != said:
                    said = str(error)
                    self.report(Progress("engine", f"{said} It is tried again", bad=True))
                await asyncio.sleep(RETRY_SECONDS)
            else:
                self.report(Progress("engine", "is back, with what it held"))
                return

    async def _keep(self, part: Part) -> None:
        """Start a part again each time that it dies."""
        while True:
            await self._ended(part)
            self._note_death(part)
            await self._start_again(part)

    async def _ended(self, part: Part) -> None:
        """Wait until a part has ended; one that runs and answers no more is ended."""
        watch = asyncio.create_task(self._end_when_it_hangs(part))
        try:
            await part.ended()
        finally:
            watch.cancel()
            await asyncio.gather(watch, return_exceptions=True)

    async def _end_when_it_hangs(self, part: Part) -> None:
        missed = 0
        while missed < HANG_POLLS:
            await asyncio.sleep(HANG_POLL_SECONDS)
            missed = 0 if await part.answers() or await part.is_held() else missed + 1
        self.report(Progress(part.name, "answers no more", bad=True))
        await part.kill()

    async def _start_again(self, part: Part) -> None:
        """Start a part, as often as that takes; the rest of the cloud lives on meanwhile."""
        while True:
            await self._pause(part)
            try:
                await self._start(part)
            except PartFailed as error:
                await part.stop()
                self.deaths[part.name].append(self._now())
                self.report(Progress(part.name, str(error), bad=True))
                continue
            self._note_ready()
            return

    async def _pause(self, part: Part) -> None:
        """Wait before a part that keeps dying is started again, or until its files change."""
        deaths = self.deaths[part.name]
        while deaths and self._now() - deaths[0] > DEATHS_WITHIN_SECONDS:
            deaths.popleft()
        if len(deaths) < MAX_DEATHS:
            return
        files = ", ".join(file.name for file in part.files)
        self.report(
            Progress(
                part.name,
                f"died {len(deaths)} times within {DEATHS_WITHIN_SECONDS:.0f} s; it is started "
                f"again in {RETRY_SECONDS:.0f} s" + (f", or when {files} changes" if files else ""),
                bad=True,
            )
        )
        before, until = part.files_mark(), self._now() + RETRY_SECONDS
        while self._now() < until and part.files_mark() == before:  # noqa: ASYNC110 - a file tells none
            await asyncio.sleep(FILE_POLL_SECONDS)
        if part.files_mark() != before:
            deaths.clear()

    def _note_death(self, part: Part) -> None:
        self.deaths[part.name].append(self._now())
        self.state.restarts[part.name] = self.state.restarts.get(part.name, 0) + 1
        words = part.has_ended() or "for an unknown reason"
        self.report(Progress(part.name, f"died ({words}); it is started again", bad=True))

    @staticmethod
    def _now() -> float:
        return asyncio.get_running_loop().time()

    def _note_ready(self) -> None:
        self.state.ready = True
        self.state.write(self.home)

    async def _start(self, part: Part, provisioned: asyncio.Event | None = None) -> None:
        if part.after_provisioning and provisioned is not None:
            await provisioned.wait()
        began = self._now()
        await part.start(self.home.log(part.name))
        if part.pid is not None:
            self.state.parts[part.name] = part.pid
        self.state.write(self.home)
        await self._wait_ready(part)
        self.report(Progress(part.name, "ready", self._now() - began))

    async def _wait_ready(self, part: Part) -> None:
        deadline = self._now() + READY_SECONDS
        while self._now() < deadline:
            if (words := part.has_ended()) is not None:
                raise PartFailed(f"{part.title} did not start ({words}). {self._last_words(part)}")
            if await part.is_ready():
                return
            await asyncio.sleep(HEALTH_POLL_SECONDS)
        raise PartFailed(
            f"{part.title} does not answer at {part.health_url} after {READY_SECONDS:.0f} s. "
            f"{self._last_words(part)}"
        )

    def _last_words(self, part: Part) -> str:
        words = last_words(self.home.log(part.name))
        said = f"It said last: {words}. " if words else ""
        return f"{said}See: ./local-cloud logs {part.name}"

    async def _provision(self, provisioned: asyncio.Event) -> None:
        began = self._now()
        await provision(self.mode)
        provisioned.set()
        self.report(Progress("provisioning", "ready", self._now() - began))

    async def _stop_all(self) -> None:
        """Stop the parts, each before those that it needs to say its last."""
        for names in STOPPING:
            await asyncio.gather(*(self.parts[n].stop() for n in names if n in self.parts))
        await self.mode.clean_up()


async def provision(mode: Mode) -> None:
    """Create the resources in a running engine.

    Raises:
        PartFailed: it failed; carries the lines that say why.
    """
    mode.home.make()
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
    with mode.home.open_log("provisioning") as log:
        log.truncate(0)
        log.write(output)
    if process.returncode != 0:
        lines = output.decode(errors="replace").splitlines()
        why = [line for line in lines if line.startswith("create-")] or lines[-3:]
        raise PartFailed("Provisioning failed. " + " ".join(why))
