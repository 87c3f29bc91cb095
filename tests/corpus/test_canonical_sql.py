"""Canonical SQL as a fingerprint: spelling goes, meaning stays, literals are apart."""

from __future__ import annotations

import random
from dataclasses import dataclass, replace

import pytest
import sqlglot
from hypothesis import given
from hypothesis import strategies as st

from sqlforge.corpus.canonical_sql import CanonicalSql, canonical_sql, skeleton
from sqlforge.corpus.folding import fold_literal

TABLES = {"shop": ("id", "name", "city", "opened"), "sale": ("id", "shop_id", "day", "total")}
VALUES = ("Bath", "O'Neil", "7", "42", "2.5", "-3", "a b")


@dataclass(frozen=True)
class Condition:
    table: str
    column: str
    operator: str
    value: str


@dataclass(frozen=True)
class Query:
    """A query as what it means; a spelling is drawn for it."""

    table: str
    join: bool
    selected: tuple[tuple[str, str, str], ...]  # (aggregate, table, column)
    conditions: tuple[Condition, ...]
    connector: str
    order: tuple[str, str, bool] | None
    limit: int | None

    @property
    def tables(self) -> tuple[str, ...]:
        return ("shop", "sale") if self.join else (self.table,)


@st.composite
def queries(draw: st.DrawFn) -> Query:
    join = draw(st.booleans())
    table = draw(st.sampled_from(sorted(TABLES)))
    columns = st.sampled_from([(t, c) for t in (TABLES if join else (table,)) for c in TABLES[t]])
    selected = draw(
        st.lists(st.tuples(st.sampled_from(("", "MAX", "COUNT")), columns), min_size=1, max_size=3)
    )
    conditions = draw(
        st.lists(
            st.tuples(columns, st.sampled_from(("=", "<", ">=", "<>", "LIKE")), values()),
            max_size=3,
        )
    )
    order = draw(st.none() | st.tuples(columns, st.booleans()))
    return Query(
        table,
        join,
        tuple((aggregate, *column) for aggregate, column in selected),
        tuple(Condition(*column, operator, value) for column, operator, value in conditions),
        draw(st.sampled_from(("AND", "OR"))),
        (*order[0], order[1]) if order else None,
        draw(st.none() | st.integers(1, 20)),
    )


def values() -> st.SearchStrategy[str]:
    return st.sampled_from(VALUES)


class Spelling:
    """One way to write a query, drawn from a seed."""

    def __init__(self, seed: int) -> None:
        self._rng = random.Random(seed)
        self._aliased = self._rng.random() < 0.5
        self._names = self._rng.sample(("T1", "T2", "a", "b", "x9"), 2)

    def of(self, query: Query) -> str:
        alias = dict(zip(query.tables, self._names, strict=False)) if self._aliased else {}
        prefixed = query.join or self._rng.random() < 0.5

        def column(table: str, name: str) -> str:
            prefix = f"{alias.get(table) or self._name(table)}." if prefixed else ""
            return prefix + self._name(name)

        def source(table: str) -> str:
            written = self._name(table)
            linked = self._rng.choice((" AS ", " ", " as "))
            return f"{written}{linked}{alias[table]}" if table in alias else written

        selected = [
            f"{self._case(aggregate)}({column(*c)})" if aggregate else column(*c)
            for aggregate, *c in query.selected
        ]
        text = [self._case("SELECT"), self._rng.choice((", ", " ,  ", ",")).join(selected)]
        text += [self._case("FROM"), source(query.tables[0])]
        if query.join:
            sides = [column("shop", "id"), column("sale", "shop_id")]
            self._rng.shuffle(sides)
            joined = self._rng.choice(("JOIN", "INNER JOIN"))
            text += [self._case(joined), source("sale"), self._case("ON"), " = ".join(sides)]
        conditions = [
            f"{column(c.table, c.column)} {c.operator} {self._literal(c.value)}"
            for c in query.conditions
        ]
        if conditions:
            self._rng.shuffle(conditions)
            bracketed = [f"({c})" if self._rng.random() < 0.2 else c for c in conditions]
            text += [self._case("WHERE"), f" {self._case(query.connector)} ".join(bracketed)]
        if query.order:
            table, name, descending = query.order
            direction = "DESC" if descending else self._rng.choice(("", "ASC"))
            text += [self._case("ORDER BY"), column(table, name), self._case(direction)]
        if query.limit is not None:
            text += [self._case("LIMIT"), str(query.limit)]
        blank = self._rng.choice((" ", "  ", "\n"))
        return blank.join(part for part in text if part) + self._rng.choice(("", ";", " ;"))

    def _case(self, word: str) -> str:
        return self._rng.choice((word, word.lower(), word.title()))

    def _name(self, name: str) -> str:
        cased = self._rng.choice((name, name.upper(), name.title()))
        return self._rng.choice((cased, cased, f"`{cased}`", f"[{cased}]"))

    def _literal(self, value: str) -> str:
        if value.lstrip("-").replace(".", "").isdigit() and self._rng.random() < 0.5:
            return value
        quoted = value.replace("'", "''")
        return f"'{self._rng.choice((quoted, quoted.upper()))}'"


def canonical(query: Query, seed: int = 0) -> CanonicalSql:
    found = canonical_sql(Spelling(seed).of(query))
    assert found is not None
    return found


