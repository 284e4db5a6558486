"""Rules match events and times by themselves."""

from __future__ import annotations

from typing import Any

from localstack.aws.api.events import RuleState
from localstack.services.events.models import Rule, events_stores
from localstack.services.events.provider import EventsProvider
from localstack.services.plugins import Service


def prepare(_: Service) -> None:
    """Have rules that are disabled match nothing: LocalStack looks at their patterns alone.

    https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_DisableRule.html
    """
    process = EventsProvider._process_rules

    def process_enabled(self: EventsProvider, rule: Rule, *event: Any) -> None:
        if rule.state != RuleState.DISABLED:
            process(self, rule, *event)

    EventsProvider._process_rules = process_enabled


def quiet(_: Service) -> None:
    """Disable all rules."""
    for regions in events_stores.values():
        for store in regions.values():
            for bus in store.event_buses.values():
                for rule in bus.rules.values():
                    rule.state = RuleState.DISABLED
