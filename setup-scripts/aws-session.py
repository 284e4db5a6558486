"""Runs AWS CLI commands one after the other in one process.

A start of the AWS CLI costs half a second, nearly all of it imports; a script of ten commands
would spend five seconds on them. Commands come on standard input as NUL-ended words: their
number, then each word. Exit status, output and error go out the same way.
"""

import contextlib
import io
import sys
from collections.abc import Iterator

from awscli.clidriver import create_clidriver


def words() -> Iterator[str]:
    """Yield the NUL-ended words of standard input."""
    stream = sys.stdin.buffer
    word = bytearray()
    while byte := stream.read(1):
        if byte == b"\0":
            yield word.decode()
            word.clear()
        else:
            word += byte


def main() -> None:
    """Serve until standard input ends."""
    driver = create_clidriver()
    out = sys.stdout
    incoming = words()
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


main()
