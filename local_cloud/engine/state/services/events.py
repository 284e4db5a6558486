"""Rules match events and times by themselves."""

from __future__ import annotations

from localstack.aws.api.events import RuleState
from localstack.services.events.models import events_stores
from localstack.services.plugins import Service


def quiet(_: Service) -> None:
    """Disable all rules."""
    for regions in events_stores.values():
        for store in regions.values():
            for bus in store.event_buses.values():
                for rule in bus.rules.values():
                    rule.state = RuleState.DISABLED
