"""Faults on purpose, so that an application's reconnect and retry code can be tested.

A file lists the rules::

    seed: 7
    rules:
      - on: message            # connect, message, integration or post: at the gateway
        route: say             # a route key; without one, every route
        action: drop           # delay, drop, duplicate or fail
        probability: 0.1       # 1 if not said
        seconds: 2             # of a delay
        status: 503            # of a failed connect or post
      - on: call               # a call of an AWS API
        service: dynamodb      # without one, every service; so with what follows
        operation: PutItem
        resource: orders       # a table, bucket, queue, … as the call names it
        caller: my-function    # a function
        action: fail           # delay, fail, or lose: the answer, after it was done
        error: ThrottlingException
        count: 3               # how often it strikes at most
"""

from __future__ import annotations

import random
import re
import threading
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any

CALL = "call"
PLACES = ("connect", "message", "integration", "post", CALL)
_AT_THE_GATEWAY = ("delay", "drop", "duplicate", "fail")
_ACTIONS: dict[str, tuple[str, ...]] = dict.fromkeys(PLACES, _AT_THE_GATEWAY)
_ACTIONS[CALL] = ("delay", "fail", "lose")
#: What a rule may ask for, of a call or else of an event at the gateway.
_OF_CALLS = ("service", "operation", "resource", "caller")
_ABOUT = ("route", *_OF_CALLS)


@dataclass
class Rule:
    """One fault: where it strikes, what it does, and how often."""

    on: str
    action: str
    route: str | None = None
    service: str | None = None
    operation: str | None = None
    resource: str | None = None
    caller: str | None = None
    error: str | None = None
    probability: float = 1.0
    count: int | None = None
    seconds: float = 1.0
    status: int | None = None
    #: How often it has struck.
    struck: int = field(default=0, metadata={"told": False})

    def fits(self, on: str, about: Mapping[str, str | None]) -> bool:
        """Return whether it is about an event, and has strikes left."""
        return (
            self.on == on
            and (self.count is None or self.struck < self.count)
            and all(self._is_about(name, about.get(name)) for name in _ABOUT)
        )

    def _is_about(self, name: str, value: str | None) -> bool:
        wanted = getattr(self, name)
        if wanted is None or wanted == value:
            return True
        # A resource may be named by its ARN or its URL, too.
        return name == "resource" and re.split("[:/]", value or "")[-1] == wanted


_FIELDS = {one.name for one in fields(Rule) if one.metadata.get("told", True)}


@dataclass(frozen=True)
class Strike:
    """What the rules do to one event."""

    delay: float = 0.0
    drop: bool = False
    duplicate: bool = False
    fail: bool = False
    lose: bool = False
    status: int | None = None
    error: str | None = None


NONE = Strike()


class Faults:
    """Decides, event by event and always alike for a seed, which rules strike."""

    def __init__(self, rules: Iterable[Rule] = (), seed: int = 0) -> None:
        self.rules = list(rules)
        self.seed = seed
        self._lock = threading.Lock()
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

    def add(self, others: Faults) -> None:
        """Take the rules of others, too; their seed begins anew."""
        with self._lock:
            self.rules += others.rules
            self.seed = others.seed
            self._random.seed(others.seed)

    def clear(self) -> None:
        """Forget every rule."""
        with self._lock:
            self.rules.clear()

    def told(self) -> dict[str, Any]:
        """Return the rules, with how often each has struck."""
        rules = [{k: v for k, v in asdict(rule).items() if v is not None} for rule in self.rules]
        return {"seed": self.seed, "rules": rules}

    def strike(self, on: str, **about: str | None) -> Strike:
        """Return what happens to an event.

        Args:
            about: what it is: its ``route``, or its ``service``, ``operation``, ``resource`` and
                ``caller``.
        """
        if not self.rules:
            return NONE
        with self._lock:
            hits = [
                rule
                for rule in self.rules
                if rule.fits(on, about) and self._random.random() < rule.probability
            ]
            for rule in hits:
                rule.struck += 1
        if not hits:
            return NONE
        actions = {rule.action for rule in hits}
        failing = [rule for rule in hits if rule.action == "fail"]
        return Strike(
            delay=sum(rule.seconds for rule in hits if rule.action == "delay"),
            drop="drop" in actions,
            duplicate="duplicate" in actions,
            fail="fail" in actions,
            lose="lose" in actions,
            status=next((rule.status for rule in failing if rule.status), None),
            error=next((rule.error for rule in failing if rule.error), None),
        )


def parted(document: Any) -> dict[bool, dict[str, Any]]:
    """Return a fault file's content in two: that of calls, and that of the gateway.

    Raises:
        ValueError: says which rule is wrong, and how.
    """
    Faults.read(document)
    return {
        of_calls: {**document, "rules": rules}
        for of_calls in (True, False)
        if (rules := [rule for rule in document["rules"] if (rule["on"] == CALL) is of_calls])
    }


def _rule(number: int, item: Any) -> Rule:
    def wrong(what: str) -> ValueError:
        return ValueError(f"rule {number}: {what}")

    if not isinstance(item, Mapping):
        raise wrong("expected a mapping")
    if unknown := set(item) - _FIELDS:
        raise wrong(f"unknown {', '.join(sorted(map(str, unknown)))}; known: {sorted(_FIELDS)}")
    # YAML 1.1 reads a bare "on" as true; the loader of the file keeps it a word.
    place = item.get("on")
    if place not in PLACES:
        raise wrong(f"on: expected one of {', '.join(PLACES)}, not {place!r}")
    if item.get("action") not in _ACTIONS[place]:
        expected = ", ".join(_ACTIONS[place])
        raise wrong(f"action: expected one of {expected}, not {item.get('action')!r}")
    others = ("route",) if place == CALL else (*_OF_CALLS, "error")
    if misplaced := [name for name in others if item.get(name) is not None]:
        raise wrong(f"{misplaced[0]}: is not known of on: {place}")
    named: dict[str, Any] = {
        name: str(item[name]) for name in (*_ABOUT, "error") if item.get(name) is not None
    }
    try:
        rule = Rule(
            on=place,
            action=item["action"],
            **named,
            probability=float(item.get("probability", 1)),
            count=None if item.get("count") is None else int(item["count"]),
            seconds=float(item.get("seconds", 1)),
            status=None if item.get("status") is None else int(item["status"]),
        )
    except (TypeError, ValueError) as error:
        raise wrong(str(error)) from error
    if not 0 <= rule.probability <= 1:
        raise wrong("probability: expected a number from 0 to 1")
    if rule.count is not None and rule.count < 1:
        raise wrong("count: expected a number of at least 1")
    if rule.seconds < 0:
        raise wrong("seconds: expected a number of at least 0")
    if rule.status is not None and not 400 <= rule.status <= 599:
        raise wrong("status: expected an HTTP status from 400 to 599")
    return rule
