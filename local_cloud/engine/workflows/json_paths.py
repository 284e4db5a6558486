"""Reads each JSONPath of a workflow once: parsing takes milliseconds, and LocalStack asks anew.

An expression in a filter (``=~``, which the library has beside JSONPath) is matched in linear time.
"""

from __future__ import annotations

import functools
from typing import Any

from jsonpath_ng.ext import filter as filters  # type: ignore[import-untyped]
from localstack.services.stepfunctions.asl.component.common.path import result_path
from localstack.services.stepfunctions.asl.utils import json_path

from local_aws.given_patterns import compiled

#: Paths that are kept; a workflow has some dozens.
KEPT = 4096


def read_paths_once() -> None:
    """Keep what was read; it is never changed by its use."""
    filters.OPERATOR_MAP["=~"] = _matches
    json_path.parse = functools.lru_cache(KEPT)(json_path.parse)
    result_path.parse = functools.lru_cache(KEPT)(result_path.parse)


def _matches(value: Any, pattern: str) -> bool:
    """Return whether a text has what an expression matches."""
    return isinstance(value, str) and compiled(pattern).search(value) is not None
