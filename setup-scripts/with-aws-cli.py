"""``with-aws-cli.py PROGRAM ARGUMENT…``: run a script whose AWS CLI commands start at once.

A start of the AWS CLI costs half a second, nearly all of it imports; forty commands would spend
twenty seconds on them. Here one process has it loaded, and a script of this folder hands its
commands over on the file descriptor that ``AWS_CLI_FD`` names: how many words, and each word, all
ended by NUL. Exit status, output and error come back the same way.
"""

import contextlib
import io
import os
import socket
import subprocess
import sys
from typing import BinaryIO

# botocore would load it, a fifth of what its import takes, only to find what it has without.
sys.modules["urllib3.contrib.pyopenssl"] = None  # type: ignore[assignment]

from awscli.clidriver import CLIDriver, create_clidriver  # noqa: E402


def run(driver: CLIDriver, arguments: list[str]) -> tuple[int, str, str]:
    """Run one command; return its exit status, output and error."""
    output, errors = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(output), contextlib.redirect_stderr(errors):
        try:
            status = driver.main(arguments)
        except SystemExit as stop:
            status = stop.code if isinstance(stop.code, int) else 1
    return status, output.getvalue(), errors.getvalue()


def word(stream: BinaryIO) -> str | None:
    """Read up to the next NUL; ``None`` at the end."""
    read = bytearray()
    while byte := stream.read(1):
        if byte == b"\0":
            return read.decode()
        read += byte
    return None


def keep_clients(driver: CLIDriver) -> None:
    """Have each service's commands share a client, and with it a connection."""
    create, made = driver.session.create_client, {}

    def create_once(service: str, **options: object) -> object:
        key = (service, repr(sorted(options.items())))
        if key not in made:
            made[key] = create(service, **options)
        return made[key]

    driver.session.create_client = create_once


def serve(stream: BinaryIO) -> None:
    """Run commands until the script ends."""
    driver = create_clidriver()
    keep_clients(driver)
    while (count := word(stream)) is not None:
        arguments = [word(stream) or "" for _ in range(int(count))]
        for answer in run(driver, arguments):
            stream.write(str(answer).replace("\0", "").encode() + b"\0")
        stream.flush()


def main() -> int:
    """Start the script, run its commands, and end as it does."""
    here, there = socket.socketpair()
    environment = {**os.environ, "AWS_CLI_FD": str(there.fileno())}
    script = subprocess.Popen(sys.argv[1:], env=environment, pass_fds=[there.fileno()])
    there.close()
    with here, here.makefile("rwb") as stream:
        serve(stream)
    return script.wait()


try:
    sys.exit(main())
except KeyboardInterrupt:
    sys.exit(130)
