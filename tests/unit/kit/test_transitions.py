"""Workflows whose states lead nowhere are refused in AWS's words."""

from __future__ import annotations

from typing import Any

import pytest

from local_cloud.engine.workflows.validation.transitions import check_transitions

END = {"Type": "Pass", "End": True}


def to(name: str) -> dict[str, Any]:
    return {"Type": "Pass", "Next": name}


def found(states: dict[str, Any], start: str = "A") -> list[str]:
    return [str(d) for d in check_transitions({"StartAt": start, "States": states})]


def test_a_workflow_that_leads_to_its_end_is_right() -> None:
    choice = {"Type": "Choice", "Choices": [{"Next": "B"}, {"Next": "A"}], "Default": "C"}
    assert found({"A": choice, "B": {"Type": "Succeed"}, "C": {"Type": "Fail"}}) == []


@pytest.mark.parametrize(
    ("states", "place"),
    [
        ({"A": to("X"), "B": END}, "/States/A/Next"),
        (
            {"A": {"Type": "Choice", "Choices": [{"Next": "X"}], "Default": "B"}, "B": END},
            "/States/A/Choices[0]/Next",
        ),
        (
            {"A": {"Type": "Choice", "Choices": [{"Next": "B"}], "Default": "X"}, "B": END},
            "/States/A/Default",
        ),
        ({"A": {"Type": "Task", "End": True, "Catch": [{"Next": "X"}]}}, "/States/A/Catch[0]/Next"),
    ],
)
def test_a_target_that_is_not_there_is_named_with_its_place(
    states: dict[str, Any], place: str
) -> None:
    assert f"MISSING_TRANSITION_TARGET: Missing 'Next' target: X at {place}" in found(states)


def test_a_first_state_that_is_not_there_is_named() -> None:
    assert found({"A": END}, start="X") == [
        "MISSING_TRANSITION_TARGET: Missing 'Next' target: X at /StartAt",
        'MISSING_TRANSITION_TARGET: State "A" is not reachable. at /States/A',
    ]


def test_a_state_that_nothing_leads_to_is_named() -> None:
    assert found({"A": END, "B": to("C"), "C": END}) == [
        'MISSING_TRANSITION_TARGET: State "B" is not reachable. at /States/B',
        'MISSING_TRANSITION_TARGET: State "C" is not reachable. at /States/C',
    ]


def test_a_workflow_without_an_end_is_refused() -> None:
    assert found({"A": to("B"), "B": to("A"), "C": to("A")}) == [
        "MISSING_END_STATE: Workflow has no terminal state"
    ]


def test_branches_and_maps_lead_nowhere_else() -> None:
    branch = {"StartAt": "B", "States": {"B": to("A")}}
    processor = {"StartAt": "C", "States": {"C": END, "D": END}}
    states = {
        "A": {"Type": "Parallel", "Branches": [branch], "Next": "M"},
        "M": {"Type": "Map", "ItemProcessor": processor, "End": True},
    }
    assert found(states) == [
        "MISSING_TRANSITION_TARGET: Missing 'Next' target: A at "
        "/States/A/Branches[0]/States/B/Next",
        'MISSING_TRANSITION_TARGET: State "D" is not reachable. at '
        "/States/M/ItemProcessor/States/D",
    ]
