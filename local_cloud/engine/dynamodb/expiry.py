"""Deletes items whose time to live has passed, as DynamoDB does some time later.

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/howitworks-ttl.html
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator

from moto.dynamodb.models import dynamodb_backends
from moto.dynamodb.models.dynamo_type import Item
from moto.dynamodb.models.table import Table

from local_aws.background import start_thread

LOG = logging.getLogger(__name__)

#: Seconds between two looks.
SWEEP_SECONDS = 10.0
#: What lies further back is no time that an item was to live until.
_FIVE_YEARS = 5 * 365 * 24 * 60 * 60
#: Who deletes, in a stream's records.
_SERVICE = {"type": "Service", "principalId": "dynamodb.amazonaws.com"}


def start_sweeping(lock: threading.Lock) -> None:
    """Look for expired items for as long as the process runs.

    Args:
        lock: held while the tables are looked at.
    """

    def sweep_on() -> None:
        while True:
            time.sleep(SWEEP_SECONDS)
            try:
                with lock:
                    sweep(time.time())
            except Exception:  # the next time it may go well
                LOG.exception("what has expired is not deleted")

    start_thread(sweep_on, "dynamodb-ttl")


def sweep(now: float) -> int:
    """Delete what has expired by ``now``, in seconds since 1970; return how many items."""
    deleted = 0
    for table in _tables():
        if table.ttl.get("TimeToLiveStatus") != "ENABLED":
            continue
        for item in table.all_items():
            if _has_expired(item, str(table.ttl.get("AttributeName")), now):
                table.delete_item(item.hash_key, item.range_key)
                if table.stream_shard is not None and table.stream_shard.items:
                    table.stream_shard.items[-1].record["userIdentity"] = _SERVICE
                deleted += 1
    return deleted


def _tables() -> Iterator[Table]:
    for account in list(dynamodb_backends.values()):
        for backend in list(account.values()):
            yield from list(backend.tables.values())


def _has_expired(item: Item, attribute: str, now: float) -> bool:
    value = item.attrs.get(attribute)
    if value is None or not value.is_number():
        return False
    until = float(value.value)
    return now - _FIVE_YEARS < until < now
