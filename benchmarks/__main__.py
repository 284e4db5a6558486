"""``python -m benchmarks [start] [analysis] [ping] [gateway] [soak]``: JSON lines, one a result."""

from __future__ import annotations

import sys

from benchmarks import gateway, soak, whole_cloud
from benchmarks.figures import say_machine

WHOLE_CLOUD = ("start", "analysis", "ping")
USUAL = (*WHOLE_CLOUD, "gateway")
ALL = (*USUAL, "soak")


def main() -> None:
    """Run the benchmarks that the arguments name, or all but the long one."""
    wanted = set(sys.argv[1:] or USUAL)
    if unknown := sorted(wanted - set(ALL)):
        sys.exit(f"no benchmark {', '.join(unknown)}; there are {', '.join(ALL)}")
    say_machine()
    if wanted & set(WHOLE_CLOUD):
        whole_cloud.run(wanted)
    if "gateway" in wanted:
        gateway.run()
    if "soak" in wanted:
        soak.run()


main()
