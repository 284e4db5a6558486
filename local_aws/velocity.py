"""Velocity templates (VTL) that see values and no objects, and that come to an end.

``airspeed`` looks a name up as an attribute of Python's: ``$input.json.__globals__`` is the module
behind it, and from there everything. Here a template finds the keys of a map and the methods that
are named below, which are those of Java's ``String``, ``List`` and ``Map`` that AWS's templates
use, and what is registered of ``$input`` and ``$util``. What a template does is counted as well: it
may be handed a message that makes it loop and grow.

https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-mapping-template-reference.html
https://docs.aws.amazon.com/appsync/latest/devguide/resolver-mapping-template-reference-programming-guide.html
"""

from __future__ import annotations

import functools
import operator
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Set
from contextvars import ContextVar
from typing import Any

from local_aws.given_patterns import NotMatched, compiled

#: https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-execution-service-limits-table.html
MOST_ITERATIONS = 1000
#: Parts of templates that one rendering evaluates, and values that it makes or prints.
MOST_STEPS = 100_000
#: Characters of all texts that one rendering makes.
MOST_CHARACTERS = 16 << 20
_MOST_NUMBER = 2**63
#: What a match costs, in characters.
_OF_A_MATCH = 256

#: An expression that is text.
_LITERAL = re.compile(r"(?:[^\\.^$*+?()\[\]{}|]|\\[^A-Za-z0-9])+")
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
#: An escaped character, a group, or text as it is.
_REPLACEMENT = re.compile(r"\\(.)|\$(\d)|([^\\$]+|.)", re.DOTALL)

Method = Callable[..., Any]


class TemplateBound(ValueError):
    """A template does what templates may not, or more of it than they may."""


class _Spent:
    """What a rendering has done so far."""

    def __init__(self) -> None:
        self.steps = self.characters = 0

    def step(self, count: int = 1) -> None:
        self.steps += count
        if self.steps > MOST_STEPS:
            raise TemplateBound(f"the template takes more than {MOST_STEPS:,} steps")

    def write(self, text: str) -> str:
        self.characters += len(text)
        if self.characters > MOST_CHARACTERS:
            raise TemplateBound(f"the template makes more than {MOST_CHARACTERS:,} characters")
        return text


_spent: ContextVar[_Spent] = ContextVar("velocity_spent")


def _measure(value: Any) -> Any:
    """Count what printing or comparing a value costs: one may hold another many times."""
    spent = _spent.get()
    pending = [value]
    while pending:
        one = pending.pop()
        spent.step()
        if isinstance(one, str):
            spent.write(one)
        elif isinstance(one, Mapping):
            pending += one.values()
        elif isinstance(one, list | tuple | Set | range):
            spent.step(len(one))
            pending += one
    return value


def _made(value: Any) -> Any:
    """Count a value that a method has made: its own size, not that of what it holds."""
    if isinstance(value, str):
        _spent.get().write(value)
    elif isinstance(value, list):
        _spent.get().step(len(value))
    return value


# What values have


def _compiled(pattern: str) -> Any:
    """Return an expression that is matched in linear time.

    Raises:
        TemplateBound: it has what cannot be: a look around, or a reference back.
    """
    try:
        return compiled(pattern)
    except NotMatched as error:
        raise TemplateBound(f"the expression {error}") from error


def _replace(text: str, pattern: str, new: str, count: int = 0) -> str:
    """Replace what a pattern matches; in the new text ``$1`` is a group, as in Java."""
    spent = _spent.get()
    parts = _REPLACEMENT.findall(new)
    if not count and _LITERAL.fullmatch(pattern) and not any(group for _, group, _ in parts):
        plain = _ESCAPED.sub(r"\1", pattern)
        return _replace_text(text, plain, "".join(escaped or one for escaped, _, one in parts))

    def replaced(found: Any) -> str:
        text = "".join(e or (found[int(g)] or "" if g else plain) for e, g, plain in parts)
        spent.characters += _OF_A_MATCH
        return spent.write(text)

    return str(_compiled(pattern).sub(replaced, text, count))


def _replace_text(text: str, old: str, new: str) -> str:
    found = len(text) + 1 if not old else text.count(old)
    if found * len(new) > MOST_CHARACTERS:
        raise TemplateBound(f"the template makes more than {MOST_CHARACTERS:,} characters")
    return text.replace(old, new)


