"""Modules whose code runs when something of theirs is first used, and not when they are imported.

:class:`importlib.util.LazyLoader` runs it at the second import already.
"""

from __future__ import annotations

from collections.abc import Collection
from importlib.abc import Loader
from importlib.machinery import ModuleSpec
from threading import RLock
from types import ModuleType
from typing import Any


class LaterModule(ModuleType):
    """A module, or a package whose submodules can be imported before its own code has run."""

    def __init__(self, name: str, loader: LaterLoader) -> None:
        super().__init__(name)
        self._loader = loader
        self._lock = RLock()
        self._waits = True

    def __getattr__(self, name: str) -> Any:
        """Run the code, and return what it has given the name; a function runs it when called."""
        if name.startswith("__"):
            raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")
        if self._waits and name in self._loader.functions:
            return lambda *arguments, **named: self._loaded(name)(*arguments, **named)
        return self._loaded(name)

    def _loaded(self, name: str) -> Any:
        with self._lock:  # another thread waits until all of it has run
            if self._waits:
                self._waits = False
                try:
                    self._loader.loader.exec_module(self)
                except BaseException:
                    self._waits = True
                    raise
        try:
            return vars(self)[name]
        except KeyError:
            raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}") from None


class LaterLoader(Loader):
    """Loads modules that wait.

    Args:
        loader: runs their code.
        functions: names that others import of them; what they get runs the code when it is called.
    """

    def __init__(self, loader: Loader, functions: Collection[str] = ()) -> None:
        self.loader = loader
        self.functions = functions

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        """Return the module, empty."""
        return LaterModule(spec.name, self)

    def exec_module(self, module: ModuleType) -> None:
        """Run nothing yet."""
