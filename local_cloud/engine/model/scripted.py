"""A model that answers by rules: the first that fits what was said.

docs/models.md says what a rule may ask for and answer.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from local_aws.given_patterns import compiled
from local_aws.json_text import loads
from local_cloud.engine.caller import Caller
from local_cloud.engine.model.pieces import (
    Asked,
    Begun,
    Heard,
    ModelFailed,
    Piece,
    Stop,
    Text,
    Thought,
    ToolInput,
    ToolUse,
)

#: What a rule may ask for by a regular expression.
PATTERNS = frozenset(("text", "asked", "system", "result"))
_PLACE = re.compile(r"\$\{([^{}]++)\}")
_WORDS = re.compile(r"(?:\A\s++)?\S++\s*+")
#: Characters of a piece of a tool's input.
INPUT_PIECE = 16


@dataclass(frozen=True)
class Said:
    """What rules look at.

    Args:
        text: the words of the last message; none where it has answers of tools alone.
        asked: the last words of the user, there or before.
        turn: which answer of the model's it will be, from 1.
        results: what tools answered in the last message, by their names.
    """

    text: str
    asked: str
    system: str
    turn: int
    results: Mapping[str, str]

    @classmethod
    def of(cls, asked: Asked) -> Said:
        uses = {
            block["toolUse"]["toolUseId"]: block["toolUse"]["name"]
            for message in asked.messages
            for block in message["content"]
            if "toolUse" in block
        }
        last = asked.messages[-1]["content"]
        texts = [
            text
            for message in reversed(asked.messages)
            if message["role"] == "user" and (text := _words(message["content"]))
        ]
        results = {
            uses[block["toolResult"]["toolUseId"]]: _result(block["toolResult"])
            for block in last
            if "toolResult" in block
        }
        turn = 1 + sum(1 for message in asked.messages if message["role"] == "assistant")
        words = texts[0] if texts else ""
        return cls(_words(last), words, "\n".join(asked.system), turn, results)


def _words(blocks: Sequence[Mapping[str, Any]]) -> str:
    return "\n".join(block["text"] for block in blocks if "text" in block)


def _result(block: Mapping[str, Any]) -> str:
    parts = [
        one["text"] if "text" in one else json.dumps(one["json"])
        for one in block.get("content") or ()
        if "text" in one or "json" in one
    ]
    return "\n".join(parts)


class Scripted:
    """Answers by rules.

    Args:
        rules: as a models file has them, already checked.
    """

    def __init__(self, rules: Sequence[Mapping[str, Any]]) -> None:
        self.rules = rules

    def answer(self, asked: Asked, caller: Caller) -> Iterator[Heard]:
        """Yield the answer of the first rule that fits; see :class:`.pieces.Model`."""
        said = Said.of(asked)
        for rule in self.rules:
            values = _values(rule.get("when") or {}, said)
            if values is not None:
                return _told(rule, values, said.turn, caller)
        raise ModelFailed(
            "ModelErrorException",
            f"No rule fits turn {said.turn}, in which the user said {said.asked[:200]!r}"
            + (f" and {', '.join(said.results)} answered" if said.results else "")
            + ": add one to the models file (docs/models.md)",
        )


def _values(when: Mapping[str, Any], said: Said) -> dict[str, Any] | None:
    """Return what a rule's answer may name; ``None`` where the rule does not fit."""
    values: dict[str, Any] = {"text": said.asked, "turn": said.turn}
    if "turn" in when and when["turn"] != said.turn:
        return None
    if "tool" in when and when["tool"] not in said.results:
        return None
    result = said.results.get(str(when.get("tool")), "\n".join(said.results.values()))
    values["result"] = _parsed(result)
    for name, text in (
        *(("text", said.text), ("asked", said.asked)),
        *(("system", said.system), ("result", result)),
    ):
        if name in when:
            pattern = compiled(str(when[name]), ignore_case=True, dot_matches_all=True)
            match = pattern.search(text)
            if match is None:
                return None
            values |= {str(n): group for n, group in enumerate(match.groups(), 1)}
            values |= match.groupdict()
    return values


def _parsed(text: str) -> Any:
    try:
        return loads(text)
    except ValueError:
        return text


def _told(
    rule: Mapping[str, Any], values: Mapping[str, Any], turn: int, caller: Caller
) -> Iterator[Heard]:
    error = rule.get("error")
    if error is not None and not error.get("after"):
        raise ModelFailed(error["code"], error.get("message") or "A fault on purpose.")
    return _pieces(rule, values, turn, caller)


def _pieces(
    rule: Mapping[str, Any], values: Mapping[str, Any], turn: int, caller: Caller
) -> Iterator[Heard]:
    delay, error = float(rule.get("delay") or 0), rule.get("error")
    if delay:
        yield Begun()
    for number, piece in enumerate(_spoken(rule, values, turn)):
        if error is not None and number == error["after"]:
            raise ModelFailed(error["code"], error.get("message") or "A fault on purpose.")
        caller.wait(delay)  # it is asked to take its time
        yield piece


def _spoken(rule: Mapping[str, Any], values: Mapping[str, Any], turn: int) -> Iterator[Piece]:
    if thought := str(_filled(rule.get("think") or "", values)):
        yield from map(Thought, _parts(thought, rule.get("chunk")))
        yield Thought(signature=hashlib.sha256(thought.encode()).hexdigest())
    yield from map(Text, _parts(str(_filled(rule.get("say") or "", values)), rule.get("chunk")))
    tools = rule.get("tools") or ()
    for number, tool in enumerate(tools):
        # The same each time: what is recorded is found again.
        yield ToolUse(str(tool.get("id") or f"tooluse_{turn}_{number}"), tool["name"])
        given = _filled(tool.get("input") or {}, values)
        content = given if isinstance(given, str) else json.dumps(given)
        for at in range(0, len(content), INPUT_PIECE):
            yield ToolInput(content[at : at + INPUT_PIECE])
    yield Stop(str(rule.get("stop") or ("tool_use" if tools else "end_turn")))


def _parts(text: str, size: int | None) -> list[str]:
    if size is None:
        return _WORDS.findall(text)
    return [text[at : at + size] for at in range(0, len(text), size)]


def _filled(value: Any, values: Mapping[str, Any]) -> Any:
    """Return a value with what ``${…}`` names; all of a text as it is, a part of it as text."""
    if isinstance(value, Mapping):
        return {name: _filled(inner, values) for name, inner in value.items()}
    if isinstance(value, list):
        return [_filled(inner, values) for inner in value]
    if not isinstance(value, str):
        return value
    if (match := _PLACE.fullmatch(value)) is not None:
        return _named(match[1], values)
    return _PLACE.sub(lambda match: _text(_named(match[1], values)), value)


def _named(path: str, values: Mapping[str, Any]) -> Any:
    found: Any = values
    for name in path.split("."):
        if isinstance(found, list) and name.isdigit() and int(name) < len(found):
            found = found[int(name)]
        elif isinstance(found, Mapping) and name in found:
            found = found[name]
        else:
            raise ModelFailed("ModelErrorException", f"The rule's ${{{path}}} names nothing here")
    return found


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)
