"""Fixtures for tests against a cloud that runs: in every pytest where the kit is installed.

The cloud is the one that ``AWS_ENDPOINT_URL`` and ``WEBSOCKET_URL`` name, else the one that
``./local-cloud up`` has started. https://docs.pytest.org/en/stable/how-to/writing_plugins.html
"""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from local_cloud.fault_rules import FaultRules
from local_cloud.installation import Home, State
from local_cloud.model_override import ModelOverride


@pytest.fixture
def faults() -> Iterator[FaultRules]:
    """Have things go wrong until the test ends: ``faults.add(service="s3", action="fail")``."""
    rules = FaultRules(*_addresses())
    yield rules
    rules.clear()


@pytest.fixture
def model() -> Iterator[ModelOverride]:
    """Have the test's own model answer at Bedrock's API: ``model.script({"say": "Hello"})``.

    A request that it has no answer to fails the test, and says what it was.
    """
    override = ModelOverride(_addresses()[0])
    yield override
    if unforeseen := override.end():
        pytest.fail("\n".join(unforeseen), pytrace=False)


def _addresses() -> tuple[str, str]:
    """Return the URLs of the engine and of the gateway."""
    engine, gateway = os.environ.get("AWS_ENDPOINT_URL"), os.environ.get("WEBSOCKET_URL")
    state = None if engine and gateway else State.read(Home.from_environment())
    if state is not None:
        engine = engine or state.ports.engine_url
        gateway = gateway or state.ports.websocket_url
    if not engine or not gateway:
        pytest.fail(
            "no cloud runs: ./local-cloud up -d, or name one by AWS_ENDPOINT_URL and WEBSOCKET_URL",
            pytrace=False,
        )
    return engine, gateway.replace("ws", "http", 1)
