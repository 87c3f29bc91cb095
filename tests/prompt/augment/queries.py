"""Random queries over a small database whose names were chosen to be mistaken for each other."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass

from hypothesis import strategies as st

from sqlforge.core.schema import Column, ForeignKey, Schema, Table

DDL = """
CREATE TABLE person (id INTEGER PRIMARY KEY, name TEXT, city INTEGER, "Home Town" TEXT, age INT);
CREATE TABLE city (id INTEGER PRIMARY KEY, name TEXT, "group" TEXT, mayor INT);
CREATE TABLE visit (person INT, city INT, "when" TEXT, name TEXT);
INSERT INTO person VALUES (1, 'Ada', 1, 'Bath', 36), (2, 'Bob', 2, 'name', 22),
  (3, 'Cy', 1, 'city', 22), (4, 'Ada', 3, NULL, 51);
INSERT INTO city VALUES (1, 'Bath', 'west', 2), (2, 'Ayr', 'north', 1), (3, 'name', 'west', 4);
INSERT INTO visit VALUES (1, 2, '2020-01-01', 'Ada'), (2, 1, '2021-05-05', 'Bath'),
  (2, 3, '2021-05-06', 'age'), (3, 2, '2019-12-12', 'north');
"""
SCHEMA = Schema(
    (
        Table(
            "person",
            (
                Column("id", "INTEGER", True),
                Column("name", "TEXT"),
                Column("city", "INTEGER"),
                Column("Home Town", "TEXT"),
                Column("age", "INT"),
            ),
            (ForeignKey(("city",), "city", ("id",)),),
        ),
        Table(
            "city",
            (
                Column("id", "INTEGER", True),
                Column("name", "TEXT"),
                Column("group", "TEXT"),
                Column("mayor", "INT"),
            ),
        ),
        Table(
            "visit",
            (
                Column("person", "INT"),
                Column("city", "INT"),
                Column("when", "TEXT"),
                Column("name", "TEXT"),
            ),
        ),
    )
)
_ALIASES = ("T1", "t2", "city", "name", "x", "visit")
_WORDS = ("Bath", "name", "city", "age", "Home Town", "west", "2020-01-01", "north", "nowhere")


def database() -> sqlite3.Connection:
    connection = sqlite3.connect(":memory:")
    connection.executescript(DDL)
    return connection


Sources = Sequence[tuple[str, str]]  # as the query calls a table, and the table


@dataclass
class Writer:
    """Writes one query, drawing every choice from hypothesis."""

    draw: st.DrawFn

    def one(self, *choices: str) -> str:
        return self.draw(st.sampled_from(choices))

    def maybe(self, share: int = 3) -> bool:
        return self.draw(st.integers(0, share)) == 0

    def spelled(self, name: str) -> str:
        """A name in one of the spellings that SQLite takes for it."""
        if self.maybe(2):
            name = self.one(name.upper(), name.lower(), name.title())
        plain = name.isidentifier() and name.lower() not in ("group", "when")
        forms = [f'"{name}"', f"`{name}`", f"[{name}]"] + ([name] * 6 if plain else [])
        return self.one(*forms)

    def query(self, depth: int = 0) -> str:
        body = self.select(depth)
        if depth == 0 and self.maybe(4):
            name = self.one("person", "city", "recent", "c")
            inner = self.select(1)
            body = f"WITH {self.spelled(name)} AS ({inner}) {self.select(1, extra=name)}"
        elif self.maybe(6):
            body += f" {self.one('UNION', 'UNION ALL', 'EXCEPT', 'INTERSECT')} {self.select(depth)}"
            if self.maybe(1):
                body += f" ORDER BY {self.column()}"
        return body

    def select(self, depth: int, extra: str | None = None) -> str:
        source, sources = self.source(depth, extra)
        columns = self.one("1", "2") if depth == 0 else "1"
        parts = [self.projected(sources, depth) for _ in range(int(columns))]
        sql = f"SELECT {'DISTINCT ' if self.maybe(5) else ''}{', '.join(parts)} FROM {source}"
        if self.maybe(1):
            sql += f" WHERE {self.condition(sources, depth)}"
        if self.maybe(3):
            sql += f" GROUP BY {self.column(sources)}"
            if self.maybe(2):
                sql += f" HAVING count(*) >= {self.one('1', '2')}"
        if depth == 0 and self.maybe(2):
            sql += f" ORDER BY {self.column(sources)}{self.one('', ' DESC')}"
            if self.maybe(2):
                sql += " LIMIT 2"
        return sql

    def source(self, depth: int, extra: str | None) -> tuple[str, Sources]:
        tables = [t.name for t in SCHEMA.tables] + ([extra] * 3 if extra else [])
        first, second = self.one(*tables), self.one(*tables)
        if depth < 2 and self.maybe(6):
            return f"({self.select(depth + 1)}) AS {self.one('x', 'city', 'sub')}", ()
        if self.maybe(2):
            return self.aliased(first)
        join = self.draw(st.integers(0, 3))
        if join == 0:
            return f"{self.spelled(first)} NATURAL JOIN {self.spelled(second)}", ()
        if join == 1:
            return (
                f"{self.spelled(first)} JOIN {self.spelled(second)} USING ({self.column()})",
                [(first, first), (second, second)],
            )
        left, right = self.aliased(first), self.aliased(second)
        on = f"{self.column(left[1])} = {self.column(right[1])}"
        return f"{left[0]} JOIN {right[0]} ON {on}", [*left[1], *right[1]]

    def aliased(self, table: str) -> tuple[str, Sources]:
        if self.maybe(1):
            return self.spelled(table), [(table, table)]
        alias = self.one(*_ALIASES)
        return f"{self.spelled(table)} {self.one('AS ', '')}{self.spelled(alias)}", [(alias, table)]

    def column(self, sources: Sources = ()) -> str:
        names = [c.name for t in SCHEMA.tables for c in t.columns]
        if not sources or self.maybe(9):
            return self.spelled(self.one(*names, "name", "name", "city", "id"))
        prefix, owner = self.draw(st.sampled_from(sources))
        table = SCHEMA.table(owner)
        name = self.spelled(self.one(*(c.name for c in table.columns) if table else names))
        return f"{self.spelled(prefix)}.{name}" if len(sources) > 1 or self.maybe(1) else name

    def projected(self, sources: Sources, depth: int) -> str:
        choice = self.draw(st.integers(0, 9))
        if choice == 0 and depth == 0:
            return "*"
        if choice == 1 and sources and depth == 0:
            return f"{self.spelled(sources[0][0])}.*"
        if choice == 2:
            return f"{self.one('count', 'max', 'min')}({self.column(sources)})"
        text = self.column(sources)
        if self.maybe(3):
            text += f" AS {self.spelled(self.one('name', 'city', 'total', 'age'))}"
        return text

    def condition(self, sources: Sources, depth: int) -> str:
        column = self.column(sources)
        choice = self.draw(st.integers(0, 7))
        if choice <= 2:
            return f"{column} {self.one('=', '!=', '<', 'LIKE')} {self.value()}"
        if choice == 3:
            return f"{column} IN ({self.value()}, {self.value()})"
        if choice == 4 and depth < 2:
            inner = self.select(depth + 1)
            return f"{column} {self.one('IN', 'NOT IN')} ({inner})"
        if choice == 5 and depth < 2:
            visit, own = self.aliased("visit")
            return f"EXISTS (SELECT 1 FROM {visit} WHERE {column} = {self.column(own)})"
        if choice == 6:
            return f"{column} {self.one('IN ages', 'IN person')}"
        return f"{column} = {self.column(sources)} OR {column} IS NOT NULL"

    def value(self) -> str:
        word = self.one(*_WORDS)
        return self.one(f"'{word}'", f'"{word}"', "22", "1")


@st.composite
def queries(draw: st.DrawFn) -> str:
    """SQL text, of which SQLite refuses some."""
    return Writer(draw).query()