def _find(text: str, part: Any, start: int = 0) -> int:
    return text.find(str(part), start)


def _split(text: str, pattern: str) -> list[str]:
    parts = list(_compiled(pattern).split(text))
    while parts and not parts[-1]:  # as Java does
        parts.pop()
    return parts


def _substring(text: str, start: int, end: int | None = None) -> str:
    return text[start:end]


STRING: dict[str, Method] = {
    "charAt": lambda text, index: text[index],
    "compareTo": lambda text, other: (text > other) - (text < other),
    "concat": lambda text, other: _joined(text, other),
    "contains": lambda text, part: str(part) in text,
    "endsWith": lambda text, end: text.endswith(str(end)),
    "equals": lambda text, other: text == other,
    "equalsIgnoreCase": lambda text, other: text.lower() == str(other).lower(),
    "indexOf": _find,
    "isBlank": lambda text: not text.strip(),
    "isEmpty": lambda text: not text,
    "lastIndexOf": lambda text, part: text.rfind(str(part)),
    "length": len,
    "matches": lambda text, pattern: _compiled(pattern).fullmatch(text) is not None,
    "replace": _replace_text,
    "replaceAll": _replace,
    "replaceFirst": lambda text, pattern, new: _replace(text, pattern, new, 1),
    "size": len,
    "split": _split,
    "startsWith": lambda text, start: text.startswith(str(start)),
    "strip": str.strip,
    "substring": _substring,
    "toLowerCase": str.lower,
    "toString": str,
    "toUpperCase": str.upper,
    "trim": str.strip,
}
NUMBER: dict[str, Method] = {
    "compareTo": lambda number, other: (number > other) - (number < other),
    "doubleValue": float,
    "equals": lambda number, other: bool(number == other),
    "intValue": int,
    "longValue": int,
    "toString": lambda value: str(value).lower() if isinstance(value, bool) else str(value),
}


def _set_at(values: list[Any], index: int, value: Any) -> Any:
    before = values[index]
    values[index] = value
    return before


def _add(values: list[Any], *what: Any) -> bool:
    if len(what) == 2:
        values.insert(int(what[0]), what[1])
    else:
        (one,) = what
        values.append(one)
    return True


def _add_all(values: list[Any], more: Iterable[Any]) -> bool:
    added = list(more)
    _spent.get().step(len(added))
    values.extend(added)
    return bool(added)


def _remove(values: list[Any], what: Any) -> Any:
    if isinstance(what, int) and not isinstance(what, bool):
        return values.pop(what)
    if what in values:
        values.remove(what)
        return True
    return False


def _index(values: list[Any], value: Any) -> int:
    return values.index(value) if value in values else -1


LIST: dict[str, Method] = {
    "add": _add,
    "addAll": _add_all,
    "clear": list.clear,
    "contains": lambda values, value: value in values,
    "equals": operator.eq,
    "get": lambda values, index: values[index],
    "indexOf": _index,
    "isEmpty": lambda values: not values,
    "iterator": list,
    "remove": _remove,
    "set": _set_at,
    "size": len,
    "subList": lambda values, start, end: values[start:end],
    "toString": lambda values: str(_measure(values)),
}


def _put(values: dict[Any, Any], key: Any, value: Any) -> Any:
    before = values.get(key)
    values[key] = value
    return before


def _put_all(values: dict[Any, Any], more: Mapping[Any, Any]) -> None:
    _spent.get().step(len(more))
    dict.update(values, more)


def _entries(values: Mapping[Any, Any]) -> list[dict[str, Any]]:
    return [{"key": key, "value": value} for key, value in values.items()]


def map_to_string(values: Mapping[Any, Any]) -> str:
    """Return a map as Java prints one."""
    return "{" + ", ".join(f"{key}={value}" for key, value in values.items()) + "}"


