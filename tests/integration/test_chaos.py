"""A few runs of ``local-cloud chaos``: nothing is lost, and nothing is left."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from local_cloud.chaos.runs import plan
from local_cloud.chaos.victims import PARTS
from local_cloud.installation import PROJECT

pytestmark = pytest.mark.embedded("starts its own clouds")

#: A seed whose first runs have the engine among those that die.
RUNS, SEED = 4, 26


def test_nothing_is_lost_whatever_dies() -> None:
    assert ("engine", "SIGKILL") in {(f.part, f.action) for f in plan(RUNS, SEED)}
    words = ("chaos", "--runs", str(RUNS), "--seed", str(SEED), "--json")
    done = subprocess.run(
        [sys.executable, "-m", "local_cloud", *words],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        timeout=400,
        check=False,
    )
    found = json.loads(done.stdout)
    assert (found["wrong"], found["left"]) == ([], []), done.stderr
    assert sum(row["runs"] for row in found["parts"]) == RUNS
    assert {row["part"] for row in found["parts"]} <= set(PARTS)
    assert min(row["writes"] for row in found["parts"]) > 0
    assert done.returncode == 0
