"""Where a service holds what it holds: moto's backends, LocalStack's stores, and what is neither.

https://github.com/localstack/localstack/blob/main/localstack-core/localstack/state/core.py
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from typing import Any
from weakref import WeakKeyDictionary

from localstack.services.plugins import Service
from localstack.services.stores import LOCAL_ATTR_PREFIX, AccountRegionBundle
from localstack.state import AssetDirectory, StateVisitor
from moto.core.base_backend import BackendDict

#: What a service holds, by the name of its container.
Held = dict[str, Any]
#: Of services that hold more than LocalStack shows a visitor: what, and how it is put back.
Extra = tuple[Callable[[Service], Any], Callable[[Service, Any], None]]
extras: dict[str, Extra] = {}
_found: WeakKeyDictionary[Service, list[tuple[str, Any]]] = WeakKeyDictionary()


class _Collector(StateVisitor):  # type: ignore[misc]
    def __init__(self) -> None:
        self.found: list[Any] = []

    def visit(self, state_container: Any) -> None:
        if not isinstance(state_container, AssetDirectory):
            self.found.append(state_container)


def _containers(service: Service) -> list[tuple[str, Any]]:
    # Found once: it means imports, of which those that fail take a millisecond each time.
    if (found := _found.get(service)) is None:
        collector = _Collector()
        service.accept_state_visitor(collector)
        found = [(f"{type(one).__name__}:{one.service_name}", one) for one in collector.found]
        _found[service] = found
    return found


def holds_anything(service: Service) -> bool:
    """Return whether it is a service that holds something at all."""
    return bool(_containers(service)) or service.name() in extras


def held_by(service: Service) -> Held:
    """Return what a service holds now, as plain dictionaries of its own objects."""
    held: Held = {}
    for name, container in _containers(service):
        if isinstance(container, BackendDict):
            held[name] = {
                (account, region): dict(backend.__dict__)
                for account, regions in list(container.items())
                for region, backend in list(regions.items())
            }
        elif isinstance(container, AccountRegionBundle):
            held[name] = _stores(container)
    if service.name() in extras:
        held["extra"] = extras[service.name()][0](service)
    return held


def _stores(bundle: AccountRegionBundle) -> Any:
    return {
        "everywhere": dict(bundle._universal),
        "accounts": {
            account: {
                "all regions": dict(regions._global),
                "regions": {
                    region: {
                        name: value
                        for name, value in list(store.__dict__.items())
                        if name.startswith(LOCAL_ATTR_PREFIX)
                    }
                    for region, store in list(regions.items())
                },
            }
            for account, regions in list(bundle.items())
        },
    }


def put_back(service: Service, held: Held) -> None:
    """Have a service hold this."""
    for name, container in _containers(service):
        kept = held.get(name)
        if kept is None:
            continue
        if isinstance(container, BackendDict):
            for (account, region), values in kept.items():
                _update(container[account][region].__dict__, values)
        else:
            container._universal.update(kept["everywhere"])
            for account, regions in kept["accounts"].items():
                container[account]._global.update(regions["all regions"])
                for region, values in regions["regions"].items():
                    _update(container[account][region].__dict__, values)
    if "extra" in held and service.name() in extras:
        extras[service.name()][1](service, held["extra"])


def _update(attributes: dict[str, Any], values: dict[str, Any]) -> None:
    for name, value in values.items():
        made = attributes.get(name)
        if isinstance(made, defaultdict) and not isinstance(value, defaultdict):
            made.update(value)  # what makes its missing values is code, and not kept
        else:
            attributes[name] = value
