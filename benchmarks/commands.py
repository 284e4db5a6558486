"""What people type all day: a call by ``awslocal``, and the setup scripts on what is there."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

from benchmarks.figures import say
from local_cloud.installation import SCRIPTS, Home, Ports, aws_environment, environment_without_aws

RUNS = 15
AWSLOCAL = str(Path(sys.executable).with_name("awslocal"))


def run(home: Home, ports: Ports) -> None:
    """Measure the commands on a running cloud."""
    call = [AWSLOCAL, "dynamodb", "list-tables"]
    ours = {**environment_without_aws(), "LOCAL_CLOUD_HOME": str(home.path)}
    scripts = {
        **aws_environment(ports),
        "PYTHON": sys.executable,
        "ENV_VARS_FILE": str(home.path / "bench-env-vars.json"),
        "WEBSOCKET_API_ENDPOINT": f"{ports.gateway_url}/dev",
    }
    say(
        "commands",
        awslocal_seconds=_median(call, ours),
        # An endpoint of its own is one that the running cloud does not take commands for.
        awslocal_by_itself_seconds=_median(call, aws_environment(ports)),
        scripts_again_seconds=_median(["bash", str(SCRIPTS / "create-resources.sh")], scripts),
    )


def _median(command: list[str], environment: Mapping[str, str]) -> float:
    took = []
    for _ in range(RUNS + 1):
        began = time.perf_counter()
        subprocess.run(command, env=environment, check=True, stdout=subprocess.DEVNULL)
        took.append(time.perf_counter() - began)
    return round(statistics.median(took[1:]), 3)  # the first starts what the others find
