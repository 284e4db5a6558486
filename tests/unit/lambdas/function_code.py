"""Imports a function's modules as Lambda does: from its own folder, apart from other functions."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

LAMBDAS = Path(__file__).parents[3] / "lambdas"


def load(function: str, module: str) -> Any:
    """Return a module of this function; another function's module of that name stays apart."""
    with code_of(function):
        return importlib.import_module(module)


@contextmanager
def code_of(function: str) -> Iterator[None]:
    """Let this function's code import its own modules."""
    folder = LAMBDAS / function
    before = set(sys.modules)
    sys.path.insert(0, str(folder))
    try:
        yield
    finally:
        sys.path.remove(str(folder))
        for name in set(sys.modules) - before:
            file = getattr(sys.modules[name], "__file__", None)
            if file and Path(file).is_relative_to(folder):
                del sys.modules[name]
