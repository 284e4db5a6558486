"""YAML that is as large as it looks: aliases, nesting and sizes have bounds.

A kilobyte of aliases of aliases stands for a billion values, which whoever walks through the
document visits. So a document is measured before anything is made of it.
https://yaml.org/spec/1.2.2/#71-alias-nodes
"""

from __future__ import annotations

from typing import Any

import yaml
from yaml.composer import Composer

#: Levels; CloudFormation's templates take a dozen.
MOST_LEVELS = 100
#: Values with every alias written out. The largest template (1 MB) has a fifth of that.
MOST_VALUES = 500_000
#: Characters of all scalars, likewise.
MOST_CHARACTERS = 16 << 20

_compose_node, _compose_document = Composer.compose_node, Composer.compose_document


class TooLarge(yaml.MarkedYAMLError):
    """A document is nested too deeply, holds itself, or is too large with its aliases."""


def load(text: str | bytes, loader: type[Any] = yaml.SafeLoader) -> Any:
    """Return the value of a YAML document.

    Args:
        loader: a ``yaml.SafeLoader`` or a ``yaml.BaseLoader``.

    Raises:
        yaml.YAMLError: it is none, or is too large (:class:`TooLarge`).
    """
    reader = bounded(loader)(text)
    try:
        return reader.get_single_data()
    finally:
        reader.dispose()


def compose(text: str, loader: type[Any] = yaml.SafeLoader) -> yaml.Node | None:
    """Return the nodes of a YAML document; raises as :func:`load` does."""
    reader = bounded(loader)(text)
    try:
        root: yaml.Node | None = reader.get_single_node()
    finally:
        reader.dispose()
    return root


def bounded(loader: type[Any]) -> type[Any]:
    """Return a loader with the bounds."""
    if loader.compose_node is compose_node:
        return loader
    bounds = {"compose_node": compose_node, "compose_document": compose_document}
    return type(loader.__name__, (loader,), bounds)


def bound_all() -> None:
    """Give the bounds to every loader of the process."""
    everybody: Any = Composer
    everybody.compose_node, everybody.compose_document = compose_node, compose_document


def compose_node(self: Any, parent: Any, index: Any) -> Any:
    """Compose a node, unless it lies too deep."""
    self.level = getattr(self, "level", 0) + 1
    if self.level > MOST_LEVELS:
        mark = self.peek_event().start_mark
        raise TooLarge(None, None, f"it has more than {MOST_LEVELS} levels", mark)
    try:
        return _compose_node(self, parent, index)
    finally:
        self.level -= 1


def compose_document(self: Any) -> Any:
    """Compose a document, unless it is too large."""
    root = _compose_document(self)
    _measure(root)
    return root


def _measure(root: Any) -> None:
    """Refuse a document that is too large with every alias written out.

    Raises:
        TooLarge: it is.
    """
    measured: dict[int, tuple[int, int]] = {}
    within: set[int] = set()

    def size(node: Any) -> tuple[int, int]:
        if isinstance(node, yaml.ScalarNode):
            return 1, len(node.value)
        found = measured.get(id(node))
        if found is not None:
            return found
        if id(node) in within:
            raise TooLarge(None, None, "a value holds itself", node.start_mark)
        within.add(id(node))
        values, characters = 1, 0
        for one in node.value:
            for inner in one if isinstance(one, tuple) else (one,):
                more = size(inner)
                values, characters = values + more[0], characters + more[1]
        if values > MOST_VALUES or characters > MOST_CHARACTERS:
            words = f"it has more than {MOST_VALUES:,} values or {MOST_CHARACTERS:,} characters"
            raise TooLarge(None, None, f"{words} with its aliases", node.start_mark)
        within.discard(id(node))
        measured[id(node)] = values, characters
        return values, characters

    size(root)
