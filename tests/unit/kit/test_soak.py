"""A long run is judged by what grows after it has warmed up, and by what failed."""

from __future__ import annotations

import pytest

from benchmarks.soak_figures import Part, Sample, verdict

WARM = 600.0


def run(
    rss: float = 0.0, files: float = 0.0, threads: float = 0.0, minutes: int = 60
) -> list[Sample]:
    """A run whose engine grows by this a minute."""
    return [
        Sample(
            minute * 60.0,
            {
                "engine": Part(
                    200 + rss * minute, int(50 + files * minute), int(20 + threads * minute)
                ),
                "all": Part(700.0, 0, 0),
            },
        )
        for minute in range(1, minutes + 1)
    ]


def test_a_run_in_which_nothing_grows_is_good() -> None:
    assert verdict(run(), WARM) == []


@pytest.mark.parametrize(
    ("samples", "figure"),
    [(run(rss=1.0), "rss_mb"), (run(files=0.5), "files"), (run(threads=0.2), "threads")],
    ids=["memory", "files", "threads"],
)
def test_what_grows_is_named(samples: list[Sample], figure: str) -> None:
    (wrong,) = verdict(samples, WARM)
    assert wrong.startswith(f"engine: {figure} grew from ")


def test_what_grows_while_it_warms_up_does_not_count() -> None:
    warming = [Sample(second, {"engine": Part(second / 5, 50, 20)}) for second in range(0, 600, 60)]
    assert verdict([*warming, *run()[9:]], WARM) == []


def test_one_high_sample_is_no_growth() -> None:
    samples = run()
    samples[-1] = Sample(3600.0, {"engine": Part(400, 90, 40), "all": Part(900.0, 0, 0)})
    assert verdict(samples, WARM) == []


def test_errors_and_restarts_are_named() -> None:
    samples = run()
    last = samples[-1]
    samples.append(Sample(last.seconds, last.parts, restarts=1, errors=2))
    assert verdict(samples, WARM) == ["2 errors", "1 parts died and were started again"]


def test_a_run_that_is_too_short_says_nothing() -> None:
    (wrong,) = verdict(run(minutes=11), WARM)
    assert wrong.startswith("too short")


def test_a_part_that_is_gone_is_no_good_sign() -> None:
    samples = run()
    lost = [Sample(one.seconds, {"all": one.parts["all"]}) for one in samples[30:]]
    assert verdict([*samples[:30], *lost], WARM) == ["engine was not there"]
