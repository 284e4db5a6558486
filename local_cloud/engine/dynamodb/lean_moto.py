"""What moto does again and again for one call, done once.

It copies every item that a call shows or changes, attribute by attribute, and at each attribute
computes the size of the whole item anew: here an item is measured once, and copied as what it is,
a tree of :class:`DynamoType` whose leaves never change. To measure a value it asks nine times of
what kind it is, and encodes each text: here a value's own class tells. It reads an update's
expression twice and walks its tree ten times, asking each node of what kind it is in the way of
abstract classes: here an expression is read once for all calls, and kinds are remembered.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, lru_cache
from typing import Any

from moto.dynamodb.exceptions import ItemSizeTooLarge
from moto.dynamodb.models.dynamo_type import DynamoType, Item, LimitedSizeDict
from moto.dynamodb.models.utilities import bytesize
from moto.dynamodb.parsing.ast_nodes import DepthFirstTraverser, Node
from moto.dynamodb.parsing.expressions import UpdateExpressionParser

#: moto's, in bytes: a little more than the 400 KB of AWS, whose way to count is its own.
MOST_BYTES = 405_000
#: How many expressions are remembered.
EXPRESSIONS = 256
#: Whether a class is another, or one of several, or below it.
_is: Callable[[type, type | tuple[type, ...]], bool] = cache(issubclass)


def lighten() -> None:
    """Put it in the place of moto's."""
    Item.__init__ = _make_item
    Item.__deepcopy__ = _copy_item
    DynamoType.__deepcopy__ = _copy_value
    DynamoType.size = _size
    Node.__deepcopy__ = _copy_node
    DepthFirstTraverser.traverse = _traverse
    # What is done with an expression is done with a copy of its tree.
    UpdateExpressionParser.make = lru_cache(EXPRESSIONS)(UpdateExpressionParser.make)


def _make_item(
    self: Item, hash_key: DynamoType, range_key: DynamoType | None, attrs: dict[str, Any]
) -> None:
    self.hash_key = hash_key
    self.range_key = range_key
    values = {name: DynamoType(value) for name, value in attrs.items()}
    if _map_size(values) > MOST_BYTES:
        raise ItemSizeTooLarge
    self.attrs = LimitedSizeDict(values)


def _size(self: DynamoType) -> int:
    value = self.value
    kind = type(value)
    if kind is str:
        return len(value) if value.isascii() else bytesize(value)
    if kind is bool:
        return 1
    if kind is dict:
        return _map_size(value)
    if kind is list:
        return sum(map(_element_size, value))
    return len(value if kind is bytes else str(value))


def _map_size(values: dict[str, Any]) -> int:
    return sum(bytesize(name) + _element_size(value) for name, value in values.items())


def _element_size(element: Any) -> int:
    if type(element) is DynamoType:
        return _size(element)
    if isinstance(element, dict):  # what an update has put there
        return _size(DynamoType(element))
    return int(bytesize(element if isinstance(element, (str, bytes)) else str(element)))


def _copy_item(self: Item, memo: dict[int, Any]) -> Item:
    made = Item.__new__(Item)
    vars(made).update(vars(self))
    made.hash_key = _copied(self.hash_key)
    made.range_key = self.range_key and _copied(self.range_key)
    made.attrs = LimitedSizeDict((name, _copied(value)) for name, value in self.attrs.items())
    return made


def _copy_value(self: DynamoType, memo: dict[int, Any]) -> DynamoType:
    return _copied(self)


def _copied(value: Any) -> Any:
    """Return a copy of an attribute's value, of a list or map of such, or of a set's elements."""
    if isinstance(value, DynamoType):
        made = DynamoType.__new__(DynamoType)
        made.type, made.value = value.type, _copied(value.value)
        return made
    if isinstance(value, list):
        return [_copied(element) for element in value]
    if isinstance(value, dict):
        return {name: _copied(element) for name, element in value.items()}
    return value


def _copy_node(self: Node, memo: dict[int, Any]) -> Node:
    """Copy an expression's tree, whose leaves never change; it has no parent."""
    made = self.__class__.__new__(self.__class__)
    made.type, made.parent = self.type, None
    made.children = self.children and [
        _copy_node(child, memo) if _is(type(child), Node) else _copied(child)
        for child in self.children
    ]
    for child in made.children or ():
        if _is(type(child), Node):
            child.parent = made
    return made


def _traverse(self: DepthFirstTraverser, root: Node) -> Node:
    """Process a tree's nodes from the leaves up, each by what the traverser has for its kind."""
    processed = tuple(self._processing_map())

    def walk(node: Node, place: int) -> Node:
        parent = node.parent
        for number, child in enumerate(node.children or ()):
            self.pre_processing_of_child(node, number)
            if _is(type(child), Node):
                walk(child, number)
        if _is(type(node), processed):
            node = self.process(node)
            node.parent = parent
            if parent is not None:
                parent.children[place] = node
        return node

    return walk(root, -1)
