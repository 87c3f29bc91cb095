"""The official evaluator's reading of a query: a small language that looks like SQL.

It knows one SELECT with plain joins, comparisons and one set operation after another; no CASE, no
CTE, no LEFT JOIN, no alias without AS, no IS NULL, no literal in the select list. It stops at the
end of what it knows and ignores the rest. docs/pitfalls.md describes what follows from that.
"""

from __future__ import annotations

from sqlforge.score.official.names import Names
from sqlforge.score.official.syntax import (
    AGGREGATES,
    CLAUSES,
    COMPARISONS,
    CONNECTORS,
    OPERATORS,
    SET_OPERATIONS,
    Column,
    Condition,
    Conditions,
    Operand,
    Query,
    Selected,
    Source,
    Value,
)
from sqlforge.score.official.tokens import UnreadableError, tokenize

_JOINING = frozenset(("join", "on", "as"))
_ENDS = CLAUSES | {")", ";"}
_CONDITION_ENDS = _ENDS | _JOINING
_VALUE_ENDS = CLAUSES | _JOINING | {",", ")", "and"}
_MAX_DEPTH = 100  # queries in one another: more than anybody writes, less than Python's stack


def parse(sql: str, names: Names) -> Query:
    """Read ``sql`` over the tables of ``names``.

    Raises:
        UnreadableError: the official evaluator would not read it.

    >>> from sqlforge.score.official.names import Names
    >>> names = Names({"t": frozenset("a")}, frozenset(["*", "t", "t.a"]), {})
    >>> parse("SELECT max(a) FROM t LIMIT 1", names).selected
    (Selected(aggregate='max', operand=Operand(operator='none',
     left=Column(aggregate='none', name='t.a', distinct=False), right=None)),)
    """
    try:
        return _Parser(tokenize(sql), names).query(0)[1]
    except (KeyError, IndexError) as fault:  # an unknown name, the end of the text
        raise UnreadableError(str(fault)) from fault


