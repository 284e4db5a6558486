"""What a causal graph says, held against another library and against data."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from tests.unit.lambdas.causal_tools import kinds, run
from tests.unit.lambdas.function_code import load

graph = load("dispatch-tool", "tools.graph")
ORACLE = json.loads((Path(__file__).parents[2] / "oracles" / "dowhy_graphs.json").read_text())

COLLIDER = [["a", "t"], ["a", "c"], ["b", "c"], ["b", "y"], ["t", "y"]]


def identify(edges: list[list[str]], unobserved: list[str], **more: object) -> dict[str, Any]:
    answer: dict[str, Any] = graph.identify_adjustment_set("t", "y", edges, unobserved, **more)
    return answer


def test_five_hundred_graphs_are_identified_as_dowhy_does() -> None:
    assert len(ORACLE) == 500
    ways = set()
    for case in ORACLE:
        answer = graph.identify_adjustment_set("T", "Y", case["edges"], case["unobserved"])
        ways.add(answer["by"])
        if case["back_door_sets"]:
            assert answer["by"] == "back-door"
            assert answer["adjustment_set"] in case["back_door_sets"]
        else:
            assert answer["by"] != "back-door"
            assert answer["open_path"][0] == "T"
            assert answer["open_path"][-1] == "Y"
        alone = [one["column"] for one in answer["instruments"] if not one["given"]]
        assert sorted(alone) == case["instruments"], case
        assert bool(answer["front_door"]) == bool(case["front_door"]), case
        made = graph.make_graph("T", "Y", case["edges"])
        if answer["by"] in ("back-door", "front-door"):
            assert graph.identifiable(made, "T", "Y", set(case["unobserved"]))
    assert ways == {"back-door", "front-door", "instrument", "other", "none"}


@pytest.mark.parametrize(
    ("edges", "unobserved", "by", "words"),
    [
        ([["z", "t"], ["z", "y"], ["t", "y"]], [], "back-door", None),
        ([["t", "m"], ["m", "y"], ["u", "t"], ["u", "y"]], ["u"], "front-door", "through m"),
        ([["z", "t"], ["t", "y"], ["u", "t"], ["u", "y"]], ["u"], "instrument", "instrument z"),
        ([["t", "y"], ["u", "t"], ["u", "y"]], ["u"], "none", "t ← u → y stays open"),
    ],
)
def test_what_identifies_an_effect_is_said(
    edges: list[list[str]], unobserved: list[str], by: str, words: str | None
) -> None:
    answer = identify(edges, unobserved)
    assert answer["by"] == by
    assert words is None or words in answer["note"]
    assert answer["identified"] is (by != "none")


def test_an_instrument_may_need_company() -> None:
    edges = [["z", "t"], ["w", "z"], ["w", "y"], ["t", "y"], ["u", "t"], ["u", "y"]]
    assert identify(edges, ["u"])["instruments"] == [{"column": "z", "given": ["w"]}]


@pytest.mark.parametrize(
    ("edges", "proposed", "words"),
    [
        (COLLIDER, ["c"], "c is a collider"),
        ([["t", "m"], ["m", "y"]], ["m"], "m is caused by t"),
        ([["z", "t"], ["z", "y"], ["t", "y"]], [], "t ← z → y stays open"),
    ],
)
def test_a_wrong_adjustment_set_is_refused_before_anything_is_estimated(
    edges: list[list[str]], proposed: list[str], words: str
) -> None:
    assert any(words in sentence for sentence in identify(edges, [], proposed=proposed)["refused"])
    names = {name for edge in edges for name in edge}
    frame = pd.DataFrame({name: [0, 1, 1] * 10 for name in sorted(names)})
    answer = run(
        "estimate_effect",
        frame,
        treatment="t",
        outcome="y",
        adjustment_set=proposed,
        edges=edges,
        methods=["ols"],
    )
    assert words in answer["error"]


def test_data_that_contradict_a_graph_are_told() -> None:
    random = np.random.default_rng(0)
    a, b = random.normal(size=(2, 2000))
    t = (a + random.normal(size=2000) > 0).astype(int)
    y = t + b + random.normal(size=2000)
    frame = pd.DataFrame({"t": t, "y": y, "a": a, "b": b})
    right = run(
        "check_graph",
        frame,
        treatment="t",
        outcome="y",
        edges=[["a", "t"], ["t", "y"], ["b", "y"]],
    )
    assert right["agrees"] is True
    assert right["tested"] == 3
    wrong = run(
        "check_graph",
        frame,
        treatment="t",
        outcome="y",
        edges=[["b", "t"], ["t", "y"], ["a", "y"]],
    )
    assert kinds(wrong, "weakens") == {"graph"}
    assert {tuple(test["columns"]) for test in wrong["contradicted"]} >= {("b", "y")}
    left_open = run(
        "check_graph",
        frame,
        treatment="t",
        outcome="y",
        edges=[["t", "y"]],
        open_among=["a", "b", "t", "y"],
    )
    assert left_open["tested"] == 0
