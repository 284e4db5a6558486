"""Where a function's lines go: to the terminal under its name, and to its log group."""

from __future__ import annotations

import asyncio
import sys
import time

from local_aws.log_delivery import LogDelivery
from local_aws.printable import printable_line

#: How long a line waits for others on its way to the terminal.
PRINT_SECONDS = 0.002


def stream_name(environment: str) -> str:
    """Return the name of the log stream that an execution environment begins today."""
    return f"{time.strftime('%Y/%m/%d', time.gmtime())}/[$LATEST]{environment}"


class FunctionLogs:
    """The logs of every function of an endpoint."""

    def __init__(self, delivery: LogDelivery) -> None:
        self.delivery = delivery
        self._printed: list[str] = []

    def write(self, function: str, group: str, stream: str, line: str) -> None:
        """Take one line of a function."""
        if not self._printed:  # the lines of a moment go out together
            asyncio.get_running_loop().call_later(PRINT_SECONDS, self.print_all)
        self._printed.append(f"{function} | {printable_line(line)}\n")
        self.delivery.write(group, stream, line)

    def print_all(self) -> None:
        """Print what has come since the last time."""
        sys.stdout.write("".join(self._printed))
        sys.stdout.flush()
        self._printed.clear()
