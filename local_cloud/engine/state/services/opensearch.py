"""Domains are clusters: programs that are fetched, and started with what was held."""

from __future__ import annotations

from localstack.services.opensearch.models import opensearch_stores
from localstack.services.plugins import Service


def quiet(_: Service) -> None:
    """Have no clusters."""
    for regions in opensearch_stores.values():
        for store in regions.values():
            store.opensearch_domains.clear()
