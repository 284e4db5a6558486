"""Reads PartiQL statements, as far as DynamoDB has them.

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/ql-reference.html
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

Value = dict[str, Any]
#: Names of attributes and indexes of list items, from the outside in.
Path = tuple[str | int, ...]

_TOKEN = re.compile(
    r"""\s*(?:
        (?P<string>'(?:[^']|'')*')
      | (?P<name>"(?:[^"]|"")*")
      | (?P<number>\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)
      | (?P<word>[A-Za-z_][A-Za-z0-9_-]*)
      | (?P<symbol><<|>>|<>|!=|<=|>=|[-+=<>(){}\[\],.:?*])
    )""",
    re.VERBOSE,
)
_COMPARISONS = {"=": "=", "<>": "<>", "!=": "<>", "<": "<", "<=": "<=", ">": ">", ">=": ">="}
_RETURNING = {
    ("ALL", "OLD"): "ALL_OLD",
    ("ALL", "NEW"): "ALL_NEW",
    ("MODIFIED", "OLD"): "UPDATED_OLD",
    ("MODIFIED", "NEW"): "UPDATED_NEW",
}


class StatementError(ValueError):
    """A statement cannot be read; the message says what is wrong with it."""


@dataclass(frozen=True)
class Condition:
    """A part of a WHERE clause that has to hold beside the others.

    ``path``, ``operator`` and ``values`` are those of a plain comparison of one attribute.
    """

    text: str
    path: Path | None = None
    operator: str = ""
    values: tuple[Value, ...] = ()


@dataclass
class Expressions:
    """The placeholders of a statement's expressions, as the API takes them."""

    names: dict[str, str] = field(default_factory=dict)
    values: dict[str, Value] = field(default_factory=dict)

    def path(self, path: Path) -> str:
        text = ""
        for step in path:
            if isinstance(step, int):
                text += f"[{step}]"
            else:
                place = next((p for p, n in self.names.items() if n == step), None)
                if place is None:
                    place = f"#n{len(self.names)}"
                    self.names[place] = step
                text += f".{place}" if text else place
        return text

    def value(self, value: Value) -> str:
        place = f":v{len(self.values)}"
        self.values[place] = value
        return place

    def used(self, *texts: str | None) -> dict[str, Any]:
        """Return the placeholders that these expressions use, as parameters of a call."""
        words = set(re.findall(r"[#:][nv]\d+", " ".join(filter(None, texts))))
        names = {place: name for place, name in self.names.items() if place in words}
        values = {place: value for place, value in self.values.items() if place in words}
        return {
            **({"ExpressionAttributeNames": names} if names else {}),
            **({"ExpressionAttributeValues": values} if values else {}),
        }


@dataclass
class Select:
    """``SELECT``; without ``columns`` all of them."""

    table: str
    index: str | None
    columns: list[Path]
    where: list[Condition]
    descending: bool
    expressions: Expressions


@dataclass
class Insert:
    """``INSERT``; ``quiet`` where an item that is there is no error."""

    table: str
    item: dict[str, Value]
    quiet: bool


@dataclass
class Update:
    """``UPDATE``; ``changes`` is an update expression."""

    table: str
    changes: str
    where: list[Condition]
    returning: str | None
    expressions: Expressions


@dataclass
class Delete:
    """``DELETE``."""

    table: str
    where: list[Condition]
    returning: str | None
    expressions: Expressions


@dataclass
class Exists:
    """``EXISTS (SELECT …)``, in a transaction."""

    select: Select


Statement = Select | Insert | Update | Delete | Exists


def read(text: str, parameters: list[Value] | None = None) -> Statement:
    """Read a statement.

    Args:
        parameters: attribute values for its question marks, in their order.

    Raises:
        StatementError: it is none, or has another number of question marks.
    """
    return _Reader(text, parameters or []).statement()


