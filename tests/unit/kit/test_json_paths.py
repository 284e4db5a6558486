"""JSONPaths of workflows: what an expression in a filter takes for whatever is sent."""

from __future__ import annotations

import pytest
from localstack.services.stepfunctions.asl.utils import json_path

from local_cloud.engine.workflows.json_paths import read_paths_once


@pytest.mark.timeout(20)
def test_no_input_makes_a_filter_slow() -> None:
    read_paths_once()
    path = '$.a[?(@.b =~ "(x|xx)*[yz]$")].n'
    given = {"a": [{"b": "x" * 50_000 + "!", "n": 1}, {"b": "xxy", "n": 2}, {"b": 3, "n": 3}]}
    assert json_path.extract_json(path, given) == 2
