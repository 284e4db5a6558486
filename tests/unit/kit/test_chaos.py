"""What chaos counts as wrong, and what it does in which order."""

from collections import Counter
from typing import Any

import pytest

from local_cloud.chaos.runs import PHASES, Fault, Run, _wrong_messages, plan, summed
from local_cloud.chaos.victims import KILL, PARTS, STOP


def test_every_fault_comes_as_often_as_any_other() -> None:
    everything = len(PARTS) * len(PHASES) * 2
    counts = Counter(plan(3 * everything, seed=1))
    assert len(counts) == everything
    assert set(counts.values()) == {3}


def test_a_seed_is_an_order() -> None:
    assert plan(20, 1) == plan(20, 1)
    assert plan(20, 1) != plan(20, 2)


def messages(*numbers: int, **last: Any) -> list[dict[str, Any]]:
    told = [{"type": "progress", "seq": number} for number in numbers]
    return [*told, {"type": "finished", "status": "SUCCEEDED", "seq": len(numbers) + 1, **last}]


@pytest.mark.parametrize(
    ("seen", "words"),
    [
        (messages(1, 2), ""),
        (messages(1, 1), "events are"),
        (messages(2, 1), "events are"),
        (messages(1, seq=3), "events are"),
        (messages(1, status="FAILED"), "ended with FAILED"),
        ([], "ended with None"),
        ([{"type": "error", "code": "AnalysisNotFound"}], "ended with AnalysisNotFound"),
    ],
)
def test_what_a_client_sees_is_judged(seen: list[dict[str, Any]], words: str) -> None:
    found = " ".join(_wrong_messages(seen))
    assert bool(found) == bool(words)
    assert words in found


def test_runs_are_summed_by_part_and_action() -> None:
    runs = [
        Run(Fault("engine", KILL, "prompt"), 2.0, 10),
        Run(Fault("engine", KILL, "accepted"), 4.0, 20, ["lost"]),
        Run(Fault("console", STOP, "accepted"), 1.0, 5),
    ]
    engine, console = summed(runs)
    assert (engine["runs"], engine["wrong"]) == (2, 1)
    assert (engine["longest_seconds"], engine["writes"]) == (4.0, 30)
    assert (console["part"], console["wrong"]) == ("console", 0)