class _Reader:
    def __init__(self, text: str, parameters: list[Value]) -> None:
        self.tokens = list(_tokens(text))
        self.at = 0
        self.parameters = parameters
        self.taken = 0
        self.expressions = Expressions()

    # Tokens

    def peek(self) -> tuple[str, str]:
        return self.tokens[self.at] if self.at < len(self.tokens) else ("end", "")

    def next(self) -> tuple[str, str]:
        token = self.peek()
        self.at += 1
        return token

    def accept(self, *words: str) -> bool:
        """Take these words if they come next."""
        found = self.tokens[self.at : self.at + len(words)]
        if [text.upper() for kind, text in found if kind in ("word", "symbol")] != list(words):
            return False
        self.at += len(words)
        return True

    def expect(self, *words: str) -> None:
        if not self.accept(*words):
            raise StatementError(f"Expected {' '.join(words)}, found {self.peek()[1] or 'the end'}")

    def name(self) -> str:
        kind, text = self.next()
        if kind == "name":
            return text[1:-1].replace('""', '"')
        if kind == "word":
            return text
        raise StatementError(f"Expected a name, found {text or 'the end'}")

    # Statements

    def statement(self) -> Statement:
        if self.accept("EXISTS", "("):
            self.expect("SELECT")
            statement: Statement = Exists(self.select())
            self.expect(")")
        elif self.accept("SELECT"):
            statement = self.select()
        elif self.accept("INSERT", "INTO"):
            statement = self.insert()
        elif self.accept("UPDATE"):
            statement = self.update()
        elif self.accept("DELETE", "FROM"):
            table = self.name()
            where = self.where()
            statement = Delete(table, where, self.returning(), self.expressions)
        else:
            raise StatementError(f"Unexpected {self.peek()[1] or 'end'}")
        if self.peek()[0] != "end":
            raise StatementError(f"Unexpected {self.peek()[1]}")
        if self.taken != len(self.parameters):
            raise StatementError("Number of parameters in request and statement don't match.")
        return statement

    def select(self) -> Select:
        columns: list[Path] = []
        if not self.accept("*"):
            columns.append(self.path())
            while self.accept(","):
                columns.append(self.path())
        self.expect("FROM")
        table = self.name()
        index = self.name() if self.accept(".") else None
        where = self.where()
        descending = False
        if self.accept("ORDER", "BY"):
            self.path()
            descending = self.accept("DESC")
            if not descending:
                self.accept("ASC")
        return Select(table, index, columns, where, descending, self.expressions)

    def insert(self) -> Insert:
        table = self.name()
        self.expect("VALUE")
        item = self.value()
        if "M" not in item:
            raise StatementError("Expected a tuple after VALUE")
        return Insert(table, item["M"], self.accept("IF", "NOT", "EXISTS"))

    def update(self) -> Update:
        table = self.name()
        clauses: dict[str, list[str]] = {"SET": [], "REMOVE": [], "ADD": [], "DELETE": []}
        begun = False
        while True:
            if self.accept("SET") or (begun and self.accept(",")):
                begun = True
                self.assignment(clauses)
            elif self.accept("REMOVE"):
                clauses["REMOVE"].append(self.expressions.path(self.path()))
                begun = False
            else:
                break
        changes = " ".join(f"{word} {', '.join(parts)}" for word, parts in clauses.items() if parts)
        if not changes:
            raise StatementError("Expected SET or REMOVE")
        where = self.where()
        return Update(table, changes, where, self.returning(), self.expressions)

    def assignment(self, clauses: dict[str, list[str]]) -> None:
        target = self.expressions.path(self.path())
        self.expect("=")
        for function, clause in (("SET_ADD", "ADD"), ("SET_DELETE", "DELETE")):
            if self.accept(function, "("):
                self.path()
                self.expect(",")
                clauses[clause].append(f"{target} {self.expressions.value(self.value())}")
                self.expect(")")
                return
        text = self.operand()
        for sign in ("+", "-"):
            if self.accept(sign):
                text = f"{text} {sign} {self.operand()}"
        clauses["SET"].append(f"{target} = {text}")

    def operand(self) -> str:
        for function in ("LIST_APPEND", "IF_NOT_EXISTS"):
            if self.accept(function, "("):
                first = self.operand()
                self.expect(",")
                text = f"{function.lower()}({first}, {self.operand()})"
                self.expect(")")
                return text
        if self.accept("SIZE", "("):
            text = f"size({self.expressions.path(self.path())})"
            self.expect(")")
            return text
        if self.is_path():
            return self.expressions.path(self.path())
        return self.expressions.value(self.value())

    def returning(self) -> str | None:
        if not self.accept("RETURNING"):
            return None
        words = (self.next()[1].upper(), self.next()[1].upper())
        self.expect("*")
        if words not in _RETURNING:
            raise StatementError(f"RETURNING {' '.join(words)} * is not known")
        return _RETURNING[words]

    # Conditions

    def where(self) -> list[Condition]:
        return self.alternatives() if self.accept("WHERE") else []

    def alternatives(self) -> list[Condition]:
        """Read conditions joined by OR; a single one keeps its parts apart."""
        parts = [self.conjunction()]
        while self.accept("OR"):
            parts.append(self.conjunction())
        if len(parts) == 1:
            return parts[0]
        return [Condition(" OR ".join(f"({_joined(part)})" for part in parts))]

    def conjunction(self) -> list[Condition]:
        parts = list(self.condition())
        while self.accept("AND"):
            parts += self.condition()
        return parts

    def condition(self) -> list[Condition]:
        if self.accept("NOT"):
            return [Condition(f"NOT ({_joined(self.condition())})")]
        if self.accept("("):
            inner = self.alternatives()
            self.expect(")")
            return inner
        for function in ("BEGINS_WITH", "CONTAINS", "ATTRIBUTE_TYPE"):
            if self.accept(function, "("):
                path = self.path()
                self.expect(",")
                value = self.value()
                self.expect(")")
                operator = function.lower()
                text = f"{operator}({self.expressions.path(path)}, {self.expressions.value(value)})"
                return [Condition(text, path, operator, (value,))]
        return [self.comparison()]

    def comparison(self) -> Condition:
        path = self.path() if self.is_path() else None
        left = self.operand() if path is None else self.expressions.path(path)
        if path is not None and self.accept("IS"):
            return self.presence(left)
        if path is not None and self.accept("BETWEEN"):
            low = self.value()
            self.expect("AND")
            high = self.value()
            places = [self.expressions.value(value) for value in (low, high)]
            text = f"{left} BETWEEN {places[0]} AND {places[1]}"
            return Condition(text, path, "between", (low, high))
        if path is not None and self.accept("IN"):
            values = self.listed("[", "]") if self.peek()[1] == "[" else self.listed("(", ")")
            places = [self.expressions.value(value) for value in values]
            return Condition(f"{left} IN ({', '.join(places)})", path, "in", tuple(values))
        kind, symbol = self.next()
        if kind != "symbol" or symbol not in _COMPARISONS:
            raise StatementError(f"Expected a comparison, found {symbol or 'the end'}")
        operator = _COMPARISONS[symbol]
        if path is None or self.is_path():
            return Condition(f"{left} {operator} {self.operand()}")
        value = self.value()
        text = f"{left} {operator} {self.expressions.value(value)}"
        return Condition(text, path, operator, (value,))

    def presence(self, path: str) -> Condition:
        there = self.accept("NOT")
        if self.accept("MISSING"):
            return Condition(f"attribute{'' if there else '_not'}_exists({path})")
        self.expect("NULL")
        null = self.expressions.value({"S": "NULL"})
        text = f"attribute_type({path}, {null})"
        return Condition(f"NOT {text}" if there else text)

    def is_path(self) -> bool:
        kind, text = self.peek()
        return kind == "name" or (
            kind == "word" and text.upper() not in ("TRUE", "FALSE", "NULL", "SIZE")
        )

    def path(self) -> Path:
        steps: list[str | int] = [self.name()]
        while True:
            if self.accept("."):
                steps.append(self.name())
            elif self.accept("["):
                steps.append(int(self.next()[1]))
                self.expect("]")
            else:
                return tuple(steps)

    # Values

    def value(self) -> Value:
        kind, text = self.next()
        match kind, text.upper():
            case "string", _:
                return {"S": text[1:-1].replace("''", "'")}
            case "number", _:
                return {"N": text}
            case "symbol", "-" if self.peek()[0] == "number":
                return {"N": f"-{self.next()[1]}"}
            case "symbol", "?":
                return self.parameter()
            case "symbol", "{":
                return {"M": dict(self.members())}
            case "symbol", "[":
                self.at -= 1
                return {"L": self.listed("[", "]")}
            case "symbol", "<<":
                self.at -= 1
                return _set_of(self.listed("<<", ">>"))
            case "word", ("TRUE" | "FALSE") as truth:
                return {"BOOL": truth == "TRUE"}
            case "word", "NULL":
                return {"NULL": True}
        raise StatementError(f"Expected a value, found {text or 'the end'}")

    def parameter(self) -> Value:
        if self.taken >= len(self.parameters):
            raise StatementError("Number of parameters in request and statement don't match.")
        self.taken += 1
        return self.parameters[self.taken - 1]

    def members(self) -> Iterator[tuple[str, Value]]:
        while not self.accept("}"):
            kind, text = self.next()
            if kind not in ("string", "name"):
                raise StatementError(f"Expected the name of a member, found {text or 'the end'}")
            self.expect(":")
            yield text[1:-1], self.value()
            if not self.accept(","):
                self.expect("}")
                return

    def listed(self, begin: str, end: str) -> list[Value]:
        self.expect(begin)
        values: list[Value] = []
        while not self.accept(end):
            values.append(self.value())
            if not self.accept(","):
                self.expect(end)
                break
        return values


def _tokens(text: str) -> Iterator[tuple[str, str]]:
    position, text = 0, text.rstrip().removesuffix(";").rstrip()
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None:
            raise StatementError(f"Unexpected {text[position : position + 20]!r}")
        position = match.end()
        kind = str(match.lastgroup)
        yield kind, match[kind]


def _joined(conditions: list[Condition]) -> str:
    return " AND ".join(condition.text for condition in conditions)


def _set_of(values: list[Value]) -> Value:
    kinds = {kind for value in values for kind in value}
    if len(kinds) != 1 or not kinds <= {"S", "N", "B"}:
        raise StatementError("A set holds strings, numbers or binary values of one type")
    (kind,) = kinds
    return {f"{kind}S": [value[kind] for value in values]}


def joined(conditions: list[Condition]) -> str | None:
    """Return conditions as one expression, ``None`` where there is none."""
    return _joined(conditions) or None
