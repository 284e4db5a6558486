"""Keeps moto's EC2 catalogue out of memory until somebody asks for EC2 or Batch.

LocalStack's Step Functions needs one enumeration of ``moto.batch.utils``. Importing it runs
``moto.batch`` and with it ``moto.ec2``, whose tables of instance types take 110 MB and half a
second. Here ``moto.batch`` is a package that runs its own code when it is first used.
"""

import importlib.util
import sys
from importlib.machinery import ModuleSpec
from types import ModuleType

from localstack.runtime import hooks

PACKAGE = "moto.batch"


class _LazyPackage(ModuleType):
    """A package whose submodules can be imported before its ``__init__`` has run."""

    def __init__(self, spec: ModuleSpec) -> None:
        super().__init__(spec.name)
        self.__spec__ = spec
        self.__path__ = list(spec.submodule_search_locations or [])
        self._loaded = False

    def __getattr__(self, name: str) -> object:
        if self._loaded or name.startswith("__"):
            raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")
        self._loaded = True
        assert self.__spec__ is not None
        assert self.__spec__.loader is not None
        self.__spec__.loader.exec_module(self)
        return getattr(self, name)


@hooks.on_infra_start()
def make_batch_lazy() -> None:
    """Put the lazy package in place, unless the real one is there already."""
    spec = importlib.util.find_spec(PACKAGE)
    if spec is not None and PACKAGE not in sys.modules:
        sys.modules[PACKAGE] = _LazyPackage(spec)