MAP: dict[str, Method] = {
    "clear": dict.clear,
    "containsKey": lambda values, key: key in values,
    "containsValue": lambda values, value: value in values.values(),
    "entrySet": _entries,
    "equals": operator.eq,
    "get": lambda values, key, default=None: values.get(key, default),
    "getOrDefault": lambda values, key, default: values.get(key, default),
    "isEmpty": lambda values: not values,
    "items": lambda values: [list(pair) for pair in values.items()],
    "keySet": lambda values: list(values),
    "keys": lambda values: list(values),
    "put": _put,
    "putAll": _put_all,
    "putIfAbsent": lambda values, key, value: values.setdefault(key, value),
    "remove": lambda values, key: values.pop(key, None),
    "size": len,
    "toString": lambda values: map_to_string(_measure(values)),
    "values": lambda values: list(values.values()),
}
#: Methods that look into a container as a whole.
_COMPARES = frozenset({"contains", "containsValue", "equals", "indexOf", "remove"})
#: What templates see of objects that are no values, by class: properties and methods.
_OBJECTS: dict[type, frozenset[str]] = {}


def register(kind: type, names: Iterable[str]) -> None:
    """Have templates see these members of a class' objects, and no others."""
    _OBJECTS[kind] = frozenset(names)


class _Method(functools.partial[Any]):
    """A method of a value."""


def _methods_of(value: Any) -> Mapping[str, Method]:
    match value:
        case str():
            return STRING
        case bool() | int() | float():
            return NUMBER
        case list() | tuple():
            return LIST
        case dict():
            return MAP
    return {}


def member(value: Any, name: str) -> Any:
    """Return what a template finds behind ``value.name``: a value, a method, or ``None``."""
    if isinstance(value, Mapping):
        try:
            found = value[name]
        except KeyError:
            found = None
        if found is not None:
            return found
    method = _methods_of(value).get(name)
    if method is not None:
        return _Method(_call, name, method, value)
    for kind in type(value).__mro__:
        if name in _OBJECTS.get(kind, ()):
            return getattr(value, name)
    return None


def _call(name: str, method: Method, value: Any, *arguments: Any) -> Any:
    if any(isinstance(argument, list | dict) for argument in arguments) and name in _COMPARES:
        _measure([value, *arguments])
    return _made(method(value, *arguments))


def _call_object(method: Method, *arguments: Any) -> Any:
    for argument in arguments:
        _measure(argument)
    made = method(*arguments)
    return _made(made.decode(errors="replace") if isinstance(made, bytes) else made)


# What operators do


def _joined(left: Any, right: Any) -> str:
    spent = _spent.get()
    left, right = (str(_measure(value)) for value in (left, right))
    return spent.write(left + right)


def _added(left: Any, right: Any) -> Any:
    if isinstance(left, str) or isinstance(right, str):
        return _joined(left, right)
    return _number("+", operator.add, left, right)


def _number(sign: str, apply: Method, left: Any, right: Any) -> Any:
    for value in (left, right):
        if not isinstance(value, int | float):
            raise TemplateBound(f"{sign} takes numbers")
    made = apply(left, right)
    if isinstance(made, int) and abs(made) >= _MOST_NUMBER:
        raise TemplateBound(f"the result of {sign} is larger than a number can be")
    return made


def _compared(apply: Method, left: Any, right: Any) -> Any:
    if isinstance(left, list | dict) and isinstance(right, list | dict):
        _measure([left, right])
    return apply(left, right)


_ARITHMETIC = {"-": operator.sub, "*": operator.mul, "/": operator.floordiv, "%": operator.mod}
_COMPARISONS = {
    ">": operator.gt,
    "gt": operator.gt,
    ">=": operator.ge,
    "ge": operator.ge,
    "<": operator.lt,
    "lt": operator.lt,
    "<=": operator.le,
    "le": operator.le,
    "==": operator.eq,
    "eq": operator.eq,
    "!=": operator.ne,
    "ne": operator.ne,
}


