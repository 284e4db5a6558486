"""``python -m benchmarks [start] [analysis] [ping]``: JSON lines, one a result."""

from __future__ import annotations

import sys

from benchmarks import whole_cloud
from benchmarks.figures import say_machine

WHOLE_CLOUD = ("start", "analysis", "ping")


def main() -> None:
    """Run the benchmarks that the arguments name, or all."""
    wanted = set(sys.argv[1:] or WHOLE_CLOUD)
    if unknown := sorted(wanted - set(WHOLE_CLOUD)):
        sys.exit(f"no benchmark {', '.join(unknown)}; there are {', '.join(WHOLE_CLOUD)}")
    say_machine()
    whole_cloud.run(wanted)


main()
