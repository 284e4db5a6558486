"""An analysis as a user lives it: from login to result."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from agent_common.tool_specs import METHODS
from local_cloud.installation import PROJECT
from tests.stack import Stack, analyse, within


def test_the_experiment_is_answered_with_the_published_difference_in_means(stack: Stack) -> None:
    async def run() -> list[dict[str, object]]:
        async with stack.connect() as agent:
            return await analyse(agent)

    messages = within(run())
    finished = messages[-1]
    assert finished["status"] == "SUCCEEDED"
    estimate = finished["estimates"]["difference_in_means"]["estimate"]  # type: ignore[index]
    assert estimate == pytest.approx(1794.34, abs=0.005)


def test_the_demo_prints_one_json_object_last(stack: Stack) -> None:
    if stack.home is None:
        pytest.skip("the demo finds its stack by its home")
    result = subprocess.run(
        [sys.executable, "-m", "local_cloud", "demo", "--json"],
        cwd=PROJECT,
        env={**__import__("os").environ, "LOCAL_CLOUD_HOME": str(stack.home.path)},
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    last = json.loads(result.stdout.strip().splitlines()[-1])
    assert last["status"] == "SUCCEEDED"
    assert set(last["estimates"]) == set(METHODS)
    assert last["claim"] == "effect"
    assert last["resultUri"].startswith("s3://causal-results/")
    assert last["seconds"] > 0
