"""Events: numbered without a gap, stored before they are pushed, pushed once."""

from __future__ import annotations

import json

import pytest

from agent_common import analyses, events
from tests.unit.lambdas.conftest import Pushed


@pytest.fixture(autouse=True)
def analysis(cloud: Pushed) -> None:
    analyses.create("a1", "alice", "c1", "Why?", "nsw", 20)


def test_events_are_numbered_from_accepted_on(cloud: Pushed) -> None:
    assert events.emit("a1", analyses.ACCEPTED, "accepted") == 1
    assert events.emit("a1", "parsed", "progress") == 2
    assert events.emit("a1", "1.delta.0", "llm.delta", text="Hm") == 3
    assert [event["seq"] for event in events.since("a1", 0)] == [1, 2, 3]


def test_a_retried_task_pushes_the_same_event_again(cloud: Pushed) -> None:
    first = events.emit("a1", "parsed", "progress", text="once")
    again = events.emit("a1", "parsed", "progress", text="twice")
    assert first == again
    assert [event["text"] for event in events.since("a1", 0)] == ["once"]
    assert [json.loads(data)["text"] for _, data in cloud.sent] == ["once", "once"]


def test_an_event_is_pushed_to_every_connection_of_its_analysis(cloud: Pushed) -> None:
    analyses.subscribe("a1", "c2")
    events.emit("a1", "parsed", "progress", step="ParseInitialQuery")
    assert [connection for connection, _ in cloud.sent] == ["c1", "c2"]
    message = json.loads(cloud.sent[0][1])
    assert message["type"] == "progress"
    assert message["analysisId"] == "a1"


def test_a_connection_that_is_gone_is_not_pushed_to_again(cloud: Pushed) -> None:
    cloud.gone.add("c1")
    events.emit("a1", "parsed", "progress")
    cloud.gone.clear()
    events.emit("a1", "more", "progress")
    assert cloud.sent == []
    assert [event["seq"] for event in events.since("a1", 0)] == [2, 3], "and nothing is lost"


def test_resume_finds_what_came_after(cloud: Pushed) -> None:
    for number in range(5):
        events.emit("a1", f"step {number}", "progress")
    assert [event["seq"] for event in events.since("a1", 4)] == [5, 6]
