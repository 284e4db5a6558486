"""The supervisor in the background: started, followed until it is ready, waited for."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import asdict

from local_aws.printable import printable
from local_cloud.installation import PROJECT, Home, Options, Ports, State
from local_cloud.make_mode import make_mode
from local_cloud.mode import Progress
from local_cloud.parts import PartFailed
from local_cloud.processes import found, send, wait_gone
from local_cloud.supervisor import Supervisor

RESET_SECONDS = 180.0
POLL_SECONDS = 0.1


def start(
    home: Home,
    ports: Ports,
    report: Callable[[Progress], None],
    mode: str = "embedded",
    options: Options = Options(),  # noqa: B008 - it is frozen
) -> None:
    """Start the cloud in the background; return when it is ready.

    Args:
        mode: ``embedded`` or ``docker``.
        options: what else a user asked for.

    Raises:
        PartFailed: it did not start. Nothing of it is left then.
    """
    home.make()
    read_end, write_end = os.pipe()
    with home.open_log("supervisor") as log:
        process = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "local_cloud.daemon",
                str(write_end),
                mode,
                json.dumps(asdict(options)),
            ],
            cwd=PROJECT,
            env={
                **os.environ,
                "LOCAL_CLOUD_HOME": str(home.path),
                **ports.as_environment(),
            },
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            pass_fds=[write_end],
            start_new_session=True,
        )
    os.close(write_end)
    try:
        with open(read_end) as lines:
            for line in lines:
                message = json.loads(line)
                if "ready" in message:
                    return
                if "error" in message:
                    process.wait()
                    raise PartFailed(message["error"])
                report(Progress(**message))
    except KeyboardInterrupt:
        process.send_signal(signal.SIGTERM)
        process.wait()
        raise
    process.wait()
    raise PartFailed("the supervisor ended before it was ready. See: ./local-cloud logs supervisor")


def stop(state: State, seconds: float) -> bool:
    """Tell a running cloud to stop; return whether it has within this time."""
    supervisor = found(state.pid)
    send(supervisor, signal.SIGTERM)
    return not wait_gone(supervisor, seconds)


def begin_anew(home: Home, state: State) -> None:
    """Have a running cloud empty its engine and provision it; return when it has.

    Raises:
        PartFailed: it took too long, or the cloud ended meanwhile.
    """
    send(found(state.pid), signal.SIGUSR1)
    generation = state.generation + 1
    deadline = time.monotonic() + RESET_SECONDS
    while time.monotonic() < deadline:
        now = State.read(home)
        if now is None:
            break
        if now.ready and now.generation >= generation:
            return
        time.sleep(POLL_SECONDS)
    raise PartFailed("the cloud did not come back. See: ./local-cloud logs supervisor")


def _main() -> None:
    """Run the supervisor; write progress to the pipe until ready, to the log after that."""
    pipe = os.fdopen(int(sys.argv[1]), "w", buffering=1)

    def tell(message: object) -> None:
        # Suppressed: the command that started us may be gone.
        with contextlib.suppress(BrokenPipeError, ValueError):
            pipe.write(json.dumps(message) + "\n")

    def report(progress: Progress) -> None:
        print(time.strftime("%H:%M:%S"), progress.part, printable(progress.text), flush=True)
        tell(asdict(progress))

    def ready() -> None:
        tell({"ready": True})
        pipe.close()

    try:
        home, options = Home.from_environment(), Options(**json.loads(sys.argv[3]))
        mode = make_mode(sys.argv[2], Ports.from_environment(), home, options)
        os.umask(mode.umask)
        asyncio.run(Supervisor(mode, report).run(ready))
    except PartFailed as error:
        print(printable(str(error)), flush=True)
        tell({"error": str(error)})
        sys.exit(1)


if __name__ == "__main__":
    _main()
