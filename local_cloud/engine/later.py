"""Modules whose code runs when something of theirs is first used, and not when they are imported.

:class:`importlib.util.LazyLoader` runs it at the second import already.
"""

from __future__ import annotations

from importlib.abc import Loader
from importlib.machinery import ModuleSpec
from types import ModuleType


class LaterModule(ModuleType):
    """A module, or a package whose submodules can be imported before its own code has run."""

    _waits = True

    def __getattr__(self, name: str) -> object:
        """Run the code, and return what it has given the name."""
        if not self._waits or name.startswith("__"):
            raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")
        self._waits = False
        loader = self.__spec__.loader if self.__spec__ is not None else None
        assert isinstance(loader, LaterLoader)
        loader.loader.exec_module(self)
        return getattr(self, name)


class LaterLoader(Loader):
    """Loads modules that wait.

    Args:
        loader: runs their code.
    """

    def __init__(self, loader: Loader) -> None:
        self.loader = loader

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        """Return the module, empty."""
        return LaterModule(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        """Run nothing yet."""
