"""``python -m benchmarks [NAME …]``: JSON lines."""

from __future__ import annotations

import argparse
import sys

from benchmarks import (
    against,
    calls,
    fidelity,
    functions,
    gateway,
    models,
    soak,
    tools,
    traces,
    whole_cloud,
    workflows,
)
from benchmarks.figures import say_machine

USUAL = ("start", "analysis", "commands", "ping", "functions", "workflows", "gateway")
ON_A_CLOUD = ("start", "analysis", "commands", "ping", "console")
ALL = (*USUAL, "echo", "many", "console", "calls", "tools", "traces", "models", "soak", "fidelity")


def main() -> None:
    """Run the benchmarks that the arguments name, or the usual ones."""
    parser = argparse.ArgumentParser(prog="benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(ALL))
    parser.add_argument("--against", metavar="COMMIT", help="measure it, too, and compare")
    parser.add_argument("--times", type=int, default=3, help="how often each of the two")
    asked = parser.parse_args()
    wanted = set(asked.names or USUAL)
    if unknown := sorted(wanted - set(ALL)):
        sys.exit(f"no benchmark {', '.join(unknown)}; there are {', '.join(ALL)}")
    say_machine()
    if asked.against is not None:
        against.run(asked.against, sorted(wanted), asked.times)
        return
    if wanted & set(ON_A_CLOUD):
        whole_cloud.run(wanted)
    if "functions" in wanted:
        functions.run()
    if "workflows" in wanted:
        workflows.run()
    if wanted & {"echo", "gateway"}:
        gateway.run(beside_peers="gateway" in wanted)
    if "many" in wanted:
        gateway.many()
    if "calls" in wanted:
        calls.run()
    if "tools" in wanted:
        tools.run()
    if "traces" in wanted:
        traces.run()
    if "models" in wanted:
        models.run()
    if "soak" in wanted:
        soak.run()
    if "fidelity" in wanted:
        fidelity.run()


main()
