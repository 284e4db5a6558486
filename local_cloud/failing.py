"""How commands end that cannot do what they were asked to."""

from __future__ import annotations

from typing import NoReturn

import typer
from rich.markup import escape

from local_cloud.installation import Home, State
from local_cloud.terminal import terminal

EXIT_NOT_RUNNING = 3
errors = terminal(stderr=True)


def fail(message: str, code: int = 1) -> NoReturn:
    """Say what was wrong and end with this exit status."""
    errors.print(f"[red]local-cloud:[/red] {escape(message)}", soft_wrap=True)
    raise typer.Exit(code)


def running_or_fail(home: Home) -> State:
    """Return what runs in ``home``."""
    state = State.read(home)
    if state is None:
        fail("the cloud is not running. Start it: ./local-cloud up -d", EXIT_NOT_RUNNING)
    return state
