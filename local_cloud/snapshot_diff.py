"""What is different between two states of the services."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from local_cloud.engine.state.shown import Tree


@dataclass(frozen=True)
class Difference:
    """Something that is in one of two states, or another in each.

    Args:
        service: whose it is.
        path: where it is in what the service holds.
        before: what it was, in words; nothing if it was not there.
        after: what it is.
    """

    service: str
    path: tuple[str, ...]
    before: str | None
    after: str | None


def differences(before: Mapping[str, Tree], after: Mapping[str, Tree]) -> Iterator[Difference]:
    """Yield what is different, by service."""
    for service in sorted({*before, *after}):
        yield from _between(service, (), before.get(service, {}), after.get(service, {}))


def _between(
    service: str, path: tuple[str, ...], before: Tree | None, after: Tree | None
) -> Iterator[Difference]:
    if before == after or not (before or after):
        return
    if isinstance(before, dict) and isinstance(after, dict):
        for name in {**before, **after}:
            yield from _between(service, (*path, name), before.get(name), after.get(name))
        return
    yield Difference(service, path, _words(before), _words(after))


def _words(tree: Tree | None) -> str | None:
    if tree is None or isinstance(tree, str):
        return tree
    count = _count(tree)
    return f"{count} value{'s' if count != 1 else ''}"


def _count(tree: Tree) -> int:
    return 1 if isinstance(tree, str) else sum(map(_count, tree.values()))
