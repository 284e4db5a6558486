"""Where commands print: control characters in what they show are escaped, whoever wrote it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from rich.console import Console, ConsoleOptions, ConsoleRenderable, RenderableType, RenderHook
from rich.segment import Segment

from local_aws.printable import printable


class _Printable:
    """What is printed, without control characters in its text; those of the console's own stay."""

    def __init__(self, inner: RenderableType) -> None:
        self.inner = inner

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[Segment]:
        for segment in console.render(self.inner, options):
            text, style, control = segment
            yield segment if control else Segment(printable(text), style)


class _Hook(RenderHook):
    def process_renderables(self, renderables: list[ConsoleRenderable]) -> list[ConsoleRenderable]:
        return [_Printable(one) for one in renderables]


def terminal(*, stderr: bool = False, **options: Any) -> Console:
    """Return what commands print by.

    Args:
        options: Rich's own.
    """
    console = Console(stderr=stderr, highlight=False, **options)
    console.push_render_hook(_Hook())
    return console
