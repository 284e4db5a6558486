"""Every regular expression of the product, and texts that would make one backtrack."""

from __future__ import annotations

import ast
import importlib
import itertools
import re
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from re import _constants as sre  # type: ignore[attr-defined]  # the parser's own names
from re import _parser as parser  # type: ignore[attr-defined]
from types import FrameType
from typing import Any

from local_cloud.installation import PROJECT

#: Folders, and from where their modules are imported.
SOURCES = {
    "local_aws": PROJECT,
    "local_cloud": PROJECT,
    "websocket-gateway/websocket_gateway": PROJECT / "websocket-gateway",
    "lambdas": None,
}
FUNCTIONS = {
    "compile",
    "match",
    "fullmatch",
    "search",
    "sub",
    "subn",
    "split",
    "findall",
    "finditer",
}
#: Characters of a short and of a long text, and by how much the time for these may differ: eight
#: times for what is linear, 64 times for what is quadratic.
SHORT, LONG, MOST_RATIO = 1_000, 8_000, 20
#: Seconds of the processor below which the time of a long text says nothing, and above which it
#: is too long, whatever the time of a short one.
NEGLIGIBLE, TOO_LONG = 0.01, 0.5


@dataclass(frozen=True)
class Expression:
    """A regular expression of the product: where it is, and what it is."""

    place: str
    source: str
    pattern: str | bytes | None
    flags: int = 0
    #: By which functions it is matched.
    ways: frozenset[str] = frozenset(("search", "fullmatch", "findall"))


def expressions() -> Iterator[Expression]:
    """Yield every call of a function of ``re``; without a pattern where that is made as it runs."""
    files = [
        (path, root, path.read_text())
        for folder, root in SOURCES.items()
        for path in sorted((PROJECT / folder).rglob("*.py"))
        if "node_modules" not in path.parts
    ]
    everything = "\n".join(text for _, _, text in files)
    for path, root, text in files:
        tree = ast.parse(text)
        names = {
            node.value: node.targets[0].id
            for node in ast.walk(tree)
            if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)
        }
        for node in ast.walk(tree):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Attribute)
                and isinstance(node.func.value, ast.Name)
                and node.func.value.id == "re"
                and node.func.attr in FUNCTIONS
            ):
                used = {node.func.attr}
                if "compile" in used:
                    # A private name is of its module, another one may be used anywhere.
                    name = names.get(node, "")
                    within = text if name.startswith("_") else everything
                    used = set(re.findall(rf"\b{name}\.(\w+)\(", within)) if name else set()
                yield replace(_expression(path, root, node), ways=_ways(used & FUNCTIONS))


def _ways(functions: set[str]) -> frozenset[str]:
    """Return by what a text is matched, that takes longest, for what the product calls."""
    if not functions:
        return Expression.ways
    anywhere = functions - {"match", "fullmatch"}
    return frozenset((*(functions - anywhere), *(("search", "findall") if anywhere else ())))


def _expression(path: Path, root: Path | None, node: ast.Call) -> Expression:
    place = path.relative_to(PROJECT).as_posix()
    source = ast.unparse(node.args[0])
    flags = next(
        (word.value for word in node.keywords if word.arg == "flags"),
        node.args[1] if node.func.attr == "compile" and len(node.args) > 1 else None,  # type: ignore[attr-defined]
    )
    if flags is None:  # re.search(pattern, text, flags)
        flags = next((one for one in node.args[2:] if "re." in ast.unparse(one)), None)
    try:
        pattern = _value(node.args[0], path, root)
        return Expression(place, source, pattern, 0 if flags is None else _value(flags, path, root))
    except NameError:
        return Expression(place, source, None)


def _value(node: ast.expr, path: Path, root: Path | None) -> Any:
    code = compile(ast.Expression(node), str(path), "eval")
    try:
        return eval(code, {"re": re})
    except NameError:
        if root is None:
            raise
        module = ".".join(path.relative_to(root).with_suffix("").parts)
        return eval(code, vars(importlib.import_module(module)))


