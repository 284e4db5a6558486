"""Starts the parts, keeps them running, stops them all."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
import sys
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

import httpx

from local_cloud.installation import SCRIPTS, Home, Ports, State, aws_environment
from local_cloud.parts import Part, make_parts
from local_cloud.service_catalog import place_service_catalog

READY_SECONDS = 90.0
PROVISION_SECONDS = 120.0
STOP_SECONDS = 5.0
# A part that dies this often within this time is not started again.
MAX_DEATHS, DEATHS_WITHIN_SECONDS = 5, 60.0
HEALTH_POLL_SECONDS = 0.05


class PartFailed(RuntimeError):
    """A part does not start, or dies again and again; the message says what to do."""


@dataclass(frozen=True)
class Progress:
    """Something that a user wants to see: a part is ready, has died, is started again."""

    part: str
    text: str
    seconds: float | None = None
    bad: bool = False


@dataclass
class _Running:
    part: Part
    process: asyncio.subprocess.Process | None = None
    expected_to_stop: bool = False
    deaths: deque[float] = field(default_factory=deque)


class Supervisor:
    """The cloud as a set of child processes, each in a process group of its own.

    Args:
        report: is told what happens.
    """

    def __init__(self, ports: Ports, home: Home, report: Callable[[Progress], None]) -> None:
        self.ports = ports
        self.home = home
        self.report = report
        self.running = {name: _Running(part) for name, part in make_parts(ports, home).items()}
        self.state = State(os.getpid(), time.time(), ports)
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

    async def _work(self, on_ready: Callable[[], None]) -> None:
        self._clear()
        await self._start_all()
        self._note_ready()
        on_ready()
        while True:
            name = await self._next_death()
            if name is None or name == "engine":
                await self._begin_anew()
            else:
                await self._start(self.running[name])
                self._note_ready()

    async def _start_all(self) -> None:
        """Start every part and the provisioning at once; the latter waits for the engine."""
        await place_service_catalog(self.home)
        async with _first_error() as group:
            for running in self.running.values():
                group.create_task(self._start(running))
            group.create_task(self.provision())

    async def _begin_anew(self) -> None:
        """Start over with an empty engine.

        What the engine held is lost with it: users, tokens, connections, running analyses. So
        every connection is closed, and every function starts afresh. A client sees its
        connection go, connects again, and is told that its analysis is gone.
        """
        self.state.ready = False
        self.state.write(self.home)
        await asyncio.gather(*(self._stop(running) for running in self.running.values()))
        self._clear()
        await self._start_all()
        self.state.generation += 1
        self._note_ready()
        self.report(Progress("engine", "is back, empty and provisioned anew"))

    def _note_ready(self) -> None:
        self.state.ready = True
        self.state.write(self.home)

    async def _start(self, running: _Running) -> None:
        part, began = running.part, time.monotonic()
        running.expected_to_stop = False
        with open(self.home.log(part.name), "ab") as log:
            running.process = await asyncio.create_subprocess_exec(
                *part.command,
                env=part.environment,
                stdin=asyncio.subprocess.PIPE,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self.state.parts[part.name] = running.process.pid
        self.state.write(self.home)
        await self._wait_healthy(running)
        self.report(Progress(part.name, "ready", time.monotonic() - began))

    async def _wait_healthy(self, running: _Running) -> None:
        part, process = running.part, running.process
        assert process is not None
        deadline = time.monotonic() + READY_SECONDS
        async with httpx.AsyncClient(trust_env=False, timeout=2) as client:
            while time.monotonic() < deadline:
                if process.returncode is not None:
                    raise PartFailed(
                        f"{part.title} did not start ({_exit_words(process.returncode)}). "
                        f"{self._last_words(part)}"
                    )
                with contextlib.suppress(httpx.HTTPError):
                    if (await client.get(part.health_url)).status_code == 200:
                        return
                await asyncio.sleep(HEALTH_POLL_SECONDS)
        raise PartFailed(
            f"{part.title} does not answer on port {part.port} after {READY_SECONDS:.0f} s. "
            f"{self._last_words(part)}"
        )

    def _last_words(self, part: Part) -> str:
        try:
            lines = self.home.log(part.name).read_text(errors="replace").strip().splitlines()
        except OSError:
            lines = []
        said = f"It said last: {lines[-1].strip()[:300]}. " if lines else ""
        return f"{said}See: ./local-cloud logs {part.name}"

    async def provision(self) -> None:
        """Run the setup scripts.

        Raises:
            PartFailed: a script failed; carries what it said.
        """
        began = time.monotonic()
        await provision(self.ports, self.home, aws_environment(self.ports))
        self.report(Progress("provisioning", "ready", time.monotonic() - began))

    async def _next_death(self) -> str | None:
        """Wait until a part dies; return its name, or ``None`` when a reset is asked for."""
        loop = asyncio.get_running_loop()
        reset = loop.create_task(self.reset_wanted.wait(), name="")
        waits = {
            loop.create_task(running.process.wait(), name=name)
            for name, running in self.running.items()
            if running.process is not None
        }
        try:
            done, _ = await asyncio.wait({reset, *waits}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (reset, *waits):
                task.cancel()
        if reset in done:
            self.reset_wanted.clear()
            self.report(Progress("engine", "is emptied and provisioned anew"))
            return None
        names = sorted(task.get_name() for task in done)
        name = "engine" if "engine" in names else names[0]
        running = self.running[name]
        assert running.process is not None
        _kill_group(running.process.pid, signal.SIGKILL)  # its own children, too
        now = time.monotonic()
        running.deaths.append(now)
        while running.deaths and now - running.deaths[0] > DEATHS_WITHIN_SECONDS:
            running.deaths.popleft()
        words = _exit_words(running.process.returncode)
        if len(running.deaths) >= MAX_DEATHS:
            raise PartFailed(
                f"{running.part.title} died {MAX_DEATHS} times within "
                f"{DEATHS_WITHIN_SECONDS:.0f} s ({words}). {self._last_words(running.part)}"
            )
        self.state.restarts[name] = self.state.restarts.get(name, 0) + 1
        self.report(Progress(name, f"died ({words}); it is started again", bad=True))
        return name

    async def _stop_all(self) -> None:
        await asyncio.gather(*(self._stop(running) for running in self.running.values()))
        self._clear()
        self.home.state_file.unlink(missing_ok=True)

    def _clear(self) -> None:
        """Remove what an engine leaves behind; the next one starts empty."""
        shutil.rmtree(self.home.engine_files, ignore_errors=True)
        self.home.env_vars.unlink(missing_ok=True)

    async def _stop(self, running: _Running) -> None:
        process = running.process
        if process is None:
            return
        running.expected_to_stop = True
        await _end_group(process)
        running.process = None


async def provision(ports: Ports, home: Home, environment: dict[str, str]) -> None:
    """Run ``create-resources.sh`` against a running engine.

    Raises:
        PartFailed: it failed; carries the lines that say why.
    """
    home.logs.mkdir(parents=True, exist_ok=True)
    process = await asyncio.create_subprocess_exec(
        *("bash", str(SCRIPTS / "create-resources.sh")),
        env={
            **environment,
            "PYTHON": sys.executable,
            "ENV_VARS_FILE": str(home.env_vars),
            "WEBSOCKET_API_ENDPOINT": f"{ports.gateway_url}/dev",
        },
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
        await _end_group(process)
    home.log("provisioning").write_bytes(output)
    if process.returncode != 0:
        why = [line for line in output.decode().splitlines() if line.startswith("create-")]
        raise PartFailed("Provisioning failed. " + " ".join(why))


async def _end_group(process: asyncio.subprocess.Process) -> None:
    """Ask a process and its children to end, so that they can clean up; then kill what is left."""
    if process.returncode is None:
        _kill_group(process.pid, signal.SIGTERM)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(process.wait(), STOP_SECONDS)
    _kill_group(process.pid, signal.SIGKILL)
    await process.wait()


def _kill_group(pid: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, number)


def _exit_words(code: int | None) -> str:
    if code is None:
        return "still running"
    if code < 0:
        return f"signal {signal.Signals(-code).name}"
    return f"exit status {code}"


@contextlib.asynccontextmanager
async def _first_error():  # type: ignore[no-untyped-def]
    """A task group that raises the first error itself, not a group of one."""
    try:
        async with asyncio.TaskGroup() as group:
            yield group
    except BaseExceptionGroup as errors:
        raise errors.exceptions[0] from None
