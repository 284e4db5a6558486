"""Faults on purpose, so that an application's reconnect and retry code can be tested.

A file lists the rules::

    seed: 7
    rules:
      - on: message            # connect, message, integration or post
        route: say             # a route key; without one, every route
        action: drop           # delay, drop, duplicate or fail
        probability: 0.1       # 1 if not said
        seconds: 2             # of a delay
        status: 503            # of a failed connect or post
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

PLACES = ("connect", "message", "integration", "post")
ACTIONS = ("delay", "drop", "duplicate", "fail")
_FIELDS = {"on", "route", "action", "probability", "seconds", "status"}


@dataclass(frozen=True)
class Rule:
    """One fault: where it strikes, what it does, and how often."""

    on: str
    action: str
    route: str | None = None
    probability: float = 1.0
    seconds: float = 1.0
    status: int | None = None


@dataclass(frozen=True)
class Strike:
    """What the rules do to one event."""

    delay: float = 0.0
    drop: bool = False
    duplicate: bool = False
    fail: bool = False
    status: int | None = None


NONE = Strike()


class Faults:
    """Decides, event by event and always alike for a seed, which rules strike."""

    def __init__(self, rules: list[Rule], seed: int = 0) -> None:
        self.rules = rules
        self._random = random.Random(seed)  # noqa: S311 - repeatable, not secret

    @classmethod
    def read(cls, document: Any) -> Faults:
        """Read a fault file's content.

        Raises:
            ValueError: says which rule is wrong, and how.
        """
        if not isinstance(document, Mapping) or not isinstance(document.get("rules"), list):
            raise ValueError("expected a mapping with a list of rules")
        rules = [_rule(i, item) for i, item in enumerate(document["rules"], 1)]
        return cls(rules, int(document.get("seed", 0)))

    def strike(self, on: str, route: str) -> Strike:
        """Return what happens to an event."""
        hits = [
            rule
            for rule in self.rules
            if rule.on == on
            and rule.route in (None, route)
            and self._random.random() < rule.probability
        ]
        if not hits:
            return NONE
        actions = {rule.action for rule in hits}
        return Strike(
            delay=sum(rule.seconds for rule in hits if rule.action == "delay"),
            drop="drop" in actions,
            duplicate="duplicate" in actions,
            fail="fail" in actions,
            status=next((r.status for r in hits if r.action == "fail" and r.status), None),
        )


def _rule(number: int, item: Any) -> Rule:
    def wrong(what: str) -> ValueError:
        return ValueError(f"rule {number}: {what}")

    if not isinstance(item, Mapping):
        raise wrong("expected a mapping")
    if unknown := set(item) - _FIELDS:
        raise wrong(f"unknown {', '.join(sorted(map(str, unknown)))}; known: {sorted(_FIELDS)}")
    # YAML 1.1 reads a bare "on" as true; the loader of the file keeps it a word.
    if item.get("on") not in PLACES:
        raise wrong(f"on: expected one of {', '.join(PLACES)}, not {item.get('on')!r}")
    if item.get("action") not in ACTIONS:
        raise wrong(f"action: expected one of {', '.join(ACTIONS)}, not {item.get('action')!r}")
    try:
        rule = Rule(
            on=item["on"],
            action=item["action"],
            route=None if item.get("route") is None else str(item["route"]),
            probability=float(item.get("probability", 1)),
            seconds=float(item.get("seconds", 1)),
            status=None if item.get("status") is None else int(item["status"]),
        )
    except (TypeError, ValueError) as error:
        raise wrong(str(error)) from error
    if not 0 <= rule.probability <= 1:
        raise wrong("probability: expected a number from 0 to 1")
    if rule.seconds < 0:
        raise wrong("seconds: expected a number of at least 0")
    if rule.status is not None and not 400 <= rule.status <= 599:
        raise wrong("status: expected an HTTP status from 400 to 599")
    return rule
