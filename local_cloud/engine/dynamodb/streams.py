"""What a table's stream tells: each change once, with the images that there are.

moto tells an update that makes an item twice, first with the item's key alone, tells writes that
change nothing, and has an empty image in the place of none.

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Streams.html
"""

from __future__ import annotations

from typing import Any

from moto.dynamodb.models import DynamoDBBackend
from moto.dynamodb.models.dynamo_type import Item
from moto.dynamodb.models.table import StreamRecord, StreamShard

from local_cloud.engine.dynamodb.places import Place

#: The stream of an item that an update makes, between its key and the rest. One request at a time.
_half_made: list[StreamShard] = []


def tell_as_dynamodb() -> None:
    """Put it in the place of moto's."""
    make, add, update = StreamRecord.__init__, StreamShard.add, DynamoDBBackend.update_item

    def init(self: StreamRecord, *args: Any, **kwargs: Any) -> None:
        make(self, *args, **kwargs)
        for image in ("OldImage", "NewImage"):
            if self.record["dynamodb"].get(image) == {}:
                del self.record["dynamodb"][image]

    def add_change(self: StreamShard, old: Item | None, new: Item | None) -> None:
        if self in _half_made:
            _half_made.remove(self)
        elif old is None or new is None or old.attrs != new.attrs:
            add(self, old, new)

    def update_item(
        self: DynamoDBBackend, table_name: str, key: Any, *args: Any, **more: Any
    ) -> Any:
        place = Place.of(self.tables, {"TableName": table_name, "Key": key})
        if place is None or place.item() is not None:
            return update(self, table_name, key, *args, **more)
        shard = place.table.stream_shard
        if shard is not None:
            _half_made.append(shard)
        try:
            return update(self, table_name, key, *args, **more)
        except Exception:
            place.put(None)  # it is not left with its key alone
            raise
        finally:
            _half_made.clear()

    StreamRecord.__init__, StreamShard.add = init, add_change
    DynamoDBBackend.update_item = update_item
