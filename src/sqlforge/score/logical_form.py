"""Free SQL as WikiSQL's structured query: a column, an aggregate, a set of conditions.

WikiSQL's own evaluator takes no SQL but ``{"sel": 3, "agg": 0, "conds": [[5, 0, "x"]]}``. The
rules by which SQL is read as that form (docs/wikisql-logical-form.md gives them for users):

* one ``SELECT`` of one column, bare or inside ``MAX``, ``MIN``, ``COUNT``, ``SUM`` or ``AVG``;
* ``FROM`` the question's table alone; aliases and prefixes of any name;
* ``WHERE`` only comparisons ``column = > < literal`` joined by AND, in either direction;
* quotes, parentheses, output aliases, comments and the case of everything do not count; LOWER,
  UPPER and COLLATE NOCASE are looked through, since the benchmark lower-cases all text.

Anything else has no such form, even where some form would give the same rows.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from functools import lru_cache

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from sqlforge.core.schema import Table
from sqlforge.corpus.wikisql_rows import AGGREGATES, OPERATORS, number_in

MAX_CHARACTERS = 20_000

_AGGREGATES: dict[type[exp.Expr], str] = {
    exp.Max: "MAX",
    exp.Min: "MIN",
    exp.Count: "COUNT",
    exp.Sum: "SUM",
    exp.Avg: "AVG",
}
_COMPARISONS: dict[type[exp.Expr], str] = {exp.EQ: "=", exp.GT: ">", exp.LT: "<"}
_MIRRORED = {"=": "=", ">": "<", "<": ">"}
_CLAUSES = {
    "with_": "WITH",
    "distinct": "DISTINCT",
    "joins": "a join",
    "group": "GROUP BY",
    "having": "HAVING",
    "windows": "WINDOW",
    "order": "ORDER BY",
    "limit": "LIMIT",
    "offset": "OFFSET",
}

Value = str | int | float


class NoLogicalFormError(ValueError):
    """The query has no structured form; the message says why in a few words."""


@dataclass(frozen=True, slots=True)
class LogicalForm:
    """``selected`` and the conditions' first members number columns from 0.

    ``aggregate`` and the conditions' second members are WikiSQL's numbers for ``MAX`` … and
    ``= > <``. Values of ``real`` columns are numbers where they hold one, others lower-case text.
    """

    selected: int
    aggregate: int
    conditions: tuple[tuple[int, int, Value], ...]


def logical_form(sql: str, table: Table) -> LogicalForm:
    """The structured form of ``sql``, a query over ``table``.

    Raises :class:`NoLogicalFormError` where there is none.

    >>> from sqlforge.core.schema import Column
    >>> table = Table("table_1", (Column("Player", "TEXT"), Column("No. of caps", "REAL")))
    >>> logical_form('SELECT max(t."No. of caps") FROM table_1 AS t WHERE Player = "Ann"', table)
    LogicalForm(selected=1, aggregate=1, conditions=((0, 0, 'ann'),))
    >>> logical_form("SELECT Player FROM table_1 ORDER BY Player", table)
    Traceback (most recent call last):
    sqlforge.score.logical_form.NoLogicalFormError: ORDER BY
    """
    found = _cached(sql, table)
    if isinstance(found, str):
        raise NoLogicalFormError(found)
    return found


def form_difference(gold: LogicalForm, predicted: LogicalForm) -> str | None:
    """What differs first, ``None`` if the forms are equal as WikiSQL counts: conditions as a set.

    >>> form_difference(LogicalForm(0, 0, ()), LogicalForm(0, 3, ()))
    'another aggregate'
    """
    if gold.aggregate != predicted.aggregate:
        return "another aggregate"
    if gold.selected != predicted.selected:
        return "another column selected"
    if set(gold.conditions) != set(predicted.conditions):
        return "other conditions"
    return None


def official_sql(form: LogicalForm, table_name: str) -> str:
    """What WikiSQL's evaluator executes for ``form``: columns by number.

    It binds values to the name of their column, so that of two conditions on one column both
    compare with the last one's value.

    >>> official_sql(LogicalForm(0, 0, ((1, 1, 5), (1, 2, 9))), "table_1")
    'SELECT col0 AS result FROM table_1 WHERE col1 > 9 AND col1 < 9'
    """
    selected = f"col{form.selected}"
    if form.aggregate:
        selected = f"{AGGREGATES[form.aggregate]}({selected})"
    bound = {column: value for column, _, value in form.conditions}
    conditions = [
        f"col{column} {OPERATORS[operator]} {_literal(bound[column])}"
        for column, operator, _ in form.conditions
    ]
    where = f" WHERE {' AND '.join(conditions)}" if conditions else ""
    return f"SELECT {selected} AS result FROM {table_name}{where}"


def _literal(value: Value) -> str:
    return "'" + value.replace("'", "''") + "'" if isinstance(value, str) else repr(value)


@lru_cache(maxsize=4096)  # a query is executed by its form and compared by it
def _cached(sql: str, table: Table) -> LogicalForm | str:
    logger = logging.getLogger("sqlglot")
    was_disabled, logger.disabled = logger.disabled, True
    try:
        return _Reader(sql, table).form()
    except NoLogicalFormError as reason:
        return str(reason)
    except (SqlglotError, RecursionError, ValueError):
        return "does not parse"
    finally:
        logger.disabled = was_disabled


class _Reader:
    """Reads one query; the names it may use are those of ``table`` and its alias."""

    def __init__(self, sql: str, table: Table) -> None:
        self.sql, self.table = sql, table
        self.places = {column.name.lower(): i for i, column in enumerate(table.columns)}
        self.prefixes = {table.name.lower()}

    def form(self) -> LogicalForm:
        if len(self.sql) > MAX_CHARACTERS:
            raise NoLogicalFormError(f"more than {MAX_CHARACTERS} characters")
        statements = [s for s in sqlglot.parse(self.sql, dialect="sqlite") if s is not None]
        if len(statements) != 1:
            raise NoLogicalFormError("not one statement")
        tree = statements[0].unnest()
        if not isinstance(tree, exp.Select):
            raise NoLogicalFormError("not a plain SELECT")
        for name, value in tree.args.items():
            if value and name not in ("expressions", "from_", "where"):
                raise NoLogicalFormError(_CLAUSES.get(name, name.strip("_").upper()))
        self._read_source(tree)
        if len(tree.expressions) != 1:
            raise NoLogicalFormError("more than one column selected")
        selected, aggregate = self._output(tree.expressions[0])
        where = tree.args.get("where")
        conditions = [self._condition(part) for part in _conjuncts(where.this)] if where else []
        return LogicalForm(selected, aggregate, tuple(conditions))

    def _read_source(self, tree: exp.Select) -> None:
        source = tree.args["from_"].this if tree.args.get("from_") else None
        if (
            not isinstance(source, exp.Table)
            or source.db.lower() not in ("", "main")
            or any(v for k, v in source.args.items() if k not in ("this", "alias", "db"))
            or source.name.lower() != self.table.name.lower()
        ):
            raise NoLogicalFormError("not the question's table alone")
        alias = source.args.get("alias")
        if alias is not None and alias.args.get("columns"):
            raise NoLogicalFormError("renamed columns")
        if alias is not None:
            self.prefixes = {alias.name.lower()}

    def _output(self, item: exp.Expr) -> tuple[int, int]:
        item = item.unalias().unnest()
        aggregate = _AGGREGATES.get(type(item), "")
        if aggregate:
            if item.this is None or item.expressions:
                raise NoLogicalFormError("an aggregate of not one column")
            item = item.this.unnest()
        if isinstance(item, exp.Distinct):
            raise NoLogicalFormError("DISTINCT")
        if isinstance(item, exp.Star):
            raise NoLogicalFormError("no column selected")
        return self._column(item), AGGREGATES.index(aggregate)

    def _condition(self, node: exp.Expr) -> tuple[int, int, Value]:
        operator = _COMPARISONS.get(type(node))
        if operator is None:
            raise NoLogicalFormError(f"{node.key.upper()} in a condition")
        left, right = _uncased(node.this), _uncased(node.expression)
        if self._is_value(left) and not self._is_value(right):
            left, right, operator = right, left, _MIRRORED[operator]
        column = self._column(left)
        text = self._text(right)
        number = number_in(text) if self.table.columns[column].type.upper() == "REAL" else None
        value = text.lower() if number is None else number
        return column, OPERATORS.index(operator), value

    def _column(self, node: exp.Expr) -> int:
        if not isinstance(node, exp.Column) or isinstance(node.this, exp.Star):
            raise NoLogicalFormError("an expression where a column belongs")
        place = self.places.get(node.name.lower())
        if place is None:
            raise NoLogicalFormError(f"unknown column: {node.name}")
        if node.table and (node.table.lower() not in self.prefixes or node.args.get("db")):
            raise NoLogicalFormError(f"unknown table: {node.table}")
        return place

    def _is_value(self, node: exp.Expr) -> bool:
        """Whether it is a literal, or a word in double quotes that SQLite takes for a string."""
        if isinstance(node, exp.Neg):
            return isinstance(node.this, exp.Literal) and not node.this.is_string
        if isinstance(node, exp.Column) and not node.table and node.this.args.get("quoted"):
            quoted = '"' + node.name.replace('"', '""') + '"'
            return node.name.lower() not in self.places and quoted in self.sql
        return isinstance(node, exp.Literal)

    def _text(self, node: exp.Expr) -> str:
        if not self._is_value(node):
            raise NoLogicalFormError("an expression where a value belongs")
        return f"-{node.this.name}" if isinstance(node, exp.Neg) else node.name


def _conjuncts(node: exp.Expr) -> list[exp.Expr]:
    """What AND joins, from left to right."""
    found, stack = [], [node]
    while stack:
        node = stack.pop().unnest()
        if isinstance(node, exp.And):
            stack += [node.right, node.left]
        else:
            found.append(node)
    return found


def _uncased(node: exp.Expr) -> exp.Expr:
    """The operand without parentheses and without what only changes its case."""
    while True:
        node = node.unnest()
        is_nocase = isinstance(node, exp.Collate) and node.expression.name.upper() == "NOCASE"
        if not isinstance(node, exp.Lower | exp.Upper) and not is_nocase:
            return node
        node = node.this
