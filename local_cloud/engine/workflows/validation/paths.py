"""JSONPath, reference paths and calls of intrinsic functions, as far as their form goes.

https://states-language.net/spec.html#path
https://docs.aws.amazon.com/step-functions/latest/dg/intrinsic-functions.html
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from local_cloud.engine.workflows.validation.diagnostics import Diagnostic, State, not_right
from local_cloud.engine.workflows.validation.languages import JSONATA

#: Fields that have a path, and those whose path leads to a single node.
_PATHS = (
    "InputPath",
    "OutputPath",
    "SecondsPath",
    "TimestampPath",
    "TimeoutSecondsPath",
    "HeartbeatSecondsPath",
    "MaxConcurrencyPath",
    "ToleratedFailureCountPath",
    "ToleratedFailurePercentagePath",
)
_REFERENCES = ("ResultPath", "ItemsPath")
_PATHS_OR_CALLS = ("ErrorPath", "CausePath")
_TEMPLATES = ("Parameters", "ResultSelector", "ItemSelector", "Assign", "Credentials")
_FUNCTIONS = {
    "Array",
    "ArrayContains",
    "ArrayGetItem",
    "ArrayLength",
    "ArrayPartition",
    "ArrayRange",
    "ArrayUnique",
    "Base64Decode",
    "Base64Encode",
    "Format",
    "Hash",
    "JsonMerge",
    "JsonToString",
    "MathAdd",
    "MathRandom",
    "StringSplit",
    "StringToJson",
    "UUID",
}
_ROOT = re.compile(r"\$\$|\$[^\W\d]\w*|\$")
_NAME = re.compile(r"[^.\[\]\s()'\"]+(\([^()]*\))?|\*")
_SINGLE = re.compile(
    r"""(\.[^.\[\]\s()'"*?@]+|\[\s*\d+\s*\]|\[\s*'([^'\\]|\\.)*'\s*\]|\[\s*"([^"\\]|\\.)*"\s*\])*"""
)
_TEXT = re.compile(r"'(?:[^'\\]|\\.)*+'")
_NUMBER = re.compile(r"-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?")
_WORD = re.compile(r"(?:true|false|null)\b")
_TIMESTAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")
NOT_A_PATH = "Value must be a valid JSONPath."
NOT_A_REFERENCE = "Value is not a Reference Path"
_NO_DOLLAR = f"{NOT_A_REFERENCE}: Reference path didn't start with '$'"


def is_path(text: str) -> bool:
    """Return whether a text has the form of a path."""
    root = _ROOT.match(text)
    if root is None:
        return False
    place = root.end()
    while place < len(text):
        if text[place] == ".":
            place += 2 if text[place : place + 2] == ".." else 1
            if text[place : place + 1] != "[":
                name = _NAME.match(text, place)
                if name is None:
                    return False
                place = name.end()
        elif text[place] == "[":
            end = _bracket(text, place)
            if end is None or not text[place + 1 : end].strip():
                return False
            place = end + 1
        else:
            return False
    return True


def _bracket(text: str, begin: int) -> int | None:
    """Return where a bracket closes."""
    depth, quote, place = 0, "", begin
    while place < len(text):
        character = text[place]
        if quote:
            if character == "\\":
                place += 1
            elif character == quote:
                quote = ""
        elif character in "'\"":
            quote = character
        elif character in "[(":
            depth += 1
        elif character in "])":
            depth -= 1
            if not depth:
                return place if character == "]" else None
        place += 1
    return None


def is_reference(text: str) -> bool:
    """Return whether a path leads to one node: names and numbers only."""
    root = _ROOT.match(text)
    return root is not None and _SINGLE.fullmatch(text, root.end()) is not None


def is_call(text: str) -> bool:
    """Return whether a text is the call of an intrinsic function."""
    place = _call(text, 0)
    return place is not None and not text[place:].strip()


def _call(text: str, place: int) -> int | None:
    """Return where a call ends that begins at a place."""
    name = re.compile(r"States\.(\w+)\s*\(").match(text, place)
    if name is None or name[1] not in _FUNCTIONS:
        return None
    place = _blank(text, name.end())
    if text[place : place + 1] == ")":
        return place + 1
    while (after := _argument(text, place)) is not None:
        place = _blank(text, after)
        if text[place : place + 1] == ")":
            return place + 1
        if text[place : place + 1] != ",":
            return None
        place = _blank(text, place + 1)
    return None


def _blank(text: str, place: int) -> int:
    while text[place : place + 1].isspace():
        place += 1
    return place


def _argument(text: str, place: int) -> int | None:
    rest = text[place:]
    if rest.startswith("States."):
        return _call(text, place)
    found = _TEXT.match(text, place) or _NUMBER.match(text, place) or _WORD.match(text, place)
    if found is not None:
        return found.end()
    if not rest.startswith("$"):
        return None
    end, depth, quote = place, 0, ""
    while end < len(text):
        character = text[end]
        if quote:
            quote = "" if character == quote and text[end - 1] != "\\" else quote
        elif character in "'\"" and depth:
            quote = character
        elif character in "[(":
            depth += 1
        elif character == ")" and not depth:
            break
        elif character in "])":
            depth -= 1
        elif character == "," and not depth:
            break
        end += 1
    return end if is_path(text[place:end].strip()) else None


def is_timestamp(text: str) -> bool:
    """Return whether a text is a time as the language has it: RFC 3339, in UTC."""
    if _TIMESTAMP.fullmatch(text) is None:
        return False
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return False
    return True


def check_paths(state: State, place: str, language: str) -> Iterator[Diagnostic]:
    """Yield what is wrong with the paths of a state, and in its templates."""
    if language == JSONATA:
        return
    for name in _PATHS:
        yield from _path(state, name, place)
    for name in _REFERENCES:
        yield from reference(state, name, place)
    for name in _PATHS_OR_CALLS:
        if name in state:
            yield from _path_or_call(state[name], name, place)
    for name in _TEMPLATES:
        yield from template(state.get(name), f"{place}/{name}")
    for name, key in (
        ("ItemReader", "Parameters"),
        ("ResultWriter", "Parameters"),
        ("ItemBatcher", "BatchInput"),
    ):
        if isinstance(fields := state.get(name), Mapping):
            yield from template(fields.get(key), f"{place}/{name}/{key}")


def _path(fields: Mapping[str, Any], name: str, place: str) -> Iterator[Diagnostic]:
    value = fields.get(name)
    if name in fields and value is not None and not (isinstance(value, str) and is_path(value)):
        yield not_right(NOT_A_PATH, f"{place}/{name}")


def _path_or_call(value: Any, name: str, place: str) -> Iterator[Diagnostic]:
    if not isinstance(value, str) or not (is_path(value) or is_call(value)):
        said = f"The value for the field '{name}' must be a valid JSONPath or a valid intrinsic"
        yield not_right(f"{said} function call", place)


def reference(fields: Mapping[str, Any], name: str, place: str) -> Iterator[Diagnostic]:
    """Yield what is wrong with a path that has to lead to one node."""
    value = fields.get(name)
    if name not in fields or value is None:
        return
    if not isinstance(value, str) or not is_path(value):
        yield not_right(NOT_A_PATH, f"{place}/{name}")
    elif not is_reference(value) or (name == "ResultPath" and value.startswith("$$")):
        yield not_right(NOT_A_REFERENCE, f"{place}/{name}")


def compared(rule: Mapping[str, Any], name: str, place: str) -> Iterator[Diagnostic]:
    """Yield what is wrong with a path of a choice rule."""
    value = rule[name]
    if not isinstance(value, str) or not value.startswith("$"):
        yield not_right(_NO_DOLLAR, f"{place}/{name}")
    elif not is_path(value):
        yield not_right(NOT_A_REFERENCE, f"{place}/{name}")


def template(value: Any, place: str) -> Iterator[Diagnostic]:
    """Yield what is wrong with the paths and calls of a template."""
    match value:
        case Mapping():
            for name, inner in value.items():
                if not name.endswith(".$"):
                    yield from template(inner, f"{place}/{name}")
                else:
                    yield from _path_or_call(inner, name, place)
        case list():
            for number, inner in enumerate(value):
                yield from template(inner, f"{place}[{number}]")
