"""A Map or a Parallel inside of a Map answers for its own item.

https://docs.aws.amazon.com/step-functions/latest/dg/state-map-inline.html
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.stack import Stack
from tests.workflows import JSONATA, Workflows

pytestmark = pytest.mark.embedded("the same interpreter runs in Docker")

GROUPS = [[f"{group}-{item}" for item in range(4)] for group in "abcd"]


@pytest.fixture(params=["JSONPath", JSONATA])
def workflows(stack: Stack, request: pytest.FixtureRequest) -> Iterator[Workflows]:
    made = Workflows(stack, request.param)
    yield made
    made.delete()


def each(name: str, inner: dict[str, Any], workflows: Workflows) -> dict[str, Any]:
    """Return a Map over its input, whose items are what the inner state gets."""
    items = {"Items": "{% $states.input %}"} if workflows.language == JSONATA else {}
    machine = {"StartAt": f"{name}Inner", "States": {f"{name}Inner": {**inner, "End": True}}}
    return {"Type": "Map", **items, "ItemProcessor": machine}


def test_a_map_in_a_map_returns_the_items_of_its_own(workflows: Workflows) -> None:
    inner = each("Inner", {"Type": "Pass"}, workflows)
    states = {"Outer": {**each("Outer", inner, workflows), "End": True}}
    assert workflows.output(states, GROUPS) == GROUPS


def test_a_parallel_in_a_map_returns_the_branches_of_its_own(workflows: Workflows) -> None:
    branches = [
        {"StartAt": name, "States": {name: {"Type": "Pass", "End": True}}} for name in ("X", "Y")
    ]
    inner = {"Type": "Parallel", "Branches": branches}
    states = {"Outer": {**each("Outer", inner, workflows), "End": True}}
    assert workflows.output(states, GROUPS) == [[group, group] for group in GROUPS]


def test_three_maps_in_each_other_run_every_item(workflows: Workflows) -> None:
    innermost = each("Innermost", {"Type": "Pass"}, workflows)
    states = {
        "Outer": {**each("Outer", each("Inner", innermost, workflows), workflows), "End": True}
    }
    given = [GROUPS[:2], GROUPS[2:], GROUPS]
    ended, history = workflows.run(states, given)
    assert ended["status"] == "SUCCEEDED"
    entered = [event for event in history if event["type"] == "PassStateEntered"]
    assert len(entered) == sum(len(items) for groups in given for items in groups)
