"""The inputs of child executions: one item each, or batches of them.

https://docs.aws.amazon.com/step-functions/latest/dg/input-output-itembatcher.html
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from localstack.services.stepfunctions.asl.eval.environment import Environment

from local_cloud.engine.workflows.distributed_map.definition import Definition
from local_cloud.engine.workflows.distributed_map.failures import MapRunFailure

#: The largest input of an execution.
MAX_BYTES = 256 * 1024
FAILED = "States.Runtime"


@dataclass(frozen=True)
class ChildInput:
    """What a child execution is given, and how many items that is."""

    value: Any
    items: int = 1


def batched(items: list[Any], definition: Definition, env: Environment) -> list[ChildInput]:
    """Return the inputs of the child executions.

    Raises:
        MapRunFailure: the batcher asks for what cannot be.
    """
    batcher = definition.batcher
    if not batcher:
        return [ChildInput(item) for item in items]
    most = definition.number(batcher, "MaxItemsPerBatch", env)
    size = definition.number(batcher, "MaxInputBytesPerBatch", env)
    if most is None and size is None:
        raise MapRunFailure(
            FAILED, "ItemBatcher needs MaxItemsPerBatch or MaxInputBytesPerBatch, or both."
        )
    for name, value in (("MaxItemsPerBatch", most), ("MaxInputBytesPerBatch", size)):
        if value is not None and value < 1:
            raise MapRunFailure(FAILED, f"{name} must be a positive integer, but is {value}.")
    shared = {}
    if "BatchInput" in batcher:
        shared = {"BatchInput": definition.evaluate(batcher["BatchInput"], env)}
    empty = len(json.dumps({**shared, "Items": []}))
    parts = _parts(items, most or len(items), min(size or MAX_BYTES, MAX_BYTES) - empty)
    return [ChildInput({**shared, "Items": part}, len(part)) for part in parts]


def _parts(items: list[Any], most: int, room: int) -> Iterator[list[Any]]:
    part: list[Any] = []
    used = 0
    for item in items:
        size = len(json.dumps(item, ensure_ascii=False).encode()) + 1  # and a comma
        if part and (len(part) >= most or used + size > room):
            yield part
            part, used = [], 0
        part.append(item)
        used += size
    if part:
        yield part
