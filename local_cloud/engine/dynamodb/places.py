"""Where an item is or would be, written without a word to the table's stream."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from moto.dynamodb.models.dynamo_type import DynamoType, Item
from moto.dynamodb.models.table import Table


def named(tables: Mapping[str, Table], name: str) -> Table | None:
    """Return a table by its name or ARN, ``None`` where there is none."""
    return tables.get(name.rpartition("/")[2])


@dataclass(frozen=True)
class Place:
    """A table and a primary key in it."""

    table: Table
    hash_key: DynamoType
    range_key: DynamoType | None

    @classmethod
    def of(cls, tables: Mapping[str, Table], request: Mapping[str, Any]) -> Place | None:
        """Return where a request's ``Key`` or ``Item`` is, ``None`` where moto would refuse it.

        Args:
            tables: by their names; the request may have an ARN.
        """
        table = named(tables, request.get("TableName", ""))
        key = request.get("Key") or request.get("Item") or {}
        if table is None:
            return None
        names = [name for name in (table.hash_key_attr, table.range_key_attr) if name is not None]
        if not all(name in key for name in names):
            return None
        hash_key, range_key = (*(DynamoType(key[name]) for name in names), None)[:2]
        assert hash_key is not None
        return cls(table, hash_key, range_key)

    def item(self) -> Item | None:
        """Return the item that is there."""
        return self.table.get_item(self.hash_key, self.range_key)

    def put(self, item: Item | None) -> None:
        """Put an item there, or none."""
        items, key = self.table.items, self.hash_key
        if self.range_key is not None and (item is not None or key in items):
            items, key = items[key], self.range_key
        if item is not None:
            items[key] = item
        elif key in items:
            del items[key]
