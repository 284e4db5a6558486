"""Names what a test shows of API Gateway; ``docs/websocket-fidelity.md`` lists it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

DOCS = "https://docs.aws.amazon.com/apigateway/latest/developerguide/"


@dataclass(frozen=True)
class Behaviour:
    """What AWS does, who says so, and the test that shows that the gateway does it."""

    group: str
    text: str
    source: str
    test: str
    #: The probe that asks other emulators the same, if one can.
    probe: str | None


BEHAVIOURS: list[Behaviour] = []

Test = Callable[..., Any]


def behaviour(
    group: str, text: str, source: str, probe: str | None = None
) -> Callable[[Test], Test]:
    """Mark a test as showing a behaviour.

    Args:
        source: a page of the API Gateway developer guide, a public report, or ``"believed"``.
    """

    def mark(test: Test) -> Test:
        name = f"{test.__module__.replace('.', '/')}.py::{test.__name__}"
        where = DOCS + source if source.endswith(".html") and "//" not in source else source
        BEHAVIOURS.append(Behaviour(group, text, where, name, probe))
        return test

    return mark
