"""Items and the records of streams are kept one by one."""

from __future__ import annotations

from typing import Any

from localstack.services.plugins import Service
from moto.dynamodb.models.table import StreamShard, Table

from local_cloud.engine.state.noted import NotedDict, NotedList


def prepare(_: Service) -> None:
    """Have new tables and shards note what changes."""
    new_table, new_shard = Table.__init__, StreamShard.__init__

    def init_table(self: Table, *args: Any, **kwargs: Any) -> None:
        new_table(self, *args, **kwargs)
        self.items = NotedDict(nested=True)

    def init_shard(self: StreamShard, *args: Any, **kwargs: Any) -> None:
        new_shard(self, *args, **kwargs)
        self.items = NotedList()

    Table.__init__, StreamShard.__init__ = init_table, init_shard