@given(queries(), st.integers(0, 10**6), st.integers(0, 10**6))
def test_two_spellings_of_a_query_have_one_canonical_form(query: Query, a: int, b: int) -> None:
    assert canonical(query, a) == canonical(query, b)


@given(queries(), st.data())
def test_values_do_not_change_the_masked_form(query: Query, data: st.DataObject) -> None:
    changed = replace(
        query,
        conditions=tuple(replace(c, value=data.draw(values())) for c in query.conditions),
        limit=None if query.limit is None else data.draw(st.integers(1, 20)),
    )
    one, other = canonical(query), canonical(changed, 1)
    assert one.masked == other.masked
    assert one.masked.count("?") == len(one.literals) == len(other.literals)


@given(queries(), queries())
def test_queries_that_ask_for_other_things_have_other_masked_forms(one: Query, two: Query) -> None:
    def meaning(query: Query) -> tuple[object, ...]:
        conditions = sorted((c.table, c.column, c.operator) for c in query.conditions)
        connector = query.connector if len(conditions) > 1 else ""
        limited = query.limit is not None
        return (query.tables, query.selected, conditions, connector, query.order, limited)

    same = canonical(one).masked == canonical(two).masked
    assert same == (meaning(one) == meaning(two))


@given(queries(), st.integers(0, 10**6))
def test_canonical_sql_is_its_own_canonical_form(query: Query, seed: int) -> None:
    once = canonical(query, seed)
    assert canonical_sql(once.text) == once


@given(queries(), st.integers(0, 10**6))
def test_a_tree_gives_what_its_text_gives_and_stays_as_it_is(query: Query, seed: int) -> None:
    text = Spelling(seed).of(query)
    tree = sqlglot.parse_one(text, dialect="sqlite")
    before = tree.sql()
    assert canonical_sql(tree) == canonical_sql(text)
    assert tree.sql() == before


@given(st.text(max_size=60))
def test_any_text_has_a_canonical_form_or_none(text: str) -> None:
    found = canonical_sql(text)
    assert found is None or found.masked.count("?") >= len(found.literals) - text.count("?")


@given(st.integers(-(10**20), 10**20))
def test_a_number_has_one_folded_form(number: int) -> None:
    forms = (f"{number}", f"{number:,}", f"{number}.0", f" {number}.00 ")
    assert {fold_literal(form) for form in forms} == {str(number)}


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("SELECT name FROM t ORDER BY a ASC", "select Name from T order by a"),
        ("SELECT count(*) AS n FROM t", "SELECT COUNT(*) FROM t"),
        ("SELECT a FROM t WHERE x IN (1, 2)", "SELECT a FROM t WHERE x IN (2,1)"),
        ("SELECT a FROM t WHERE (x = 1 AND y = 2)", "SELECT a FROM t WHERE y = 2 AND x = 1"),
        ('SELECT a FROM t WHERE x = "Asia"', "SELECT a FROM t WHERE x = 'asia'"),
        ('SELECT "No. of caps" FROM table_1_10_2', "SELECT no_of_caps FROM table_name_77"),
        (
            "SELECT a FROM t LEFT OUTER JOIN u ON t.i = u.i",
            "SELECT a FROM t LEFT JOIN u ON u.i=t.i",
        ),
        (
            "SELECT a FROM t WHERE i IN (SELECT T1.i FROM u AS T1)",
            "SELECT T1.a FROM t AS T1 WHERE T1.i IN (SELECT u.i FROM u)",
        ),
    ],
)
def test_these_are_one_query(one: str, other: str) -> None:
    assert canonical_sql(one) == canonical_sql(other) is not None


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("SELECT a FROM t ORDER BY a", "SELECT a FROM t ORDER BY a DESC"),
        ("SELECT a FROM t", "SELECT DISTINCT a FROM t"),
        ("SELECT count(*) AS n FROM t GROUP BY a", "SELECT count(*) FROM t"),
        ("SELECT a.n FROM a JOIN b ON a.i = b.i", "SELECT b.n FROM a JOIN b ON a.i = b.i"),
        (
            "SELECT a FROM t WHERE x = 1 AND y = 2 OR z = 3",
            "SELECT a FROM t WHERE x = 1 AND (y = 2 OR z = 3)",
        ),
        ("SELECT a FROM t WHERE NOT x = 1", "SELECT a FROM t WHERE x = 1"),
        ("SELECT a - (b - c) FROM t", "SELECT a - b - c FROM t"),
    ],
)
def test_these_are_two_queries(one: str, other: str) -> None:
    first, second = canonical_sql(one), canonical_sql(other)
    assert first is not None and second is not None and first.masked != second.masked


def test_a_table_joined_to_itself_keeps_its_two_roles() -> None:
    found = canonical_sql("SELECT x.a FROM t AS x JOIN t AS y ON x.i = y.j")
    assert found is not None
    assert found.masked == "SELECT t.a FROM t JOIN t AS t_2 ON t.i = t_2.j"


def test_one_skeleton_serves_all_names() -> None:
    queries = (
        "SELECT MAX(a) FROM t WHERE b = 'x' AND c > 4",
        "select max(q) from u where d>1 and e='y'",
    )
    assert len({skeleton(query) for query in queries}) == 1
