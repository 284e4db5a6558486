"""What the plugins use of LocalStack's insides: a release that lacks one of them is told here."""

from __future__ import annotations

import importlib
from importlib.metadata import version

import pytest

from tests.unit.kit.insides import INSIDES, WRITTEN_FOR


def test_the_plugins_were_written_for_the_release_that_is_installed() -> None:
    assert version("localstack-core") == WRITTEN_FOR, (
        "LocalStack is another release: see which of these tests fail, mend what they name, and "
        "then the number"
    )


@pytest.mark.parametrize(
    ("user", "module", "path"), INSIDES, ids=[f"{m}:{p}" for _, m, p in INSIDES]
)
def test_what_a_plugin_changes_is_there(user: str, module: str, path: str) -> None:
    found: object = importlib.import_module(module)
    for name in path.split("."):
        assert hasattr(found, name), f"local_cloud.engine.{user} needs {module}:{path}"
        found = getattr(found, name)
