"""Reads each JSONPath of a workflow once: parsing takes milliseconds, and LocalStack asks anew."""

from __future__ import annotations

import functools

from localstack.services.stepfunctions.asl.component.common.path import result_path
from localstack.services.stepfunctions.asl.utils import json_path

#: Paths that are kept; a workflow has some dozens.
KEPT = 4096


def read_paths_once() -> None:
    """Keep what was read; it is never changed by its use."""
    json_path.parse = functools.lru_cache(KEPT)(json_path.parse)
    result_path.parse = functools.lru_cache(KEPT)(result_path.parse)