@functools.cache
def restrict() -> None:
    """Have airspeed evaluate templates by these rules, for all of the process."""
    from airspeed import operators  # type: ignore[import-untyped]

    def calculate(self: Any, current: Any, loader: Any, top: Any) -> Any:
        if isinstance(current, operators.LocalNamespace):
            result = _variable(current, self.name)
        else:
            result = member(current, self.name)
        if result is None:
            return None
        if isinstance(result, operators._FunctionDefinition):
            return _defined(self, result, loader, top)
        if self.parameters is not None:
            if not callable(result):
                raise TemplateBound(f"{self.name} is no method")
            given = self.parameters.calculate(top, loader)
            if isinstance(result, _Method):
                return result(*given)
            return _call_object(result, *given)
        if callable(result):
            return None  # as a property it is none
        if self.index is None:
            return result
        index = self.index.calculate(top, loader)
        if isinstance(result, list) and not isinstance(index, int):
            raise TemplateBound(f"expected integer for array index, got '{index}'")
        try:
            return result[index]
        except (LookupError, TypeError):
            return None

    def _defined(self: Any, definition: Any, loader: Any, top: Any) -> str:
        given = self.parameters.calculate(top, loader) if self.parameters else []
        stream = operators.StoppableStream()
        definition.execute_function(stream, top, given, loader)
        text = str(stream.getvalue())
        if isinstance(definition, operators.DefineDefinition) and self.parameters and not given:
            text += self.parameters.my_text()  # as on AWS
        return text

    def write(self: Any, text: str) -> None:
        if not self.stop:
            operators.six.StringIO.write(self, _spent.get().write(text))

    def evaluate_block(self: Any, stream: Any, namespace: Any, loader: Any) -> None:
        spent = _spent.get()
        for child in self.children:
            spent.step()
            child.evaluate(stream, namespace, loader)

    def evaluate_foreach(self: Any, stream: Any, namespace: Any, loader: Any) -> None:
        values = self.value.calculate(namespace, loader)
        for names in _iterations(self.loop_var_name, values):
            inner = operators.LocalNamespace(namespace)
            inner.update(names)
            self.block.evaluate(stream, inner, loader)

    def evaluate_text(self: Any, stream: Any, namespace: Any, loader: Any) -> None:
        raise TemplateBound("#evaluate is not supported: it would run what a message says")

    def calculate_range(self: Any, namespace: Any, loader: Any) -> list[int]:
        first, last = (one.calculate(namespace, loader) for one in (self.value1, self.value2))
        if abs(last - first) >= MOST_STEPS:
            raise TemplateBound(f"a range has more than {MOST_STEPS:,} numbers")
        step = 1 if last >= first else -1
        return list(_measure(range(first, last + step, step)))

    def merge_to(self: Any, namespace: Any, stream: Any, loader: Any = None) -> None:
        token = _spent.set(_Spent())
        try:
            merge(self, namespace, stream, loader)
        finally:
            _spent.reset(token)

    merge, to_string = operators.Template.merge_to, operators.value_to_string
    operators.value_to_string = lambda value: to_string(_measure(value))
    operators.NameOrCall.calculate = calculate
    operators.StoppableStream.write = write
    operators.Block.evaluate_raw = evaluate_block
    operators.ForeachDirective.evaluate_raw = evaluate_foreach
    operators.EvaluateDirective.evaluate_raw = evaluate_text
    operators.Range.calculate = calculate_range
    operators.Template.merge_to = merge_to
    signs = operators.BinaryOperator.OPERATORS
    signs["+"] = _added
    for sign, apply in _ARITHMETIC.items():
        signs[sign] = functools.partial(_number, sign, apply)
    for sign, apply in _COMPARISONS.items():
        signs[sign] = functools.partial(_compared, apply)


def _variable(namespace: Mapping[str, Any], name: str) -> Any:
    try:
        return namespace[name]
    except KeyError:
        return None


def _iterations(name: str, values: Any) -> Iterator[dict[str, Any]]:
    """Yield what a loop's block sees in each of its turns."""
    if values is None:
        return
    if isinstance(values, Mapping):
        values = list(values)
    if not isinstance(values, list | tuple | str | Set):
        raise TemplateBound(f"value for ${name} is not iterable in #foreach: {values!r:.100}")
    length = len(values)
    if length > MOST_ITERATIONS:
        raise TemplateBound(f"a #foreach loop has more than {MOST_ITERATIONS:,} iterations")
    for count, value in enumerate(list(values), 1):
        _spent.get().step()
        first, more = count == 1, count < length
        yield {
            "velocityCount": count,
            "velocityHasNext": more,
            "foreach": {
                "count": count,
                "index": count - 1,
                "hasNext": more,
                "first": first,
                "last": not more,
            },
            name: value,
        }
