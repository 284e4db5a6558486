"""``local-cloud cassette``: what a model answered, recorded and played again."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape

from local_cloud.engine.model.cassette import NoCassette, read
from local_cloud.failing import fail, running_or_fail
from local_cloud.installation import Home
from local_cloud.model_override import ModelOverride, ModelsAway
from local_cloud.terminal import terminal

app = typer.Typer(help=__doc__, no_args_is_help=True)
console = terminal(soft_wrap=True)
File = Annotated[Path, typer.Argument(metavar="FILE", help="The cassette: lines of JSON")]
_ENDS = {signal.SIGINT, signal.SIGTERM}
#: Of a text, what is shown.
SHOWN = 300


@app.command()
def record(
    file: File,
    anew: Annotated[bool, typer.Option("--anew", help="Begin with nothing")] = False,
) -> None:
    """Record what the models answer, until Ctrl-C; what is recorded already is not asked again."""
    _until_ended(file, lambda model: model.record(file, anew=anew), f"Recording into {file}")


@app.command()
def replay(
    file: File,
    speed: Annotated[
        float, typer.Option(min=0, help="Times as fast as it was; 0 without any wait")
    ] = 1,
) -> None:
    """Answer from a cassette alone, until Ctrl-C."""
    if not file.is_file():
        fail(f"there is no {file}", 2)
    _until_ended(file, lambda model: model.replay(file, speed), f"Playing {file}")


@app.command()
def check(file: File) -> None:
    """Say whether a file is a cassette."""
    console.print(_counted(len(_entries(file)), "entry"))


@app.command()
def show(file: File) -> None:
    """Show the conversations of a cassette."""
    for number, entry in enumerate(_entries(file), 1):
        request = entry["request"]
        console.print(f"[bold]{number}[/bold]  {escape(request['model'])}")
        for message in request["messages"]:
            for block in message["content"]:
                console.print(f"   [dim]{escape(message['role'])}[/dim]  {escape(_told(block))}")
        text, tools, end = _answer(entry["answer"])
        if text:
            console.print(f"   [green]answer[/green]  {escape(text)}")
        for tool in tools:
            console.print(f"   [green]calls[/green]  {escape(tool)}")
        console.print(f"   [dim]{escape(end)}, {entry['answer'][-1]['ms']} ms[/dim]")


def _until_ended(file: Path, begin: Any, words: str) -> None:
    ports = running_or_fail(Home.from_environment()).ports
    model = ModelOverride(ports.engine_url)
    try:
        signal.pthread_sigmask(signal.SIG_BLOCK, _ENDS)  # it is waited for, and breaks nothing off
        begin(model)
        console.print(f"{escape(words)}, until Ctrl-C.")
        signal.sigwait(_ENDS)
        calls = len(model.calls())
        unforeseen = model.end()
    except ModelsAway as error:
        fail(str(error))
    except OSError as error:
        fail(f"{file}: {error.strerror}")
    console.print(_counted(calls, "request"))
    if unforeseen:
        fail(unforeseen[0])


def _entries(file: Path) -> list[dict[str, Any]]:
    try:
        return read(file.read_text())
    except NoCassette as error:
        fail(f"{file}: {error}")
    except (OSError, UnicodeDecodeError) as error:
        fail(f"{file}: {error}", 2)


def _told(block: dict[str, Any]) -> str:
    match block:
        case {"text": str(text)}:
            return _cut(text)
        case {"toolUse": use}:
            return f"calls {use['name']} {_cut(str(use['input']))}"
        case {"toolResult": result}:
            return f"told {_cut(str(result.get('content')))}"
    return ", ".join(block)


def _answer(pieces: list[dict[str, Any]]) -> tuple[str, list[str], str]:
    text, tools, end = "", [], ""
    for piece in pieces:
        match piece:
            case {"text": str(said)}:
                text += said
            case {"tool": {"name": name}}:
                tools.append(f"{name} ")
            case {"input": str(said)}:
                tools[-1] += said
            case {"stop": {"reason": reason}}:
                end = reason
            case {"error": {"code": code}}:
                end = code
    return _cut(text), [_cut(tool) for tool in tools], end


def _counted(count: int, what: str) -> str:
    many = f"{what[:-1]}ies" if what.endswith("y") else f"{what}s"
    return f"{count} {what if count == 1 else many}"


def _cut(text: str) -> str:
    return text if len(text) <= SHOWN else text[:SHOWN] + "…"