class _Parser:
    """Recursive descent; every method takes a position and returns the next with what it read."""

    def __init__(self, tokens: list[str], names: Names) -> None:
        self.tokens, self.names = tokens, names
        self.size = len(tokens)
        self.depth = 0
        # Every AS in the text names an alias, wherever it stands; the last one wins.
        self.tables = {
            tokens[i + 1]: tokens[i - 1] for i, word in enumerate(tokens) if word == "as"
        }
        for table in names.columns:
            if table in self.tables:
                raise UnreadableError(f"the alias {table} is a table")
            self.tables[table] = table

    def query(self, at: int) -> tuple[int, Query]:
        self.depth += 1
        if self.depth > _MAX_DEPTH:
            raise UnreadableError("nested too deeply")
        in_brackets = self.tokens[at] == "("
        end, sources, joined_on, defaults = self.sources(at)
        distinct, selected = self.selection(at + in_brackets, defaults)
        end, where = self.conditions_after("where", end, defaults)
        end, group = self.grouping(end, defaults)
        end, having = self.conditions_after("having", end, defaults)
        end, order = self.ordering(end, defaults)
        limit = self.is_at(end, "limit")
        if limit:  # something must follow it, and whatever follows is taken for a number
            end += 2
            if end > self.size:
                raise UnreadableError("LIMIT without a number")
        end = self.skip_semicolons(end)
        if in_brackets:
            end = self.skip_semicolons(self.expect(end, ")"))
        following = None
        if end < self.size and self.tokens[end] in SET_OPERATIONS:
            operation = self.tokens[end]
            end, other = self.query(end + 1)
            following = (operation, other)
        self.depth -= 1
        return end, Query(
            distinct, selected, sources, joined_on, where, group, having, order, limit, following
        )

    def sources(self, at: int) -> tuple[int, tuple[Source, ...], Conditions, list[str]]:
        """The FROM clause: the next one in the text, wherever the query itself begins."""
        try:
            at = self.tokens.index("from", at) + 1
        except ValueError:
            raise UnreadableError("no FROM") from None
        sources: list[Source] = []
        joined_on: list[Condition | str] = []
        defaults: list[str] = []
        while at < self.size:
            in_brackets = self.tokens[at] == "("
            at += in_brackets
            if self.tokens[at] == "select":
                at, inner = self.query(at)
                sources.append(inner)
            else:
                at, table = self.table(at + self.is_at(at, "join"))
                sources.append(table)
                if table not in defaults:
                    defaults.append(table)
            if self.is_at(at, "on"):
                at, found = self.conditions(at + 1, defaults)
                if joined_on:
                    joined_on.append("and")
                joined_on.extend(found)
            if in_brackets:
                at = self.expect(at, ")")
            if at < self.size and self.tokens[at] in _ENDS:
                break
        return at, tuple(sources), tuple(joined_on), defaults

    def table(self, at: int) -> tuple[int, str]:
        name = self.tables[self.tokens[at]]
        if name not in self.names.known:
            raise UnreadableError(f"no table {name}")
        return at + (3 if self.is_at(at + 1, "as") else 1), name

    def selection(self, at: int, defaults: list[str]) -> tuple[bool, tuple[Selected, ...]]:
        at = self.expect(at, "select")
        distinct = self.is_at(at, "distinct")
        at += distinct
        selected = []
        while at < self.size and self.tokens[at] not in CLAUSES:
            aggregate = "none"
            if self.tokens[at] in AGGREGATES:
                aggregate = self.tokens[at]
                at += 1
            at, operand = self.operand(at, defaults)
            selected.append(Selected(aggregate, operand))
            at += self.is_at(at, ",")
        return distinct, tuple(selected)

    def conditions_after(self, word: str, at: int, defaults: list[str]) -> tuple[int, Conditions]:
        return self.conditions(at + 1, defaults) if self.is_at(at, word) else (at, ())

    def conditions(self, at: int, defaults: list[str]) -> tuple[int, Conditions]:
        found: list[Condition | str] = []
        while at < self.size:
            at, operand = self.operand(at, defaults)
            negated = self.tokens[at] == "not"
            at += negated
            comparison = self.tokens[at]
            if comparison not in COMPARISONS:
                raise UnreadableError(f"no comparison at {comparison}")
            at, value = self.value(at + 1, defaults)
            second: Value = None
            if comparison == "between":
                at, second = self.value(self.expect(at, "and"), defaults)
            found.append(Condition(negated, comparison, operand, value, second))
            if at < self.size and self.tokens[at] in _CONDITION_ENDS:
                break
            if at < self.size and self.tokens[at] in CONNECTORS:
                found.append(self.tokens[at])
                at += 1
        return at, tuple(found)

    def value(self, at: int, defaults: list[str]) -> tuple[int, Value]:
        start, in_brackets = at, self.tokens[at] == "("
        at += in_brackets
        word = self.tokens[at]
        found: Value
        if word == "select":
            at, found = self.query(at)
        elif '"' in word:
            at, found = at + 1, word
        elif (number := _number(word)) is not None:
            at, found = at + 1, number
        else:  # a column; it is cut out of the text first, with the bracket before it
            while at < self.size and self.tokens[at] not in _VALUE_ENDS:
                at += 1
            found = self.cut_out(start, at).column(0, defaults)[1]
        return (self.expect(at, ")") if in_brackets else at), found

    def grouping(self, at: int, defaults: list[str]) -> tuple[int, tuple[Column, ...]]:
        columns: list[Column] = []
        if not self.is_at(at, "group"):
            return at, ()
        at = self.expect(at + 1, "by")
        while at < self.size and self.tokens[at] not in _ENDS:
            at, column = self.column(at, defaults)
            columns.append(column)
            if not self.is_at(at, ","):
                break
            at += 1
        return at, tuple(columns)

    def ordering(
        self, at: int, defaults: list[str]
    ) -> tuple[int, tuple[str, tuple[Operand, ...]] | None]:
        if not self.is_at(at, "order"):
            return at, None
        at = self.expect(at + 1, "by")
        direction, operands = "asc", []
        while at < self.size and self.tokens[at] not in _ENDS:
            at, operand = self.operand(at, defaults)
            operands.append(operand)
            if at < self.size and self.tokens[at] in ("asc", "desc"):
                direction = self.tokens[at]
                at += 1
            if not self.is_at(at, ","):
                break
            at += 1
        return at, (direction, tuple(operands))

    def operand(self, at: int, defaults: list[str]) -> tuple[int, Operand]:
        in_brackets = self.tokens[at] == "("
        at, left = self.column(at + in_brackets, defaults)
        operator, right = "none", None
        if at < self.size and self.tokens[at] in OPERATORS:
            operator = self.tokens[at]
            at, right = self.column(at + 1, defaults)
        return (self.expect(at, ")") if in_brackets else at), Operand(operator, left, right)

    def column(self, at: int, defaults: list[str]) -> tuple[int, Column]:
        in_brackets = self.tokens[at] == "("
        at += in_brackets
        word = self.tokens[at]
        if word in AGGREGATES:  # a bracket before it is swallowed and never closed
            at = self.expect(at + 1, "(")
            distinct = self.tokens[at] == "distinct"
            at, name = self.name(at + distinct, defaults)
            return self.expect(at, ")"), Column(word, name, distinct)
        distinct = word == "distinct"
        at, name = self.name(at + distinct, defaults)
        return (self.expect(at, ")") if in_brackets else at), Column("none", name, distinct)

    def name(self, at: int, defaults: list[str]) -> tuple[int, str]:
        word = self.tokens[at]
        if word == "*":
            return at + 1, word
        if "." in word:
            alias, _, own = word.partition(".")
            name = f"{self.tables[alias]}.{own}"
            if "." in own or name not in self.names.known:
                raise UnreadableError(f"no column {word}")
            return at + 1, name
        for default in defaults:
            table = self.tables[default]
            if word in self.names.columns[table]:
                return at + 1, f"{table}.{word}"
        raise UnreadableError(f"no column {word}")

    def cut_out(self, start: int, end: int) -> _Parser:
        part = object.__new__(_Parser)
        part.tokens, part.size = self.tokens[start:end], end - start
        part.names, part.tables, part.depth = self.names, self.tables, self.depth
        return part

    def is_at(self, at: int, word: str) -> bool:
        return at < self.size and self.tokens[at] == word

    def expect(self, at: int, word: str) -> int:
        if not self.is_at(at, word):
            raise UnreadableError(f"no {word!r} where it belongs")
        return at + 1

    def skip_semicolons(self, at: int) -> int:
        while self.is_at(at, ";"):
            at += 1
        return at


def _number(word: str) -> float | None:
    try:
        return float(word)
    except ValueError:
        return None
