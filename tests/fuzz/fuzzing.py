"""How long the fuzzers run: a few examples each, or ``FUZZ_SECONDS`` each."""

from __future__ import annotations

import functools
import os
import time
from collections.abc import Callable
from typing import Any

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis.strategies import SearchStrategy

#: Seconds for each fuzzer; without it, one round of the same examples each time.
SECONDS = float(os.environ.get("FUZZ_SECONDS", "0"))
_EXAMPLES = 60
_PHASES = (Phase.explicit, Phase.generate, Phase.shrink)


def fuzz(
    examples: int = _EXAMPLES, **strategies: SearchStrategy[Any]
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Return a decorator that calls a test with what its strategies make.

    Args:
        examples: in a round.
    """

    def decorate(test: Callable[..., None]) -> Callable[..., None]:
        @functools.wraps(test)
        def rounds() -> None:
            until, number = time.monotonic() + SECONDS, 0
            while number == 0 or time.monotonic() < until:
                bound = settings(
                    max_examples=examples,
                    database=None,
                    deadline=None,
                    derandomize=not SECONDS,
                    phases=_PHASES,
                    suppress_health_check=list(HealthCheck),
                )
                one_round = bound(given(**strategies)(test))
                (seed(time.time_ns())(one_round) if SECONDS else one_round)()
                number += 1

        del rounds.__wrapped__  # pytest would look for fixtures by its arguments
        return rounds

    return decorate
