"""Two commits' figures, put side by side."""

from __future__ import annotations

import json

from benchmarks.against import compared, read


def run(p50: float, rate: float) -> list[str]:
    return [
        json.dumps({"bench": "machine", "cores": 2}),
        "a line of something else",
        json.dumps(
            {
                "bench": "gateway.echo",
                "target": "local-cloud",
                "clients": 1,
                "p50_ms": p50,
                "messages_per_second": rate,
            }
        ),
    ]


def test_each_figure_is_told_with_both_medians_and_their_ratio() -> None:
    here = [read(run(p50, 100)) for p50 in (1.0, 9.0, 2.0)]
    there = [read(run(p50, 50)) for p50 in (4.0, 4.0, 1.0)]
    of = {"of": {"bench": "gateway.echo", "target": "local-cloud", "clients": 1}}
    assert compared(here, there) == [
        {**of, "figure": "p50_ms", "here": 2.0, "there": 4.0, "ratio": 0.5},
        {**of, "figure": "messages_per_second", "here": 100.0, "there": 50.0, "ratio": 2.0},
    ]


def test_what_only_one_of_them_measures_is_left_out() -> None:
    more = json.dumps({"bench": "new", "seconds": 1})
    assert compared([read([more])], [read(run(1, 1))]) == []
