"""Event source mappings call functions by themselves, and provisioned concurrency starts them."""

from __future__ import annotations

from localstack.services.lambda_.event_source_mapping.esm_worker import EsmState
from localstack.services.lambda_.invocation.models import lambda_stores
from localstack.services.plugins import Service


def quiet(_: Service) -> None:
    """Disable all mappings, and start no function before it is called."""
    for regions in lambda_stores.values():
        for store in regions.values():
            for mapping in store.event_source_mappings.values():
                mapping["State"] = EsmState.DISABLED
            for function in store.functions.values():
                function.provisioned_concurrency_configs.clear()
