"""``local-cloud model``: a small model that runs on this machine."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from local_cloud.failing import fail
from local_cloud.installation import Home
from local_cloud.model_server import packages
from local_cloud.terminal import terminal

app = typer.Typer(help=__doc__, no_args_is_help=True)
console = terminal(soft_wrap=True)
PORT = 11435  # Ollama has the one before


@app.callback()
def _model() -> None:
    """A small model that runs on this machine."""


@app.command()
def serve(
    file: Annotated[
        Path | None, typer.Option(metavar="GGUF", help="Another model than SmolLM2 135M")
    ] = None,
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 for a free one")] = PORT,
    host: Annotated[
        str, typer.Option(help="0.0.0.0 for containers, and for whoever reaches this machine")
    ] = "127.0.0.1",
    context: Annotated[int, typer.Option(min=256, help="Tokens of a conversation")] = 8192,
    threads: Annotated[int, typer.Option(min=1, help="Of the processor")] = 1,
) -> None:
    """Serve a model as OpenAI's API does, until Ctrl-C; what it needs is fetched once."""
    cache = Home.from_environment().packages / "model-server"
    try:
        node = packages.node()
        if file is not None and not file.is_file():
            fail(f"there is no {file}", 2)
        runner = packages.runner(cache, _say)
        weights = file.resolve() if file is not None else packages.weights(cache, _say)
    except packages.CannotServe as error:
        fail(str(error))
    program = Path(packages.__file__).with_name("server.mjs")
    settings = {
        "packages": runner,
        "file": weights,
        "host": host,
        "port": port,
        "context": context,
        "threads": threads,
    }
    _say(f"Loading {weights.stem}")
    os.execv(node, [node, str(program), *(f"--{name}={value}" for name, value in settings.items())])  # noqa: S606


def _say(words: str) -> None:
    console.print(f"{escape(words)} …")
