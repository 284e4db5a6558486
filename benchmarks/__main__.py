"""``python -m benchmarks [start] [analysis] [ping] [gateway]``: JSON lines, one a result."""

from __future__ import annotations

import sys

from benchmarks import gateway, whole_cloud
from benchmarks.figures import say_machine

WHOLE_CLOUD = ("start", "analysis", "ping")
ALL = (*WHOLE_CLOUD, "gateway")


def main() -> None:
    """Run the benchmarks that the arguments name, or all."""
    wanted = set(sys.argv[1:] or ALL)
    if unknown := sorted(wanted - set(ALL)):
        sys.exit(f"no benchmark {', '.join(unknown)}; there are {', '.join(ALL)}")
    say_machine()
    if wanted & set(WHOLE_CLOUD):
        whole_cloud.run(wanted)
    if "gateway" in wanted:
        gateway.run()


main()
