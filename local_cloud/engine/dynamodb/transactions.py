"""Transactions that keep what they change until they have succeeded, and not whole tables.

moto copies each table once for each of a transaction's items, with all that its stream has told,
and puts the copies in the tables' place when it fails.

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/transaction-apis.html
"""

from __future__ import annotations

import copy
from typing import Any

import moto.dynamodb.models as moto_models
from moto.dynamodb.models.dynamo_type import Item
from moto.dynamodb.models.table import Table

from local_cloud.engine.dynamodb.places import Place


class _Copies:
    """:mod:`copy`, for moto, which copies tables there for transactions only."""

    @staticmethod
    def deepcopy(value: Any) -> Any:
        return value if isinstance(value, Table) else copy.deepcopy(value)


class _Before:
    """An item as it was, ``None`` where there was none, and how much its table's stream told."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self.item: Item | None = copy.deepcopy(place.item())
        self.shard = place.table.stream_shard
        self.told = len(self.shard.items) if self.shard is not None else 0

    def put_back(self) -> None:
        self.place.put(self.item)
        if self.shard is not None and len(self.shard.items) > self.told:
            del self.shard.items[self.told :]


def keep_only_what_changes() -> None:
    """Put it in the place of moto's."""
    backend = moto_models.DynamoDBBackend
    write = backend.transact_write_items

    def transact(self: Any, transact_items: list[dict[str, Any]]) -> None:
        parts = [part for item in transact_items for part in item.values()]
        places = [Place.of(self.tables, part) for part in parts]
        before = [_Before(place) for place in places if place is not None]
        try:
            write(self, transact_items)
        except Exception:
            for was in before:
                was.put_back()
            raise

    moto_models.copy = _Copies
    backend.transact_write_items = transact
