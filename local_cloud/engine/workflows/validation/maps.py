"""What only a Map has.

https://docs.aws.amazon.com/step-functions/latest/dg/state-map-distributed.html
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from local_cloud.engine.workflows.validation.diagnostics import Diagnostic, State, not_right

_READS = re.compile(r"arn:[^:]+:states:::s3:(getObject|listObjectsV2)")
_WRITES = re.compile(r"arn:[^:]+:states:::s3:putObject")
_ONLY_DISTRIBUTED = ("ItemReader", "ItemBatcher", "ResultWriter")
_NOT_ALLOWED = "The field 'Resource' does not match any of the allowed values"


def check_map(state: State, place: str, express: bool) -> Iterator[Diagnostic]:
    """Yield what is wrong with a Map's processor, its reader and its writer."""
    distributed = False
    for name in ("ItemProcessor", "Iterator"):
        processor = state.get(name, {})
        config = processor.get("ProcessorConfig", {})
        where = f"{place}/{name}/ProcessorConfig"
        if not isinstance(config, Mapping):
            yield not_right("Expected value of type Object", where)
            continue
        distributed = distributed or config.get("Mode") == "DISTRIBUTED"
        yield from _of_config(config, where, express)
    if not distributed:
        for name in _ONLY_DISTRIBUTED:
            if name in state:
                yield not_right(f"Field '{name}' is not supported", place)
        return
    yield from _of_reader(state.get("ItemReader"), f"{place}/ItemReader")
    writer = state.get("ResultWriter")
    if (
        writer is not None
        and "Resource" in writer
        and not _WRITES.fullmatch(str(writer["Resource"]))
    ):
        yield not_right(_NOT_ALLOWED, f"{place}/ResultWriter/Resource")


def _of_config(config: Mapping[str, Any], place: str, express: bool) -> Iterator[Diagnostic]:
    mode = config.get("Mode", "INLINE")
    if mode not in ("INLINE", "DISTRIBUTED"):
        said = "Value should be one of the following: [INLINE, DISTRIBUTED]"
        yield not_right(said, f"{place}/Mode")
    elif mode == "DISTRIBUTED" and express:
        yield not_right(
            "The field 'Mode' with value 'DISTRIBUTED' is not supported inside 'EXPRESS' state "
            "machines",
            f"{place}/Mode",
        )
    elif mode == "DISTRIBUTED" and "ExecutionType" not in config:
        yield not_right("These fields are required: [ExecutionType]", place)
    elif mode == "INLINE" and "ExecutionType" in config:
        yield not_right("Field 'ExecutionType' is not supported", place)
    elif config.get("ExecutionType", "STANDARD") not in ("STANDARD", "EXPRESS"):
        said = "Value should be one of the following: [STANDARD, EXPRESS]"
        yield not_right(said, f"{place}/ExecutionType")


def _of_reader(reader: Any, place: str) -> Iterator[Diagnostic]:
    if reader is None:
        return
    if "Resource" not in reader:
        yield not_right("These fields are required: [Resource]", place)
    elif not _READS.fullmatch(str(reader["Resource"])):
        yield not_right(_NOT_ALLOWED, f"{place}/Resource")
    config = reader.get("ReaderConfig", {})
    where = f"{place}/ReaderConfig"
    if not isinstance(config, Mapping):
        yield not_right("Expected value of type Object", where)
        return
    kind, located = config.get("InputType"), "CSVHeaderLocation" in config
    if kind == "CSV" and not located:
        yield not_right("The field 'CSVHeaderLocation' is required", where)
    elif kind in ("JSON", "JSONL", "PARQUET") and located:
        yield not_right("Field 'CSVHeaderLocation' is not supported", where)
    elif config.get("CSVHeaderLocation") == "GIVEN" and "CSVHeaders" not in config:
        yield not_right("These fields are required: [CSVHeaders]", where)
