"""``python -m benchmarks [NAME …]``: JSON lines."""

from __future__ import annotations

import sys

from benchmarks import fidelity, functions, gateway, soak, tools, whole_cloud, workflows
from benchmarks.figures import say_machine

USUAL = ("start", "analysis", "ping", "functions", "workflows", "gateway")
ON_A_CLOUD = ("start", "analysis", "ping", "console")
ALL = (*USUAL, "console", "tools", "soak", "fidelity")


def main() -> None:
    """Run the benchmarks that the arguments name, or the usual ones."""
    wanted = set(sys.argv[1:] or USUAL)
    if unknown := sorted(wanted - set(ALL)):
        sys.exit(f"no benchmark {', '.join(unknown)}; there are {', '.join(ALL)}")
    say_machine()
    if wanted & set(ON_A_CLOUD):
        whole_cloud.run(wanted)
    if "functions" in wanted:
        functions.run()
    if "workflows" in wanted:
        workflows.run()
    if "gateway" in wanted:
        gateway.run()
    if "tools" in wanted:
        tools.run()
    if "soak" in wanted:
        soak.run()
    if "fidelity" in wanted:
        fidelity.run()


main()
