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


# The model's words: as many events as they need, one mark of them


def say(chain: str, words: list[str]) -> int | None:
    last: int | None = None
    for word in words:
        last = events.emit_next("a1", chain, last, "llm.delta", turn=1, attempt=1, text=word)
    return last


def texts() -> list[str]:
    return [event.get("text", event["type"]) for event in events.since("a1", 0)]


def test_any_number_of_deltas_leaves_the_analysis_as_small_as_it_was(cloud: Pushed) -> None:
    say("1.1.delta", ["x"])
    before = len(json.dumps(analyses.get("a1"), default=str))
    say("2.1.delta", ["x"] * 300)
    assert len(json.dumps(analyses.get("a1"), default=str)) < before + 50
    assert events.emit("a1", "finished", "finished") == 303


def test_a_delta_that_is_sent_twice_is_one_event(cloud: Pushed) -> None:
    first = events.emit_next("a1", "1.1.delta", None, "llm.delta", text="a")
    again = events.emit_next("a1", "1.1.delta", None, "llm.delta", text="a")
    assert first == again == 2
    assert texts() == ["a"]


def test_the_text_of_an_attempt_that_died_is_void_and_the_client_is_told(cloud: Pushed) -> None:
    assert analyses.begin_attempt("a1", 1) == 1
    say("1.1.delta", ["head of ", "try one"])
    assert analyses.begin_attempt("a1", 1) == 2
    events.restart_text("a1", 1, 2)
    say("1.2.delta", ["head of ", "try two, ", "its tail"])
    assert texts() == [
        *("head of ", "try one"),
        "llm.restarted",
        *("head of ", "try two, ", "its tail"),
    ]
    numbers = [event["seq"] for event in events.since("a1", 0)]
    assert numbers == list(range(2, 8)), "no number is missing"


def test_an_attempt_that_said_nothing_has_nothing_to_take_back(cloud: Pushed) -> None:
    analyses.begin_attempt("a1", 1)
    analyses.begin_attempt("a1", 1)
    events.restart_text("a1", 1, 2)
    assert texts() == []


def test_a_number_that_an_attempt_died_with_is_given_to_the_restart(
    cloud: Pushed, monkeypatch: pytest.MonkeyPatch
) -> None:
    last = say("1.1.delta", ["head of "])
    with monkeypatch.context() as patch:
        patch.setattr(events, "_publish", lambda event, type_, fields: event.seq)
        events.emit_next("a1", "1.1.delta", last, "llm.delta", turn=1, text="never stored")
    events.restart_text("a1", 1, 2)
    say("1.2.delta", ["all of it"])
    assert texts() == ["head of ", "llm.restarted", "all of it"]
    assert [event["seq"] for event in events.since("a1", 0)] == [2, 3, 4]
