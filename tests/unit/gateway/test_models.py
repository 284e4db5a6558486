"""Models judge messages by JSON schemas whose expressions no message makes slow."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft4Validator

from tests.unit.gateway.test_control_api import an_api, call
from tests.unit.gateway.world import Bench
from websocket_gateway.core.models import ModelValidator

SCHEMA = {
    "type": "object",
    "properties": {"id": {"type": "string", "pattern": "^[a-z]+-[0-9]{2,4}$"}},
    "patternProperties": {"^n_": {"type": "number"}},
    "additionalProperties": False,
}


@pytest.mark.parametrize(
    "message",
    [
        {"id": "ab-12", "n_x": 1},
        {"id": "ab-1"},
        {"id": 5},
        {"n_x": "1"},
        {"other": 1},
        {},
        [],
    ],
)
@pytest.mark.parametrize("more", [{}, {"additionalProperties": {"type": "boolean"}}])
def test_a_model_judges_as_draft_4_does(message: Any, more: dict[str, Any]) -> None:
    schema = {**SCHEMA, **more}
    assert ModelValidator(schema).is_valid(message) == Draft4Validator(schema).is_valid(message)


@pytest.mark.parametrize(
    "schema",
    [
        {"properties": {"id": {"pattern": "^(a+)+$"}}},
        {"patternProperties": {"^(a+)+$": {}}, "additionalProperties": False},
    ],
)
def test_no_message_makes_a_pattern_slow(schema: dict[str, Any]) -> None:
    long = "a" * 100_000 + "!"
    assert not ModelValidator(schema).is_valid({"id": long, long: 1})


def test_a_pattern_that_may_take_any_time_is_refused_where_it_is_declared(tmp_path: Path) -> None:
    bench = Bench(tmp_path, "")
    api = an_api(bench)
    schema = json.dumps({"properties": {"id": {"pattern": "^(?!x).*$"}}})
    status, answer = call(
        bench,
        "POST",
        f"apis/{api}/models",
        {"name": "M", "contentType": "application/json", "schema": schema},
    )
    assert status == 400
    assert "'^(?!x).*$' is not matched here" in answer["message"]
    assert "lookaround" in answer["message"]
