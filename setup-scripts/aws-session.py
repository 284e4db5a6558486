"""Runs AWS CLI commands for scripts, in processes that have the AWS CLI loaded already.

A start of the AWS CLI costs half a second, nearly all of it imports; ten commands would spend
five seconds on them. Each argument names a folder with two pipes, ``in`` and ``out``; a child
serves each. Commands come as NUL-ended words: their number, then each word. Exit status, output
and error go out the same way.
"""

import contextlib
import io
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from awscli.clidriver import create_clidriver


def words(stream: BinaryIO) -> Iterator[str]:
    """Yield the NUL-ended words of a pipe."""
    word = bytearray()
    while byte := stream.read(1):
        if byte == b"\0":
            yield word.decode()
            word.clear()
        else:
            word += byte


def serve(folder: Path) -> None:
    """Run the commands of one script until it closes its pipe."""
    driver = create_clidriver()
    incoming = words((folder / "in").open("rb"))
    out = (folder / "out").open("w")
    for count in incoming:
        arguments = [next(incoming) for _ in range(int(count))]
        output, errors = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(output), contextlib.redirect_stderr(errors):
            try:
                status = driver.main(arguments)
            except SystemExit as stop:
                status = stop.code if isinstance(stop.code, int) else 1
        for answer in (str(status), output.getvalue(), errors.getvalue()):
            out.write(answer.replace("\0", ""))
            out.write("\0")
        out.flush()


def main() -> None:
    """Serve each folder in a child of its own; wait for all."""
    children = []
    for folder in sys.argv[1:]:
        if (pid := os.fork()) == 0:
            serve(Path(folder))
            os._exit(0)
        children.append(pid)
    for pid in children:
        os.waitpid(pid, 0)


main()
