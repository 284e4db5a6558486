"""Lets LocalStack 4.14.0 run on Python 3.12.

Two of its modules use what came with Python 3.13, in passing: a decorator and an annotation.
"""

import importlib
import sys
import threading
import warnings

from localstack.runtime import hooks
from typing_extensions import deprecated

# `Lock | None` in an annotation; threading.Lock is a plain function before 3.13.
_ANNOTATES_LOCK = "localstack.packages.api"


@hooks.on_infra_start(should_load=sys.version_info < (3, 13), priority=100)
def bring_what_python_313_has() -> None:
    """Add ``warnings.deprecated``, and import the one module whose annotation fails."""
    warnings.deprecated = deprecated  # type: ignore[attr-defined]
    lock = threading.Lock
    threading.Lock = type(lock())  # type: ignore[assignment, unused-ignore]
    try:
        importlib.import_module(_ANNOTATES_LOCK)
    finally:
        threading.Lock = lock