def slow_text(expression: Expression) -> str | None:
    """Return a text that takes an expression more than linear time, in words; if there is one."""
    pattern = expression.pattern
    assert pattern is not None
    compiled = re.compile(pattern, expression.flags)
    text_pattern = pattern.decode("latin-1") if isinstance(pattern, bytes) else pattern
    for prefix, pump, suffix in _attacks(text_pattern, expression.flags):
        short, long = (prefix + pump * (size // len(pump)) + suffix for size in (SHORT, LONG))
        seconds = _seconds(compiled, _as_given(long, pattern), expression.ways)
        if seconds > NEGLIGIBLE:
            less = _seconds(compiled, _as_given(short, pattern), expression.ways)
            if seconds > TOO_LONG or seconds > MOST_RATIO * less:
                return f"{prefix!r} + {pump!r} * n + {suffix!r}: {less} s, {seconds} s"
    return None


def _as_given(text: str, pattern: str | bytes) -> Any:
    return text.encode("latin-1", "replace") if isinstance(pattern, bytes) else text


class _TooLong(Exception):
    pass


def _seconds(compiled: re.Pattern[Any], text: Any, ways: frozenset[str]) -> float:
    """Return the least time of the processor that the slowest way of matching takes."""

    def give_up(number: int, frame: FrameType | None) -> None:
        raise _TooLong

    before = signal.signal(signal.SIGVTALRM, give_up)
    slowest = 0.0
    try:
        for way in ways:
            work = getattr(compiled, way)
            least = float("inf")
            for _ in range(2):
                signal.setitimer(signal.ITIMER_VIRTUAL, 2 * TOO_LONG)
                began = time.process_time()
                work(text)
                least = min(least, time.process_time() - began)
                if least < NEGLIGIBLE / 4:
                    break
            slowest = max(slowest, least)
    except _TooLong:
        return 2 * TOO_LONG
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)
    return slowest


def _attacks(pattern: str, flags: int) -> Iterator[tuple[str, str, str]]:
    """Yield what begins a text, what is repeated in it and what ends it."""
    tree = parser.parse(pattern, flags)
    whole = _sample(tree)
    begun = list(dict.fromkeys(("", *_beginnings(tree), whole)))
    bodies = list(dict.fromkeys(_bodies(tree)))
    # What two repeats that follow each other have in common can be divided between them.
    pumps = dict.fromkeys([*bodies[:12], *begun[1:13], *"a 0A-/.\\\"'_é", '\\"', "\\'"])
    pumps |= dict.fromkeys(a + b for a, b in itertools.permutations(bodies[:4], 2))
    for prefix, pump, suffix in itertools.product(begun[:5], pumps, ("", "\0")):
        if pump and len(pump) < SHORT:
            yield prefix, pump, suffix


def _beginnings(tree: Any) -> Iterator[str]:
    """Yield what comes before each part of an expression."""
    begun = ""
    for part in tree:
        begun += _sample([part])
        yield begun


def _bodies(tree: Any) -> Iterator[str]:
    """Yield what each repeat of an expression repeats, and each of its alternatives."""
    for kind, value in tree:
        if kind in (sre.MAX_REPEAT, sre.MIN_REPEAT, sre.POSSESSIVE_REPEAT):
            yield _sample(value[2])
            yield from _bodies(value[2])
        elif kind is sre.SUBPATTERN:
            yield _sample(value[3])
            yield from _bodies(value[3])
        elif kind is sre.ATOMIC_GROUP:
            yield from _bodies(value)
        elif kind is sre.BRANCH:
            for branch in value[1]:
                yield _sample(branch)
                yield from _bodies(branch)


def _sample(tree: Any) -> str:
    """Return a text that an expression matches, or nearly so."""
    made = ""
    for kind, value in tree:
        if kind is sre.LITERAL:
            made += chr(value)
        elif kind is sre.NOT_LITERAL:
            made += "a" if value != ord("a") else "b"
        elif kind is sre.ANY:
            made += "a"
        elif kind is sre.IN:
            made += _member(value)
        elif kind in (sre.MAX_REPEAT, sre.MIN_REPEAT, sre.POSSESSIVE_REPEAT):
            made += _sample(value[2]) * min(max(value[0], 1), 64)
        elif kind is sre.SUBPATTERN:
            made += _sample(value[3])
        elif kind is sre.ATOMIC_GROUP:
            made += _sample(value)
        elif kind is sre.BRANCH:
            made += _sample(value[1][0])
    return made


def _member(items: Any) -> str:
    """Return a character of a set."""
    if items[0][0] is sre.NEGATE:
        inside = re.compile("[" + "".join(_class(item) for item in items[1:]) + "]")
        return next(c for c in 'a 0.-/"\\\n\x01é' if not inside.match(c))
    kind, value = items[0]
    if kind is sre.LITERAL:
        return chr(value)
    if kind is sre.RANGE:
        return chr(value[0])
    return {sre.CATEGORY_SPACE: " ", sre.CATEGORY_DIGIT: "0", sre.CATEGORY_WORD: "a"}.get(
        value, "é"
    )


_CATEGORIES = {
    sre.CATEGORY_SPACE: r"\s",
    sre.CATEGORY_NOT_SPACE: r"\S",
    sre.CATEGORY_DIGIT: r"\d",
    sre.CATEGORY_NOT_DIGIT: r"\D",
    sre.CATEGORY_WORD: r"\w",
    sre.CATEGORY_NOT_WORD: r"\W",
}


def _class(item: Any) -> str:
    kind, value = item
    if kind is sre.LITERAL:
        return re.escape(chr(value))
    if kind is sre.RANGE:
        return f"{re.escape(chr(value[0]))}-{re.escape(chr(value[1]))}"
    return _CATEGORIES[value]
